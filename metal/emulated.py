"""The metal-emulator device: the shaders of the metal device, run and checked on the CPU."""

from __future__ import annotations

from . import emulator
from .runtime.gpu import MetalDevice

name = "metal-emulator"


def emulated(name: str, **settings: object) -> MetalDevice:
    """A device with these settings of the emulator; RuntimeError where one is wrong, or the compiler is missing.

    It keeps no memory: in what was used before, a result that a kernel forgets would not be noticed.
    """
    try:
        emulator.check_compiler()
        return MetalDevice(name, emulator.Device(**settings), emulator.error, kept=0)
    except emulator.error as error:
        raise RuntimeError(str(error)) from error


_device = emulated(name)
dtype, upload, compile = _device.dtype, _device.upload, _device.compile
