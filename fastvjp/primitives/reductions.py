"""Reductions over axes, softmax, and where extremes are.

Rules never read a value: what they emit is cached for all values. `scale(g, d)` is g * conj(d) with a g of zero
giving zero whatever d is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..arrays.array import array
from ..arrays.emit import cast, emit, inverse, permuted, reshaped, trailing, unreduced, zeros
from ..core.avals import Aval, aval, int64
from ..core.primitive import Primitive, structural
from .scans import along
from .views import Shape, same


def _reduced(x: Aval, axes: Shape) -> Aval:
    return aval(tuple(n for i, n in enumerate(x.shape) if i not in axes), x.dtype)


def _position(x: Aval, axis: int) -> Aval:
    return aval(x.shape[:axis] + x.shape[axis + 1 :], int64)


# --- derivatives -----------------------------------------------------------------------------------------


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
    at_peak = emit("logical_and", emit("equal", x, peak), emit("greater", x, zeros(x)))
    weight = emit("exp", emit("subtract", x, emit("select", infinite, zeros(x), peak)))
    weight = emit("select", infinite, cast(at_peak, x.dtype), weight)
    return emit("scale", unreduced(g, axes, x.shape), weight)


def _softmax(g: array, out: array, axes: Shape) -> array:
    mean = unreduced(emit("sum", emit("scale", g, out), axes=axes), axes, out.shape)
    return emit("scale", emit("subtract", g, mean), out)


def _over_axes(p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int, axes: Shape) -> list[array]:
    return [emit(p.name, xs[0], axes=tuple([a + 1 for a in axes]))]


structural("sum", "x", _reduced, vjp={"x": lambda g, x, axes: unreduced(g, axes, x.shape)}, batch=_over_axes)
structural("prod", "x", _reduced, vjp={"x": _prod}, batch=_over_axes)
structural("max", "x", _reduced, vjp={"x": _extreme}, batch=_over_axes)
structural("min", "x", _reduced, vjp={"x": _extreme}, batch=_over_axes)
structural("logsumexp", "x", _reduced, vjp={"x": _logsumexp}, batch=_over_axes)
structural("softmax", "x", same, vjp={"x": _softmax}, batch=_over_axes)
structural("argmax", "x", _position, vjp=None, batch=along)
structural("argmin", "x", _position, vjp=None, batch=along)
