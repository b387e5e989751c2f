"""Moving values: operands as kernels read them, slice_update, concatenate."""

from __future__ import annotations

import math

import numpy as np

from ..avals import Aval, aval
from ..layouts import Layout, reshape, slice_
from ..plan import FusedStep, KernelStep, Operand, Scalar, Store, View
from .codegen import lower
from .loops import Allocate, Loop, Lowering


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


def word(dtype: np.dtype) -> np.dtype:
    """The dtype as which kernels move values: those of one size share a kernel."""
    return dtype if dtype.itemsize > 8 else np.dtype(f"u{dtype.itemsize}")


def seen_as(dtype: np.dtype, x: View) -> View:
    """The same memory as another dtype of that size."""
    return View(x.buffer, dtype, x.layout)


def combination(name: str, dtype: np.dtype) -> str:
    """The element function that combines values of this dtype; bools, seen as uint8, add by maximum."""
    if dtype == np.bool_:
        return {"add": "maximum", "multiply": "minimum"}.get(name, name)
    return name


def copy(source: Operand, target: View) -> list[Loop]:
    """The loop that writes an operand's values to a view of its shape; none if there are no values."""
    if 0 in target.layout.shape:
        return []
    if isinstance(source, View):
        source, target = seen_as(word(source.dtype), source), seen_as(word(target.dtype), target)
    shape = target.layout.shape
    return lower(FusedStep(shape, len(shape), [source], [], [Store(0, target)]))


def shaped(o: Operand, shape: tuple[int, ...], allocate: Allocate) -> tuple[View, list[Loop]]:
    """The operand under another shape, and the loops that bring it there.

    It is read where it lies if one stride for each axis can say how, else from a copy. A scalar is one element,
    repeated along all axes.
    """
    if isinstance(o, Scalar):
        one = allocate(aval((), o.aval.dtype))
        return View(one.buffer, one.dtype, Layout(shape, (0,) * len(shape))), copy(
            Scalar(o.leaf, aval_of(one)), one
        )
    loops: list[Loop] = []
    layout = reshape(o.layout, shape)
    if layout is None:
        dense = allocate(aval_of(o))
        loops, o, layout = copy(o, dense), dense, reshape(dense.layout, shape)
        assert layout is not None
    return View(o.buffer, o.dtype, layout), loops


def section(x: View, start: tuple[int, ...], stop: tuple[int, ...], step: tuple[int, ...]) -> View:
    """A view of a regular section of every axis."""
    return View(x.buffer, x.dtype, slice_(x.layout, start, stop, step))


def slice_update(step: KernelStep, _: Allocate) -> list[Loop]:
    """Copy x and replace a section by y."""
    x, y = step.inputs
    return copy(x, step.output) + copy(y, section(step.output, **step.params))


def concatenate(step: KernelStep, _: Allocate) -> list[Loop]:
    """Copy each array to its section of the result."""
    axis, shape = step.params["axis"], step.output.layout.shape
    loops: list[Loop] = []
    start, stop = [0] * len(shape), list(shape)
    for x in step.inputs:
        stop[axis] = start[axis] + aval_of(x).shape[axis]
        loops += copy(x, section(step.output, tuple(start), tuple(stop), (1,) * len(shape)))
        start[axis] = stop[axis]
    return loops


LOWERINGS: dict[str, Lowering] = {"slice_update": slice_update, "concatenate": concatenate}
