"""What every structural primitive becomes on this device."""

from __future__ import annotations

from ...planning.plan import FusedStep, LoopStep, Step
from ..dispatch import Allocate, Dispatch, lowers
from ..fused import codegen
from ..structural import user_kernels


def lower(step: Step, allocate: Allocate) -> list[Dispatch]:
    """The dispatches of a step without complex numbers."""
    if isinstance(step, FusedStep):
        return codegen.lower(step, allocate)
    assert not isinstance(step, LoopStep), "the device has said that it repeats nothing"
    if step.primitive.definition is not None:
        return user_kernels.lower(step, allocate)
    return lowers[step.primitive.name](step, allocate)
