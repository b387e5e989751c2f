"""metalcompute on the CPU: the same shaders, compiled by clang, with the mistakes found that a GPU hides."""

from .api import Buffer, Device, Function, Kernel, Run, get_devices
from .compiler import check_compiler
from .errors import error
from .hardware import Faults, Hardware

__all__ = [
    "Buffer",
    "Device",
    "Faults",
    "Function",
    "Hardware",
    "Kernel",
    "Run",
    "check_compiler",
    "error",
    "get_devices",
]
