"""Rules of the views and of the structural primitives, each the adjoint of the primitive.

They never read a value: what they emit is cached for all values. For complex numbers they give
g * conj(derivative). `scale(g, d)` is that product with a g of zero giving zero whatever d is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.array import array
from ..arrays.emit import (
    cast,
    constant,
    emit,
    filled,
    inverse,
    permuted,
    reshaped,
    section,
    sliced,
    spread,
    trailing,
    unreduced,
)
from ..core.avals import int64

Shape = tuple[int, ...]


def _conj(x: array) -> array:
    return emit("conjugate", x) if x.dtype.kind == "c" else x


def _zeros(like: array) -> array:
    return filled(like.shape, like)


# --- views -----------------------------------------------------------------------------------------------


def _unbroadcast(g: array, x: array) -> array:
    lead = g.ndim - x.ndim
    repeated = tuple(i for i, n in enumerate(g.shape) if i < lead or x.shape[i - lead] != n)
    return reshaped(emit("sum", g, axes=repeated) if repeated else g, x.shape)


def _slice(g: array, x: array, start: Shape, stop: Shape, step: Shape) -> array:
    return emit("slice_update", _zeros(x), g, start=start, stop=stop, step=step)


# --- reductions ------------------------------------------------------------------------------------------


def _prod(g: array, x: array, axes: Shape) -> array:
    """The product of the others, from those before and those behind: right with any number of zeros."""
    order = trailing(axes, x.ndim)
    lines = permuted(x, order)
    shape = lines.shape
    kept = shape[: x.ndim - len(axes)]
    lines = reshaped(lines, (*kept, math.prod(shape[len(kept) :])))
    last = len(kept)
    before = emit("cumprod", lines, axis=last, reverse=False, exclusive=True)
    behind = emit("cumprod", lines, axis=last, reverse=True, exclusive=True)
    others = permuted(reshaped(emit("multiply", before, behind), shape), inverse(order))
    return emit("scale", unreduced(g, axes, x.shape), others)


def _extreme(g: array, x: array, out: array, axes: Shape) -> array:
    """An even share for each of the elements that are extreme."""
    mask = cast(emit("equal", x, unreduced(out, axes, x.shape)), x.dtype)
    share = emit("divide", mask, unreduced(emit("sum", mask, axes=axes), axes, x.shape))
    return emit("scale", unreduced(g, axes, x.shape), share)


def _logsumexp(g: array, x: array, out: array, axes: Shape) -> array:
    """exp(x - out); where out is infinite, 1 for elements of inf and 0 for others."""
    peak = unreduced(out, axes, x.shape)
    infinite = emit("isinf", peak)
    at_peak = emit("logical_and", emit("equal", x, peak), emit("greater", x, _zeros(x)))
    weight = emit("exp", emit("subtract", x, emit("select", infinite, _zeros(x), peak)))
    weight = emit("select", infinite, cast(at_peak, x.dtype), weight)
    return emit("scale", unreduced(g, axes, x.shape), weight)


def _softmax(g: array, out: array, axes: Shape) -> array:
    mean = unreduced(emit("sum", emit("scale", g, out), axes=axes), axes, out.shape)
    return emit("scale", emit("subtract", g, mean), out)


# --- scans -----------------------------------------------------------------------------------------------


def _shifted(x: array, axis: int, forward: bool, fill: float = 0) -> array:
    """Each element replaced by its neighbour, the one before it if `forward`; `fill` where there is none."""
    n = x.shape[axis]
    edge = filled((*x.shape[:axis], min(n, 1), *x.shape[axis + 1 :]), x, fill)
    rest = section(x, axis, 0, max(n - 1, 0)) if forward else section(x, axis, min(n, 1), n)
    return emit("concatenate", *((edge, rest) if forward else (rest, edge)), axis=axis)


def _cumsum(g: array, axis: int, reverse: bool, exclusive: bool) -> array:
    return emit("cumsum", g, axis=axis, reverse=not reverse, exclusive=exclusive)


def _cumprod(g: array, x: array, axis: int, reverse: bool, exclusive: bool) -> array:
    """dx_i = P_i * S_i: P the product before i, S_i = g_i + x_{i+1} S_{i+1}; in O(n), right with zeros."""
    before = emit("cumprod", x, axis=axis, reverse=reverse, exclusive=True)
    if exclusive:
        g = _shifted(g, axis, forward=reverse)
    factors = _shifted(_conj(x), axis, forward=reverse)
    sums = emit("linear_recurrence", factors, g, axis=axis, reverse=not reverse)
    return emit("scale", sums, before)


def _recurrence_y(g: array, x: array, axis: int, reverse: bool) -> array:
    """h_i = x_i h_{i-1} + y_i, so that S_i = g_i + x_{i+1} S_{i+1}."""
    factors = _shifted(_conj(x), axis, forward=reverse)
    return emit("linear_recurrence", factors, g, axis=axis, reverse=not reverse)


def _recurrence_x(g: array, x: array, out: array, axis: int, reverse: bool) -> array:
    before = _shifted(out, axis, forward=not reverse)
    return emit("scale", _recurrence_y(g, x, axis, reverse), before)


# --- rows by index ---------------------------------------------------------------------------------------


def _rows(values: array, like: array) -> array:
    """One value for each row, repeated to the shape of the rows."""
    return spread(reshaped(values, values.shape + (1,) * (like.ndim - 1)), like.shape)


def _positions(index: array) -> array:
    return constant(np.arange(index.size, dtype=int64))


def _overwritten(g: array, index: array, y: array) -> array:
    return emit("scatter_set", g, index, _zeros(y))


def _last_written(g: array, index: array, y: array) -> array:
    """The cotangent of each row that no later one replaced."""
    positions = _positions(index)
    last = emit("scatter_set", filled(g.shape[:1], positions), index, positions)
    stays = emit("equal", emit("gather", last, index), positions)
    return emit("select", _rows(stays, y), emit("gather", g, index), _zeros(y))


def _multiplied_x(g: array, index: array, x: array, y: array) -> array:
    return emit("scale", g, emit("scatter_multiply", filled(x.shape, x, 1), index, y))


def _multiplied_y(g: array, index: array, x: array, y: array) -> array:
    """For each factor x and the other factors of its place: products from both sides, sorted by place."""
    order = emit("argsort", index, axis=0)
    places, factors = emit("gather", index, order), emit("gather", y, order)
    before, behind = _products(places, factors, reverse=False), _products(places, factors, reverse=True)
    others = emit("multiply", before, behind)
    others = emit("multiply", others, emit("gather", x, places))
    others = emit("scatter_set", _zeros(y), order, others)
    return emit("scale", emit("gather", g, index), others)


def _products(places: array, factors: array, reverse: bool) -> array:
    """Product of the factors before each one, of the same place, by a recurrence that starts anew at each."""
    same = emit("equal", places, _shifted(places, 0, forward=not reverse, fill=-1))
    same = _rows(same, factors)
    ratio = emit("select", same, _shifted(factors, 0, forward=not reverse), _zeros(factors))
    first = emit("select", same, _zeros(factors), filled(factors.shape, factors, 1))
    return emit("linear_recurrence", ratio, first, axis=0, reverse=reverse)


def _share(index: array, x: array, y: array, out: array) -> tuple[array, array, array]:
    """Which of x and of y are the extreme of their place, and how many of them there are."""
    in_x = cast(emit("equal", x, out), x.dtype)
    in_y = cast(emit("equal", y, emit("gather", out, index)), x.dtype)
    return in_x, in_y, emit("scatter_add", in_x, index, in_y)


def _scattered_extreme_x(g: array, index: array, x: array, y: array, out: array) -> array:
    in_x, _, count = _share(index, x, y, out)
    return emit("scale", g, emit("divide", in_x, count))


def _scattered_extreme_y(g: array, index: array, x: array, y: array, out: array) -> array:
    _, in_y, count = _share(index, x, y, out)
    return emit("scale", emit("gather", g, index), emit("divide", in_y, emit("gather", count, index)))


# --- joins and products ----------------------------------------------------------------------------------


def _replaced(g: array, y: array, start: Shape, stop: Shape, step: Shape) -> array:
    return emit("slice_update", g, _zeros(y), start=start, stop=stop, step=step)


def _replacing(g: array, start: Shape, stop: Shape, step: Shape) -> array:
    return sliced(g, start, stop, step)


def _parts(g: array, xs: list[array], axis: int) -> list[array]:
    ends = np.cumsum([x.shape[axis] for x in xs]).tolist()
    return [section(g, axis, end - x.shape[axis], end) for x, end in zip(xs, ends, strict=True)]


def _swapped(x: array) -> array:
    return _conj(permuted(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)))


_EXTREME = {"x": _scattered_extreme_x, "y": _scattered_extreme_y}

RULES: dict[str, dict[str, Callable[..., Any]]] = {
    "alias": {"x": lambda g: g},
    "barrier": {"x": lambda g: g},
    "reshape": {"x": lambda g, x: reshaped(g, x.shape)},
    "broadcast_to": {"x": _unbroadcast},
    "transpose": {"x": lambda g, axes: permuted(g, inverse(axes))},
    "slice": {"x": _slice},
    "sum": {"x": lambda g, x, axes: unreduced(g, axes, x.shape)},
    "prod": {"x": _prod},
    "max": {"x": _extreme},
    "min": {"x": _extreme},
    "logsumexp": {"x": _logsumexp},
    "softmax": {"x": _softmax},
    "cumsum": {"x": _cumsum},
    "cumprod": {"x": _cumprod},
    "linear_recurrence": {"x": _recurrence_x, "y": _recurrence_y},
    "gather": {"x": lambda g, x, index: emit("scatter_add", _zeros(x), index, g)},
    "pick": {"x": lambda g, x, index: emit("one_hot", g, index, columns=x.shape[-1])},
    "one_hot": {"x": lambda g, index: emit("pick", g, index)},
    "scatter_set": {"x": _overwritten, "y": _last_written},
    "scatter_add": {"x": lambda g: g, "y": lambda g, index: emit("gather", g, index)},
    "scatter_multiply": {"x": _multiplied_x, "y": _multiplied_y},
    "scatter_max": _EXTREME,
    "scatter_min": _EXTREME,
    "slice_update": {"x": _replaced, "y": _replacing},
    "concatenate": {"*xs": _parts},
    "matmul": {
        "x": lambda g, y: emit("matmul", g, _swapped(y)),
        "y": lambda g, x: emit("matmul", _swapped(x), g),
    },
}
"""Cotangent of each operand, by primitive and operand."""

NON_DIFFERENTIABLE = frozenset({"argmax", "argmin", "argsort", "stop_gradient"})
"""Primitives whose results no small change changes, or which are to be taken so."""
