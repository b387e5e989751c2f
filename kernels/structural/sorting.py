"""Positions by order along an axis: argsort, argmax, argmin.

An array is (outer, n, inner), any strides. To argsort nan is the largest of all, to the others an extreme.
"""

from __future__ import annotations

import numpy as np

from ...core.avals import aval, int64
from ...devices.operands import around, aval_of, number, seen_as
from ...planning.plan import KernelStep, View
from ..elements.registry import helper, kernel
from ..elements.scalars import choose, ordered
from ..loops import Allocate, Loop, Lowering, calling, grain, lowers
from ..native.pointers import pointer
from .structure import shaped

BLOCK = 64
"""Values that are compared with the extreme so far before one of them is looked at alone."""
TILE = 256
"""Columns whose extremes are found together: those so far stay in the first cache."""
RUN = 16
"""Values that are sorted by insertion."""
SORTED = 16
"""Elements that could be moved, about, while one is sorted."""
CHUNKS = 16
"""Chunks of a sort at most: each has memory of its own."""


# --- argmax, argmin --------------------------------------------------------------------------------------


@kernel
def extreme_in_rows(args, start, stop, dtype, within):
    """Where the first value stands that all others are `within`; the first nan, if there is one."""
    out, x = pointer(args[0], np.int64), pointer(args[1], dtype)
    n, inner, x_line, step, x_column = args[2], args[3], args[4], args[5], args[6]
    for line in range(start, stop):
        row, place = line // inner * x_line + line % inner * x_column, 0
        best = x[row]
        for first in range(0, n, BLOCK):
            last = min(first + BLOCK, n)
            beaten = False
            for j in range(first, last):
                beaten |= not within(x[row + j * step], best)
            if beaten and not np.isnan(best):
                for j in range(first, last):
                    value = x[row + j * step]
                    if not (np.isnan(best) or within(value, best)):
                        best, place = value, j
        out[line] = place
    return 0


@kernel
def extreme_in_columns(args, start, stop, dtype, within):
    out, x, best = pointer(args[0], np.int64), pointer(args[1], dtype), pointer(args[2], dtype)
    n, inner, x_line, x_step, x_column = args[3], args[4], args[5], args[6], args[7]
    tiles = (inner + TILE - 1) // TILE
    for tile in range(start, stop):
        line, first = tile // tiles, tile % tiles * TILE
        width = min(TILE, inner - first)
        to, source = line * inner + first, line * x_line + first * x_column
        for k in range(to, to + width):
            best[k] = x[source + (k - to) * x_column]
            out[k] = 0
        for j in range(1, n):
            source += x_step
            for k in range(to, to + width):
                value = x[source + (k - to) * x_column]
                beaten = not (np.isnan(best[k]) | within(value, best[k]))
                best[k] = choose(beaten, value, best[k])
                out[k] = choose(beaten, j, out[k])
    return 0


def extreme(within: str) -> Lowering:
    """Lowering of a primitive that finds the extreme to which the others are in this relation."""

    def lower(step: KernelStep, allocate: Allocate) -> list[Loop]:
        x, loops, (outer, n, inner) = _lines(step, allocate)
        if outer * inner == 0:
            return []
        numbers, memory = (n, inner, *x.layout.strides), (step.output, x)
        if inner == 1 or abs(x.layout.strides[1]) < abs(x.layout.strides[2]):  # neighbours are in one line
            source = calling("extreme_in_rows", x.dtype, within)
            return [*loops, Loop(source, memory, (), numbers, outer * inner, grain(n))]
        source = calling("extreme_in_columns", x.dtype, within)
        best = allocate(aval((outer, inner), x.dtype))
        tiles = outer * -(-inner // TILE)
        return [*loops, Loop(source, (*memory, best), (), numbers, tiles, grain(n * min(inner, TILE)))]

    return lower


# --- argsort ---------------------------------------------------------------------------------------------


@helper
def precedes(x, y):
    """Whether a key must stand before another; of complex ones those with fewer nan parts are first."""
    if isinstance(x, (complex, np.complex64)):
        nan_x, nan_y = 2 * np.isnan(x.real) + np.isnan(x.imag), 2 * np.isnan(y.real) + np.isnan(y.imag)
        if nan_x != nan_y:
            return nan_x < nan_y
        return x.real < y.real or (not x.real > y.real and x.imag < y.imag)
    return x < y


@helper
def merge(keys, places, left, middle, end, to):
    """Merge sorted keys [left, middle) and [middle, end), with their places, to where they do not lie."""
    i, j = left, middle
    if middle < end and not precedes(keys[middle], keys[middle - 1]):  # in order already
        middle = j = end
    while i < middle and j < end:
        second = precedes(keys[j], keys[i])
        source = choose(second, j, i)
        keys[to], places[to] = keys[source], places[source]
        to += 1
        j += second
        i += not second
    first, last = (i, middle) if i < middle else (j, end)
    for source in range(first, last):
        keys[to + source - first], places[to + source - first] = keys[source], places[source]


@kernel
def sort_positions(args, start, stop, dtype, key_dtype):
    """Merge sort of short sorted runs, between the halves of this chunk's memory; equal values stay in order."""
    out, x = pointer(args[0], np.int64), pointer(args[1], dtype)
    keys, places = pointer(args[2], key_dtype), pointer(args[3], np.int64)
    n, inner, x_line, x_step, x_column, chunk = args[4], args[5], args[6], args[7], args[8], args[9]
    for line in range(start, stop):
        outer, column = line // inner, line % inner
        source, result = outer * x_line + column * x_column, outer * n * inner + column
        here = start // chunk * 2 * n
        there = here + n
        for first in range(0, n, RUN):
            for j in range(first, min(first + RUN, n)):
                key, at = ordered(x[source + j * x_step]), here + j
                while at > here + first and precedes(key, keys[at - 1]):
                    keys[at], places[at] = keys[at - 1], places[at - 1]
                    at -= 1
                keys[at], places[at] = key, j
        width = np.int64(RUN)  # which grows: a constant's type is its value
        while width < n:
            for first in range(0, n, 2 * width):
                middle, end = min(first + width, n), min(first + 2 * width, n)
                merge(keys, places, here + first, here + middle, here + end, there + first)
            here, there = there, here
            width *= 2
        for j in range(n):
            out[result + j * inner] = places[here + j]
    return 0


@lowers("argsort")
def argsort(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """Positions that sort x along an axis."""
    x, loops, (outer, n, inner) = _lines(step, allocate)
    lines = outer * inner
    if lines * n == 0:
        return []
    chunk = max(grain(SORTED * n), -(-lines // CHUNKS))
    memory = (-(-lines // chunk), 2, n)
    key = np.dtype(f"i{x.dtype.itemsize}") if x.dtype.kind == "f" else x.dtype
    arrays = (step.output, x, allocate(aval(memory, key)), allocate(aval(memory, int64)))
    numbers = (n, inner, *x.layout.strides, chunk)
    return [*loops, Loop(calling("sort_positions", x.dtype, key), arrays, (), numbers, lines, chunk)]


def _lines(step: KernelStep, allocate: Allocate) -> tuple[View, list[Loop], tuple[int, int, int]]:
    """The operand as (outer, n, inner) around the axis, the loops that bring it there, and these sizes."""
    (x,) = step.inputs
    sizes = around(aval_of(x).shape, (step.params["axis"],))
    view, loops = shaped(x, sizes, allocate)
    return seen_as(number(view.dtype), view), loops, sizes


lowers("argmax")(extreme("less_equal"))
lowers("argmin")(extreme("greater_equal"))
