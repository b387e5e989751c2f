"""The metal device: an Apple GPU through the package metalcompute."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .runtime.gpu import MetalDevice
    from .runtime.probe import Finding

name = "metal"


def _opened() -> tuple[MetalDevice, Finding]:
    """The first GPU; RuntimeError that says why there is none."""
    from .runtime.probe import refused

    refusal = refused(sys.platform, platform.machine())
    if refusal is not None:
        raise RuntimeError(refusal)
    try:
        import metalcompute
    except ImportError as error:
        raise RuntimeError(f"the package metalcompute is missing (pip install metalcompute): {error}") from error
    from .runtime.child import Trials
    from .runtime.gpu import MetalDevice  # all of the device's code, for which others need not wait

    trials = Trials({"open": name})
    found = trials.look()
    if found.wrong:
        raise RuntimeError(
            f"{found.name} does not do what kernels need: {'; '.join(found.wrong)}. Hint: use the cpu device"
        )
    try:
        gpu: Any = metalcompute.Device()
    except metalcompute.error as error:
        raise RuntimeError(f"metalcompute found no GPU: {error}") from error
    label = f"{found.name} (of which {found.working_set} bytes can be used)"
    return MetalDevice(name, gpu, metalcompute.error, label=label, forks=False, trials=trials), found


_device, finding = _opened()
dtype, holds, check = _device.dtype, _device.holds, _device.check
repeats, upload, compile = _device.repeats, _device.upload, _device.compile

by_itself = not finding.virtual
"""Whether `auto` takes it: that of a virtual machine says too little of a GPU's abilities, and hangs at times."""
