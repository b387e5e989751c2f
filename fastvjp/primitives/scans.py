"""Scans along an axis: cumulative sums, products, extremes and logsumexp, linear recurrences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..arrays.array import array
from ..arrays.emit import conjugated, emit, filled, section
from ..core.avals import Aval
from ..core.primitive import Primitive, Rule, structural
from .batching import all_batched


def _first(x: Aval, *_: Aval, **__: Any) -> Aval:
    return x


# --- derivatives -----------------------------------------------------------------------------------------


def shifted(x: array, axis: int, forward: bool, fill: float = 0) -> array:
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
        g = shifted(g, axis, forward=reverse)
    factors = shifted(conjugated(x), axis, forward=reverse)
    sums = emit("linear_recurrence", factors, g, axis=axis, reverse=not reverse)
    return emit("scale", sums, before)


def _step_by_step(combine: str, neutral: float) -> Rule:
    """The rule of a scan that combines two numbers by an elementwise primitive, with its derivatives.

    S_i = g_i + w_{i+1} S_{i+1} of the share w_{i+1} that the result before has in the next one; dx_i = S_i times
    that of x_i in its own. `neutral` is what stands before the first.
    """

    def rule(g: array, x: array, out: array, axis: int, reverse: bool) -> array:
        ones = filled(x.shape, x, 1)
        following = shifted(x, axis, forward=reverse, fill=neutral)
        before = shifted(out, axis, forward=not reverse, fill=neutral)
        passed = emit(f"{combine}_vjp_x", ones, out, following, dtype=x.dtype)
        own = emit(f"{combine}_vjp_y", ones, before, x, dtype=x.dtype)
        sums = emit("linear_recurrence", passed, g, axis=axis, reverse=not reverse)
        return emit("scale", sums, own)

    return rule


def _recurrence_y(g: array, x: array, axis: int, reverse: bool) -> array:
    """h_i = x_i h_{i-1} + y_i, so that S_i = g_i + x_{i+1} S_{i+1}."""
    factors = shifted(conjugated(x), axis, forward=reverse)
    return emit("linear_recurrence", factors, g, axis=axis, reverse=not reverse)


def _recurrence_x(g: array, x: array, out: array, axis: int, reverse: bool) -> array:
    before = shifted(out, axis, forward=not reverse)
    return emit("scale", _recurrence_y(g, x, axis, reverse), before)


def along(
    p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int, /, axis: int, **params: Any
) -> list[array]:
    """Batching rule of what goes along an axis."""
    return [emit(p.name, *all_batched(xs, batched, size), axis=axis + 1, **params)]


structural("cumsum", "x", _first, vjp={"x": _cumsum}, batch=along)
structural("cumprod", "x", _first, vjp={"x": _cumprod}, batch=along)
structural("logcumsumexp", "x", _first, vjp={"x": _step_by_step("logaddexp", -math.inf)}, batch=along)
structural("cummax", "x", _first, vjp={"x": _step_by_step("maximum", -math.inf)}, batch=along)
structural("cummin", "x", _first, vjp={"x": _step_by_step("minimum", math.inf)}, batch=along)
structural("linear_recurrence", "x y", _first, vjp={"x": _recurrence_x, "y": _recurrence_y}, batch=along)
