"""Reductions over axes: sum, prod, max, min.

Axes that are neighbours are reduced as the middle of (outer, n, inner); of several such runs the last one
goes first. A run is reduced to a few partial results, and these again, until one is left: the rounding error
of a sum then grows with the logarithm of n, and the order of additions depends on the shape alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .jit import OPTIONS, element_namespace, jit_disabled, numba
from .structure import around, combination, number

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


def array_kernel(function: Callable[..., Any] | None = None, *, reassociate: bool = False) -> Any:
    """Decorator of a function over arrays, jitted at its first call for each combination of dtypes.

    `reassociate=True` lets sums be reordered, which vectorises them.
    """
    if function is None:
        return functools.partial(array_kernel, reassociate=reassociate)
    options = {**OPTIONS, "fastmath": {"reassoc", "contract"}} if reassociate else OPTIONS
    compiled = functools.cache(lambda: numba().njit(**options)(function))

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        if jit_disabled():
            with np.errstate(all="ignore"):
                return function(*args)
        return compiled()(*args)

    return call


def canonical(x: np.ndarray, *shape: int) -> np.ndarray:
    """The values of x in C order under this shape: a read-only view, or a copy where there is none.

    Numba types read-only and writable arrays apart. Any array can be viewed as read-only, so kernels get all
    their inputs that way and are compiled once for each dtype. They get bool as uint8.
    """
    view = np.ascontiguousarray(x).reshape(shape).view(number(x.dtype))
    view.setflags(write=False)
    return view


def writable(out: np.ndarray, *shape: int) -> np.ndarray:
    """A result, which is C-contiguous, under this shape, as kernels write it."""
    return out.reshape(shape).view(number(out.dtype))


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


@array_kernel(reassociate=True)
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
def _combine_rows(name: str) -> Any:
    """The kernel that reduces short rows of neighbours, each a block, by an element function."""
    combine = element_namespace()[name]

    @array_kernel
    def reduce_rows(x, out, block):
        outer, n = x.shape
        for i in range(outer):
            value = x[i, 0]
            for j in range(1, n):
                value = combine(value, x[i, j])
            out[i, 0, 0] = value

    return reduce_rows


@functools.cache
def _combine_lanes(name: str) -> Any:
    """The kernel that reduces blocks of rows of (n, inner) by an element function.

    One accumulator would be a chain of dependent operations, so several rows in a line are combined with the
    next as many, and with one another in the end.
    """
    combine = element_namespace()[name]

    @array_kernel
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


LAUNCHERS: dict[str, Callable[..., Any]] = {
    "sum": reduction("add", 0),
    "prod": reduction("multiply", 1),
    "max": reduction("maximum"),
    "min": reduction("minimum"),
}
