"""What every structural primitive becomes on this device."""

from __future__ import annotations

from ..plan import FusedStep, Step
from . import codegen, indexing, matmul, scans, sorting, structure, user_kernels
from .dispatch import Allocate, Dispatch, Lowering

LOWERINGS: dict[str, Lowering] = {
    **scans.LOWERINGS,
    **indexing.LOWERINGS,
    **sorting.LOWERINGS,
    **structure.LOWERINGS,
    **matmul.LOWERINGS,
}
"""By the names of the primitives. They know no complex numbers."""


def lower(step: Step, allocate: Allocate) -> list[Dispatch]:
    """The dispatches of a step without complex numbers."""
    if isinstance(step, FusedStep):
        return codegen.lower(step, allocate)
    if step.primitive.definition is not None:
        return user_kernels.lower(step, allocate)
    return LOWERINGS[step.primitive.name](step, allocate)
