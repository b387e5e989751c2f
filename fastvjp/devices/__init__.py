"""Devices: which there are, which is chosen, on how many threads, and what all of them use to run plans."""

from .choice import (
    NAMES,
    Backend,
    Executable,
    Profile,
    current,
    default_device,
    device,
    layout,
    set_default_device,
    usable,
    why_unavailable,
)
from .names import Device, DeviceType, cpu, gpu
from .streams import check_stream
from .threads import default_num_threads, num_threads, set_num_threads

__all__ = [
    "NAMES",
    "Backend",
    "Device",
    "DeviceType",
    "Executable",
    "Profile",
    "check_stream",
    "cpu",
    "current",
    "default_device",
    "default_num_threads",
    "device",
    "gpu",
    "layout",
    "num_threads",
    "set_default_device",
    "set_num_threads",
    "usable",
    "why_unavailable",
]
