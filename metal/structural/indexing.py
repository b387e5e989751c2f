"""Rows by index: gather, an element of each row, and scatters that set or combine.

An array is (rows, size), any strides. Every index is checked before it is used, and the first bad one is an error.
Each element of the result is made by itself, from its values in the order of the index, so that results do not
depend on timing.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from ...core.avals import aval, int64
from ...devices.operands import aval_of, combination, number, out_of_range, seen_as
from ...planning.plan import KernelStep, Operand, View
from ..dispatch import Allocate, Dispatch, Lowering, lowers
from .calls import Call, by_groups, by_threads, strides, type_of
from .reductions import SIMDGROUPS, held, operation
from .sorting import sort
from .structure import shaped

FEW = 64
"""Picks that a thread looks through for each element, ..."""
SOME = 1024
"""... or so many, if there are not many elements."""
LOOKED_THROUGH = 1 << 22
"""Times that picks are looked at in all, where they are not sorted."""
LAST = (1 << 32) - 1
"""What kernels take a position from when they leave it as the state."""


@lowers("gather")
def gather(step: KernelStep, allocate: Allocate) -> list[Dispatch]:
    """Rows of x."""
    x, index = step.inputs
    rows, (picks, *row) = aval_of(x).shape[0], step.output.layout.shape
    size = math.prod(row)
    if picks == 0:
        return []
    x, dispatches = shaped(x, (rows, size), allocate)
    numbers = (picks, rows, size, *strides(x), *strides(index))
    call = Call(f"gather<{type_of(step.output)}>", (step.output,), (x, index), numbers)
    count = picks * max(size, 1)  # of empty rows, the index is still checked
    return [*dispatches, by_threads("indexing", call, count=count, error=position_error("gather", rows))]


@lowers("pick")
def pick(step: KernelStep, allocate: Allocate) -> list[Dispatch]:
    """An element of each row of x."""
    x, index = step.inputs
    size = aval_of(x).shape[-1]
    rows = math.prod(step.output.layout.shape)
    if rows == 0:
        return []
    x, dispatches = shaped(x, (rows, size), allocate)
    index, copies = shaped(index, (rows,), allocate)
    call = Call(
        f"pick<{type_of(step.output)}>", (step.output,), (x, index), (rows, size, *strides(x), *strides(index))
    )
    return [*dispatches, *copies, by_threads("indexing", call, count=rows, error=position_error("pick", size))]


@lowers("one_hot")
def one_hot(step: KernelStep, allocate: Allocate) -> list[Dispatch]:
    """Rows of zeros with an element of x each."""
    x, index = step.inputs
    *_, size = step.output.layout.shape
    rows = math.prod(aval_of(x).shape)
    if rows * size == 0:
        return []
    x, dispatches = shaped(x, (rows,), allocate)
    index, copies = shaped(index, (rows,), allocate)
    numbers = (rows * size, size, *strides(x), *strides(index))
    call = Call(f"one_hot<{type_of(step.output)}>", (step.output,), (x, index), numbers)
    return [*dispatches, *copies, by_threads("indexing", call, count=rows * size)]


def scatter(name: str, combine: str) -> Lowering:
    """Lowering of a primitive that copies x and combines rows of y into it by an element function."""

    def lower(step: KernelStep, allocate: Allocate) -> list[Dispatch]:
        x, index, y = step.inputs
        (picks,), (rows, *row) = aval_of(index).shape, step.output.layout.shape
        size = math.prod(row)
        x, dispatches = shaped(x, (rows, size), allocate)
        y, copies = shaped(y, (picks, size), allocate)
        dispatches += copies
        dtype = number(step.output.dtype)
        out, x, y = seen_as(dtype, step.output), _seen_as_number(x), _seen_as_number(y)
        numbers = (rows * size, rows, size, picks, *strides(x), *strides(y), *strides(index))
        types = f"<{type_of(out)}, {operation(combination(combine, step.output.dtype))}>"
        count = max(rows * size, picks)
        if count == 0:
            return []
        error = position_error(name, rows)
        looked_through = rows * size * picks
        if picks <= FEW or looked_through == 0 or (picks <= SOME and looked_through <= LOOKED_THROUGH):
            call = Call(f"scatter_few{types}", (out,), (x, y, index), numbers)
            return [*dispatches, by_threads("indexing", call, count=count, error=error)]
        if combine != "replace" and looked_through <= LOOKED_THROUGH:
            call = Call(f"scatter_by_groups{types}", (out,), (x, y, index), numbers)
            memory = [(f"{held(combination(combine, step.output.dtype), dtype)}::type", SIMDGROUPS)]
            return [*dispatches, by_groups("indexing", call, rows * size, memory, error=error)]
        order = allocate(aval((picks,), int64))
        dispatches += sort(index, 0, order, allocate)
        call = Call(f"scatter_sorted{types}", (out,), (x, y, index, order), numbers)
        return [*dispatches, by_threads("indexing", call, count=count, error=error)]

    return lower


def _seen_as_number(o: Operand) -> Operand:
    return seen_as(number(o.dtype), o) if isinstance(o, View) else o


def position_error(name: str, rows: int) -> Callable[[int], IndexError]:
    """The error for a state; what the index was is not known any more."""
    return lambda state: out_of_range(name, rows, LAST - state)


for _name, _operation in {
    "scatter_set": "replace",
    "scatter_add": "add",
    "scatter_multiply": "multiply",
    "scatter_max": "maximum",
    "scatter_min": "minimum",
}.items():
    lowers(_name)(scatter(_name, _operation))
