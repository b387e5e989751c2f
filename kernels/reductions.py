"""Reductions over axes: sum, prod, max, min, argmax, argmin.

Axes that are neighbours are reduced as the middle of (outer, n, inner); of several such runs the last one
goes first. A run is reduced to a few partial results, and these again, until one is left: the rounding error
of a sum then grows with the logarithm of n, and the order of additions depends on the shape alone.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .jit import element_namespace, kernel
from .structure import canonical, combination, writable

ROW_BLOCK = 1024
"""Neighbours summed at once: a partial sum is in registers, a few dozen additions deep."""
COLUMN_BLOCK = 128
"""Rows of (n, inner) added at once; more where they are short."""
LANES = 256
"""Accumulators side by side where inner is small: vector units compute them together."""
SHORT = 24
"""Neighbours for which accumulators side by side do not pay."""
TILE = 1024
"""Accumulators side by side at most: they stay in the first cache."""


# --- sum, prod, max, min ---------------------------------------------------------------------------------


def reduction(name: str, identity: int | None = None) -> Callable[..., None]:
    """A launcher that combines by the element function of this name."""

    def launch(out: np.ndarray, x: np.ndarray, *, axes: tuple[int, ...]) -> None:
        if out.size == 0:
            return
        if x.size == 0:
            out.fill(identity)
        elif not axes:
            np.copyto(out, x)
        elif x.dtype.kind == "c" and identity is None:  # NumPy knows the order of complex numbers
            getattr(np, name).reduce(x, axis=axes, out=out)
        else:
            x, axes = in_memory_order(x, axes)
            *others, last = neighbours(axes)
            if others:
                partial = np.empty(without(x.shape, last), x.dtype)
                reduce_run(partial, x, last, name)
                launch(out, partial, axes=tuple(axis for run in others for axis in run))
            else:
                reduce_run(out, x, last, name)

    return launch


def neighbours(axes: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Ascending axes, split into runs without gaps."""
    runs: list[tuple[int, ...]] = []
    for axis in axes:
        if runs and runs[-1][-1] == axis - 1:
            runs[-1] += (axis,)
        else:
            runs.append((axis,))
    return runs


