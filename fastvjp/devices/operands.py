"""Operands of structural primitives as kernels want them, on any device: shapes, axes, sections."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

import numpy as np

from ..core.avals import Aval, aval
from ..core.layouts import Layout, reshape, slice_, transpose
from ..planning.plan import KernelStep, Operand, Scalar, View

Work = TypeVar("Work")
"""What a step becomes on a device: a loop, a dispatch."""
Copy = Callable[[Operand, View], list[Work]]
"""Writes an operand's values to a view of its shape."""


def aval_of(o: Operand) -> Aval:
    """Shape and dtype of an operand."""
    return o.aval if isinstance(o, Scalar) else aval(o.layout.shape, o.dtype)


def around(shape: tuple[int, ...], run: tuple[int, ...]) -> tuple[int, int, int]:
    """(outer, n, inner): sizes before, in and behind a run of axes."""
    first, last = run[0], run[-1] + 1
    return math.prod(shape[:first]), math.prod(shape[first:last]), math.prod(shape[last:])


def number(dtype: np.dtype) -> np.dtype:
    """The dtype as which kernels compute with values: bool as uint8."""
    return np.dtype(np.uint8) if dtype == np.bool_ else dtype


def combination(name: str, dtype: np.dtype) -> str:
    """The element function that combines values of this dtype; bools, seen as uint8, add by maximum."""
    if dtype == np.bool_:
        return {"add": "maximum", "multiply": "minimum"}.get(name, name)
    return name


def seen_as(dtype: np.dtype, x: View) -> View:
    """The same memory as another dtype of that size."""
    return View(x.buffer, dtype, x.layout)


def shaped(
    x: View, shape: tuple[int, ...], allocate: Callable[[Aval], View], copy: Copy[Work]
) -> tuple[View, list[Work]]:
    """The view under another shape, and what brings it there.

    It is read where it lies if one stride for each axis can say how, else from a copy.
    """
    work: list[Work] = []
    layout = reshape(x.layout, shape)
    if layout is None:
        dense = allocate(aval_of(x))
        work, x, layout = copy(x, dense), dense, reshape(dense.layout, shape)
        assert layout is not None
    return View(x.buffer, x.dtype, layout), work


def section(x: View, start: tuple[int, ...], stop: tuple[int, ...], step: tuple[int, ...]) -> View:
    """A view of a regular section of every axis."""
    return View(x.buffer, x.dtype, slice_(x.layout, start, stop, step))


def flipped(x: View, axis: int) -> View:
    """A view from the end of an axis."""
    shape = x.layout.shape
    start, stop, step = [0] * len(shape), list(shape), [1] * len(shape)
    start[axis], stop[axis], step[axis] = shape[axis] - 1, -1, -1
    return section(x, tuple(start), tuple(stop), tuple(step))


def part(x: View, axis: int, start: int, stop: int) -> View:
    """A view of a section of one axis."""
    shape = x.layout.shape
    starts, stops = [0] * len(shape), list(shape)
    starts[axis], stops[axis] = start, stop
    return section(x, tuple(starts), tuple(stops), (1,) * len(shape))


def joined(step: KernelStep) -> Iterator[tuple[Operand, View]]:
    """The arrays that a concatenation joins, each with its section of the result."""
    axis, stop = step.params["axis"], 0
    for x in step.inputs:
        start, stop = stop, stop + aval_of(x).shape[axis]
        yield x, part(step.output, axis, start, stop)


def rolled(step: KernelStep) -> Iterator[tuple[Operand, View]]:
    """The two sections of what is shifted along an axis, each with where it comes to lie."""
    (x,), out, axis, shift = step.inputs, step.output, step.params["axis"], step.params["shift"]
    n = out.layout.shape[axis]
    if isinstance(x, Scalar):
        yield x, out
    else:
        yield part(x, axis, n - shift, n), part(out, axis, 0, shift)
        yield part(x, axis, 0, n - shift), part(out, axis, shift, n)


def out_of_range(name: str, rows: int, place: int, what: str = "An index") -> IndexError:
    """The error of a primitive for an index, at this place of the flattened ones, that is none of so many rows."""
    return IndexError(
        f"[{name}] {what} is out of range for an axis of size {rows} (element {place} of the flattened index)."
    )


# --- products of matrices --------------------------------------------------------------------------------


def canonical(x: View, y: View, out: View) -> tuple[View, View, View]:
    """The same product with as few batch axes as can be, and the vector, if there is one, on the left."""
    for _ in range(2):
        x, y, out = (replace(v, layout=a) for v, a in zip((x, y, out), _tall(x, y, out), strict=True))
        if out.layout.shape[-1] == 1:
            x, y, out = (replace(v, layout=_swapped(v.layout)) for v in (y, x, out))
    return x, y, out


def _swapped(x: Layout) -> Layout:
    axes = range(len(x.shape))
    return transpose(x, (*axes[:-2], axes[-1], axes[-2]))


def _tall(*operands: View) -> tuple[Layout, Layout, Layout]:
    """Inner batch axes along which y repeats become rows of x."""
    x, y, out = (v.layout for v in operands)
    while len(out.shape) > 2:
        batch, rows = out.shape[-3:-1]
        if batch > 1 and y.strides[-3] != 0:
            break
        if batch > 1 and rows > 1 and any(v.strides[-3] != rows * v.strides[-2] for v in (x, out)):
            break
        x, out = (_rows_joined(v, batch * rows) for v in (x, out))
        y = Layout(y.shape[:-3] + y.shape[-2:], y.strides[:-3] + y.strides[-2:], y.offset)
    return x, y, out


def _rows_joined(x: Layout, rows: int) -> Layout:
    down = x.strides[-2] if x.shape[-2] > 1 else x.strides[-3]
    return Layout((*x.shape[:-3], rows, x.shape[-1]), (*x.strides[:-3], down, x.strides[-1]), x.offset)
