"""The metal-emulator device: the shaders of the metal device, run and checked on the CPU."""

from __future__ import annotations

from typing import TypedDict, Unpack

from . import emulator
from .runtime.gpu import MetalDevice

name = "metal-emulator"


class Settings(TypedDict, total=False):
    """Of `emulator.Device`."""

    mode: str
    group: int
    fast_math: bool
    time_limit: float
    hardware: emulator.Hardware
    faults: emulator.Faults


def emulated(name: str, **settings: Unpack[Settings]) -> MetalDevice:
    """A device with these settings of the emulator; RuntimeError where one is wrong, or the compiler is missing.

    It keeps no memory: in what was used before, a result that a kernel forgets would not be noticed.
    """
    try:
        emulator.check_compiler()
        device = emulator.Device(**settings)
        forks = not device.faults.lost_by_fork
        return MetalDevice(name, device, emulator.error, kept=0, label=device.hardware.name, forks=forks)
    except emulator.error as error:
        raise RuntimeError(str(error)) from error


_device = emulated(name)
dtype, holds, check = _device.dtype, _device.holds, _device.check
repeats, upload, compile = _device.repeats, _device.upload, _device.compile