def without(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that is left when axes are reduced."""
    return tuple(n for i, n in enumerate(shape) if i not in axes)


def around(shape: tuple[int, ...], run: tuple[int, ...]) -> tuple[int, int, int]:
    """(outer, n, inner): sizes before, in and behind a run of axes."""
    first, last = run[0], run[-1] + 1
    return math.prod(shape[:first]), math.prod(shape[first:last]), math.prod(shape[last:])


def in_memory_order(x: np.ndarray, axes: tuple[int, ...]) -> tuple[np.ndarray, tuple[int, ...]]:
    """Transpose x so that it need not be copied, where that leaves the order of the other axes alone."""
    if x.flags.c_contiguous:
        return x, axes
    order = sorted(range(x.ndim), key=lambda axis: -x.strides[axis])
    kept = [axis for axis in order if axis not in axes]
    lying = x.transpose(order)
    if kept != sorted(kept) or not lying.flags.c_contiguous:
        return x, axes
    return lying, tuple(i for i, axis in enumerate(order) if axis in axes)


def reduce_run(out: np.ndarray, x: np.ndarray, run: tuple[int, ...], name: str) -> None:
    """Reduce one run of axes, of at least one element."""
    outer, n, inner = around(x.shape, run)
    operation = combination(name, x.dtype)
    sums = operation == "add"
    block = n
    if sums:
        block = ROW_BLOCK if inner == 1 else max(COLUMN_BLOCK, COLUMN_BLOCK * LANES // (8 * inner))
    if inner == 1:
        reduce_blocks = _sum_rows if sums else (_combine_rows if n < SHORT else _combine_lanes)(operation)
    else:
        reduce_blocks = _combine_lanes(operation)
    while True:
        blocks = -(-n // block)
        last = blocks == 1
        target = writable(out if last else np.empty(outer * blocks * inner, x.dtype), outer, blocks, inner)
        reduce_blocks(canonical(x, outer, n * inner), target, block)
        if last:
            return
        x, n = target, blocks


@kernel(reassociate=True)
def _sum_rows(x, out, block):
    """Sum blocks of neighbours."""
    outer, blocks, _ = out.shape
    for i in range(outer):
        row = x[i]
        for b in range(blocks):
            part = row[b * block : min((b + 1) * block, row.size)]
            total = x.dtype.type(0)
            for j in range(part.size):
                total += part[j]
            out[i, b, 0] = total


@functools.cache
def _combine_rows(name: str) -> kernel:
    """The kernel that reduces short rows of neighbours, each a block, by an element function."""
    combine = element_namespace()[name]

    @kernel
    def reduce_rows(x, out, block):
        outer, n = x.shape
        for i in range(outer):
            value = x[i, 0]
            for j in range(1, n):
                value = combine(value, x[i, j])
            out[i, 0, 0] = value

    return reduce_rows


@functools.cache
def _combine_lanes(name: str) -> kernel:
    """The kernel that reduces blocks of rows of (n, inner) by an element function.

    One accumulator would be a chain of dependent operations, so several rows in a line are combined with the
    next as many, and with one another in the end.
    """
    combine = element_namespace()[name]

    @kernel
    def reduce_blocks(x, out, block):
        outer, blocks, inner = out.shape
        lanes = np.empty(TILE, out.dtype)
        for i in range(outer):
            row = x[i]
            for b in range(blocks):
                part = row[b * block * inner : min((b + 1) * block * inner, row.size)]
                width = inner
                while 2 * width <= LANES and 8 * width <= part.size:
                    width *= 2
                for start in range(0, width, TILE):
                    size = min(TILE, width - start)
                    for k in range(size):
                        lanes[k] = part[start + k]
                    for first in range(width + start, part.size, width):
                        next_lanes = part[first : min(first + size, part.size)]
                        for k in range(next_lanes.size):
                            lanes[k] = combine(lanes[k], next_lanes[k])
                    while size > inner:
                        size //= 2
                        upper = lanes[size : 2 * size]
                        for k in range(size):
                            lanes[k] = combine(lanes[k], upper[k])
                    result = out[i, b, start:]
                    for k in range(size):
                        result[k] = lanes[k]

    return reduce_blocks


# --- argmax, argmin --------------------------------------------------------------------------------------


def position(name: str) -> Callable[..., None]:
    """A launcher that finds where the extreme, by the element function of this name, comes first."""
    find_extreme = reduction(name)
    by_numpy = {"maximum": np.argmax, "minimum": np.argmin}[name]

    def launch(out: np.ndarray, x: np.ndarray, *, axis: int) -> None:
        outer, n, inner = around(x.shape, (axis,))
        if out.size == 0:
            return
        if inner == 1 or x.dtype.kind == "c":  # NumPy is fast here, and knows the order of complex numbers
            out[...] = by_numpy(x, axis=axis)
            return
        extreme = np.empty(out.shape, x.dtype)
        find_extreme(extreme, x, axes=(axis,))
        values, extremes = canonical(x, outer, n, inner), canonical(extreme, outer, inner)
        _find_in_columns(values, extremes, out.reshape(outer, inner))

    return launch


@kernel
def _find_in_columns(x, extremes, out):
    """Go from the last row to the first, which wins."""
    outer, n, inner = x.shape
    for i in range(outer):
        wanted, places = extremes[i], out[i]
        for j in range(n):
            place = n - 1 - j
            row = x[i, place]
            for k in range(inner):
                value, extreme = row[k], wanted[k]
                same = (value == extreme) | (np.isnan(value) & np.isnan(extreme))
                places[k] = place if same else places[k]


LAUNCHERS: dict[str, Callable[..., Any]] = {
    "sum": reduction("add", 0),
    "prod": reduction("multiply", 1),
    "max": reduction("maximum"),
    "min": reduction("minimum"),
    "argmax": position("maximum"),
    "argmin": position("minimum"),
}
