"""Moving values: operands as kernels read them, concatenate."""

from __future__ import annotations

import numpy as np

from ...core.avals import aval
from ...core.layouts import Layout
from ...devices import operands
from ...devices.operands import aval_of, joined, rolled, seen_as
from ...planning.plan import FusedStep, KernelStep, Operand, Scalar, Store, View
from ..fused.codegen import lower
from ..loops import Allocate, Loop, fuses


def word(dtype: np.dtype) -> np.dtype:
    """The dtype as which kernels move values: those of one size share a kernel."""
    return dtype if dtype.itemsize > 8 else np.dtype(f"u{dtype.itemsize}")


def moved(source: Operand, target: View) -> list[FusedStep]:
    """The step that writes an operand's values to a view of its shape; none if there are no values."""
    if 0 in target.layout.shape:
        return []
    if isinstance(source, View):
        source, target = seen_as(word(source.dtype), source), seen_as(word(target.dtype), target)
    shape = target.layout.shape
    return [FusedStep(shape, len(shape), [source], [], [Store(0, target)])]


def copy(source: Operand, target: View) -> list[Loop]:
    """The same as a loop."""
    return [loop for step in moved(source, target) for loop in lower(step)]


def shaped(o: Operand, shape: tuple[int, ...], allocate: Allocate) -> tuple[View, list[Loop]]:
    """The operand under another shape, and the loops that bring it there, if any must.

    A scalar is one element, repeated along all axes.
    """
    if isinstance(o, View):
        return operands.shaped(o, shape, allocate, copy)
    one = allocate(aval((), o.aval.dtype))
    repeated = View(one.buffer, one.dtype, Layout(shape, (0,) * len(shape)))
    return repeated, copy(Scalar(o.leaf, aval_of(one)), one)


@fuses("roll")
def roll(step: KernelStep) -> list[FusedStep]:
    """Copy both sections to where they come to lie."""
    return [copied for x, target in rolled(step) for copied in moved(x, target)]


@fuses("concatenate")
def concatenate(step: KernelStep) -> list[FusedStep]:
    """Copy each array to its section of the result."""
    return [copied for x, target in joined(step) for copied in moved(x, target)]
