"""What every structural primitive becomes on this device."""

from __future__ import annotations

from ...planning.plan import FusedStep, Step
from ..dispatch import Allocate, Dispatch, Lowering
from ..fused import codegen
from ..structural import indexing, matmul, scans, sorting, structure, user_kernels

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
