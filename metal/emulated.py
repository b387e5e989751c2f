"""The metal-emulator device: the shaders of the metal device, run and checked on the CPU."""

from __future__ import annotations

from .gpu import MetalDevice

name = "metal-emulator"


def _opened() -> MetalDevice:
    try:
        from . import emulator

        return MetalDevice(name, emulator.Device(), emulator.error)
    except ImportError as error:
        raise RuntimeError(f"its compiler is missing: {error}. Hint: pip install 'fastvjp[emulator]'") from error


_device = _opened()
dtype, upload, compile = _device.dtype, _device.upload, _device.compile
