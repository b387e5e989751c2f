"""The metal device: an Apple GPU through the package metalcompute."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .runtime.gpu import MetalDevice

name = "metal"


def _opened() -> MetalDevice:
    """The first GPU; RuntimeError that says why there is none."""
    if sys.platform != "darwin":
        raise RuntimeError("Metal is macOS's; on other systems there is the device metal-emulator")
    try:
        import metalcompute
    except ImportError as error:
        raise RuntimeError(f"the package metalcompute is missing (pip install metalcompute): {error}") from error
    try:
        gpu: Any = metalcompute.Device()
    except metalcompute.error as error:
        raise RuntimeError(f"metalcompute found no GPU: {error}") from error
    from .runtime.gpu import MetalDevice  # all of the device's code, for which others need not wait

    return MetalDevice(name, gpu, metalcompute.error)


_device = _opened()
dtype, holds, check = _device.dtype, _device.holds, _device.check
repeats, upload, compile = _device.repeats, _device.upload, _device.compile
