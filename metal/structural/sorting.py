"""Positions by order along an axis: argsort, argmax, argmin.

An array is (outer, n, inner), any strides. To argsort nan is the largest of all, to the others an extreme.
"""

from __future__ import annotations

import numpy as np

from ...core.avals import aval, int32, uint32
from ...devices.operands import around, aval_of, number, seen_as
from ...planning.plan import KernelStep, Operand, View
from ..dispatch import Allocate, Dispatch, Lowering, lowers, type_name
from .calls import Call, by_groups, by_threads, strides
from .reductions import SIMDGROUPS
from .structure import shaped

SERIAL = 64
"""Values of a line of which a thread finds the extreme by itself, ..."""
MANY = 4096
"""... and lines from which on it does so of any."""
BLOCK = 2048
"""Keys that a threadgroup sorts in its memory."""
WAYS = 8
"""Sorted runs that are merged at a time."""
SORTING_GROUP = 512
"""Threads of a threadgroup that sorts."""


def extreme(by: str) -> Lowering:
    """Lowering of a primitive that finds where the largest key of this kind (sorting.metal) stands."""

    def lower(step: KernelStep, allocate: Allocate) -> list[Dispatch]:
        x, dispatches, (outer, n, inner) = _lines(step.inputs[0], step.params["axis"], allocate)
        lines = outer * inner
        if lines == 0:
            return []
        numbers = (lines, n, inner, *strides(x))
        types = f"<{_type(x)}, helper::{by}>"
        if n <= SERIAL or lines >= MANY:
            call = Call(f"extreme_by_threads{types}", (step.output,), (x,), numbers)
            return [*dispatches, by_threads("sorting", call, count=lines)]
        call = Call(f"extreme_by_groups{types}", (step.output,), (x,), numbers)
        memory = [(type_name(_key(x)), SIMDGROUPS), ("uint", SIMDGROUPS)]
        return [*dispatches, by_groups("sorting", call, lines, memory)]

    return lower


@lowers("argsort")
def argsort(step: KernelStep, allocate: Allocate) -> list[Dispatch]:
    """Positions that sort x along an axis."""
    return sort(step.inputs[0], step.params["axis"], step.output, allocate)


def sort(x: Operand, axis: int, out: View, allocate: Allocate) -> list[Dispatch]:
    """Write the positions that sort x along an axis: by one threadgroup, or from runs that are merged."""
    x, dispatches, (outer, n, inner) = _lines(x, axis, allocate)
    lines = outer * inner
    if lines * n == 0:
        return []
    size = min(1 << (n - 1).bit_length(), BLOCK)
    runs = -(-n // size)
    slots = min(1 << (lines * runs * size - 1).bit_length(), BLOCK)
    blocks = -(-lines * runs * size // slots)
    numbers = (blocks, slots, size, runs, lines * runs, n, inner, *strides(x))
    memory = [(type_name(_key(x)), BLOCK), ("uint", BLOCK)]
    if runs == 1:
        call = Call(f"sort_lines<{_type(x)}>", (out,), (x,), numbers)
        return [*dispatches, by_groups("sorting", call, blocks, memory, SORTING_GROUP)]
    keys, spare_keys = (allocate(aval((lines, n), _key(x))) for _ in range(2))
    places, spare_places = (allocate(aval((lines, n), uint32)) for _ in range(2))
    call = Call(f"sort_runs<{_type(x)}>", (keys, places), (x,), numbers)
    dispatches.append(by_groups("sorting", call, blocks, memory, SORTING_GROUP))
    while size < n:
        last = size * WAYS >= n
        numbers = (lines * n, n, inner, size)
        function, to = ("merge_lines", (out,)) if last else ("merge_runs", (spare_keys, spare_places))
        call = Call(f"{function}<{type_name(_key(x))}>", to, (keys, places), numbers)
        dispatches.append(by_threads("sorting", call, count=lines * n))
        keys, places, spare_keys, spare_places = spare_keys, spare_places, keys, places
        size *= WAYS
    return dispatches


def _lines(x: Operand, axis: int, allocate: Allocate) -> tuple[Operand, list[Dispatch], tuple[int, int, int]]:
    """The operand as (outer, n, inner) around the axis, the dispatches that bring it there, and these sizes."""
    sizes = around(aval_of(x).shape, (axis,))
    x, dispatches = shaped(x, sizes, allocate)
    return seen_as(number(x.dtype), x) if isinstance(x, View) else x, dispatches, sizes


def _type(x: Operand) -> str:
    return type_name(number(aval_of(x).dtype))


def _key(x: Operand) -> np.dtype:
    """The integers as which values are compared."""
    dtype = number(aval_of(x).dtype)
    if dtype.kind == "f":
        return int32
    if dtype.itemsize == 8:
        return dtype
    return int32 if dtype.kind == "i" else uint32


lowers("argmax")(extreme("Largest"))
lowers("argmin")(extreme("Smallest"))
