"""Views: no values move, and the adjoint of each is a view, a sum or an update."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..arrays.array import array
from ..arrays.emit import emit, inverse, permuted, reshaped, zeros
from ..core import layouts
from ..core.avals import Aval, aval
from ..core.primitive import Primitive, structural
from .batching import all_batched

Shape = tuple[int, ...]
PART = 4
"""Cotangents of so small a part of an array, and of smaller ones, are added to the part alone."""


# --- inference -------------------------------------------------------------------------------------------


def same(x: Aval, **_: Any) -> Aval:
    """The aval of the operand."""
    return x


def _shaped(x: Aval, shape: Shape) -> Aval:
    return aval(shape, x.dtype)


def _transposed(x: Aval, axes: Shape) -> Aval:
    return aval(tuple(x.shape[a] for a in axes), x.dtype)


def _sliced(x: Aval, start: Shape, stop: Shape, step: Shape) -> Aval:
    """`stop` is exclusive and may be -1 under a negative step, as in Python's range."""
    return aval(tuple(len(range(*s)) for s in zip(start, stop, step, strict=True)), x.dtype)


# --- derivatives -----------------------------------------------------------------------------------------


def _unbroadcast(g: array, x: array) -> array:
    lead = g.ndim - x.ndim
    repeated = tuple(i for i, n in enumerate(g.shape) if i < lead or x.shape[i - lead] != n)
    return reshaped(emit("sum", g, axes=repeated) if repeated else g, x.shape)


def _slice(g: array, x: array, before: array | None, start: Shape, stop: Shape, step: Shape) -> array:
    """A section of zeros; beside it a small one, which is then all that moves, is added to what is there."""
    if before is not None and PART * g.size <= x.size:
        return emit("slice_add", before, g, start=start, stop=stop, step=step)
    section = emit("slice_update", zeros(x), g, start=start, stop=stop, step=step)
    return section if before is None else emit("add", before, section)


# --- batching --------------------------------------------------------------------------------------------


def _shaped_rows(
    p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int, shape: Shape
) -> list[array]:
    return [emit(p.name, xs[0], shape=(size, *shape))]


def _broadcast_rows(
    p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int, shape: Shape
) -> list[array]:
    """Sizes are matched from the last axis: the batch axis stays first."""
    x, missing = xs[0], (1,) * (len(shape) + 1 - xs[0].ndim)
    x = reshaped(x, (size, *missing, *x.shape[1:])) if missing else x
    return [emit(p.name, x, shape=(size, *shape))]


def _transposed_rows(
    p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int, axes: Shape
) -> list[array]:
    return [emit(p.name, xs[0], axes=(0, *[a + 1 for a in axes]))]


def sections(
    p: Primitive,
    xs: Sequence[array],
    batched: Sequence[bool],
    size: int,
    start: Shape,
    stop: Shape,
    step: Shape,
) -> list[array]:
    """Of a regular section of every axis."""
    xs = all_batched(xs, batched, size)
    return [emit(p.name, *xs, start=(0, *start), stop=(size, *stop), step=(1, *step))]


structural("alias", "x", same, view=layouts.same, vjp={"x": lambda g: g})
structural("stop_gradient", "x", same, view=layouts.same, vjp=None)
structural("barrier", "x", same, view=layouts.same, unique=True, vjp={"x": lambda g: g})
structural(
    "reshape",
    "x",
    _shaped,
    view=layouts.reshape,
    vjp={"x": lambda g, x: reshaped(g, x.shape)},
    batch=_shaped_rows,
)
structural("broadcast_to", "x", _shaped, view=layouts.broadcast_to, vjp={"x": _unbroadcast}, batch=_broadcast_rows)
structural(
    "transpose",
    "x",
    _transposed,
    view=layouts.transpose,
    vjp={"x": lambda g, axes: permuted(g, inverse(axes))},
    batch=_transposed_rows,
)
structural("slice", "x", _sliced, view=layouts.slice_, vjp={"x": _slice}, batch=sections)
