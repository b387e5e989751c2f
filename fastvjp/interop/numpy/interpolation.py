"""Interpolation, slopes by differences, unwrapped phases."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array, as_array, as_arrays, numpy_of
from ...arrays.emit import emit
from ...arrays.public import implements
from ...core.avals import float64, inexact, kind_of


@implements(np.interp)
def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: float | None = None) -> array:
    """Between which points an element lies has no gradient, how far it is between them has."""
    given, places = (as_array(a, "interp", float64) for a in (x, xp))
    values = as_arrays([places, fp], "interp")[1]
    if places.ndim != 1 or values.shape != places.shape or not places.size:
        raise ValueError(
            f"[np.interp] Expected points of one shape (n,), n at least 1, got {places.shape} and {values.shape}."
        )
    values = ops.astype(values, np.result_type(values.dtype, float64))
    if period is not None:
        if period == 0:
            raise ValueError("[np.interp] Expected a period other than 0.")
        left = right = None
        size = abs(period)
        given, places = ops.remainder(given, size), ops.remainder(places, size)
        order = ops.argsort(places)
        places, values = places[order], values[order]
        places = ops.concatenate([places[-1:] - size, places, places[:1] + size])
        values = ops.concatenate([values[-1:], values, values[:1]])
    first = ops.where(given < places[0], values[0] if left is None else left, values[0])
    if places.size == 1:
        return ops.where(given > places[0], values[0] if right is None else right, first)
    i = ops.clip(ops.searchsorted(places, given, "right") - 1, 0, places.size - 2)
    start = places[i]
    inside = values[i] + (values[i + 1] - values[i]) / (places[i + 1] - start) * (given - start)
    last = ops.where(given > places[-1], values[-1] if right is None else right, values[-1])
    found = ops.where(given >= places[-1], last, ops.where(given < places[0], first, inside))
    return ops.where(ops.isnan(given), math.nan, found)


@implements(np.gradient)
def _gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Differences of the second order inside, of `edge_order` at the ends, for any distances of the points."""
    x = as_arrays([f, *varargs], "gradient")[0]
    x = ops.astype(x, inexact(x.dtype))
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    spacings = (
        varargs * len(axes) if len(varargs) == 1 and np.ndim(varargs[0]) == 0 else varargs or (1.0,) * len(axes)
    )
    if len(spacings) != len(axes):
        raise TypeError(f"[np.gradient] Expected one distance, or {len(axes)} of them, got {len(varargs)}.")
    if edge_order not in (1, 2):
        raise ValueError(f"[np.gradient] Expected an edge_order of 1 or 2, got {edge_order}.")
    slopes = [_slope(x, i % x.ndim, h, edge_order) for i, h in zip(axes, spacings, strict=True)]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slope(x: array, axis: int, spacing: Any, edge_order: int) -> array:
    n = x.shape[axis]
    if n < edge_order + 1:
        raise ValueError(f"[np.gradient] Axis {axis} of shape {x.shape} has too few elements.")
    if np.ndim(spacing) == 0:
        steps = ops.broadcast_to(as_arrays([x, spacing], "gradient")[1], (n - 1,))
    elif np.shape(spacing) == (n,):
        steps = ops.diff(as_arrays([x, spacing], "gradient")[1])
    else:
        raise ValueError(f"[np.gradient] Places of shape {np.shape(spacing)} are not {n}, as along axis {axis}.")
    if kind_of(steps.dtype) != "f" or steps.dtype == float64:
        steps = ops.astype(steps, float64 if x.dtype == float64 or x.dtype.kind == "c" else x.dtype)
    lines = ops.moveaxis(x, axis, -1)
    before, after = steps[:-1], steps[1:]
    both = before + after
    inside = (
        lines[..., :-2] * (-after / (before * both))
        + lines[..., 1:-1] * ((after - before) / (before * after))
        + lines[..., 2:] * (before / (after * both))
    )
    last = -_edge(lines[..., ::-1], steps[::-1], edge_order)
    return ops.moveaxis(ops.concatenate([_edge(lines, steps, edge_order), inside, last], -1), -1, axis)


def _edge(lines: array, steps: array, order: int) -> array:
    """Slopes at the first elements."""
    a, b, h = lines[..., :1], lines[..., 1:2], steps[0]
    if order == 1:
        return (b - a) / h
    k = steps[1]
    both = h + k
    return a * (-(both + h) / (h * both)) + b * (both / (h * k)) - lines[..., 2:3] * (h / (k * both))


@implements(np.unwrap)
def _unwrap(p: Any, discont: float | None = None, axis: int = -1, *, period: float = 2 * math.pi) -> array:
    x = as_array(p, "unwrap")
    lines = ops.moveaxis(
        ops.astype(x, np.result_type(x.dtype, type(period))) if x.dtype.kind in "biu" else x, axis, -1
    )
    jumps = ops.diff(lines)
    half = period / 2
    turned = ops.remainder(jumps + half, period) - half
    turned = ops.where(ops.logical_and(turned == -half, jumps > 0), half, turned)
    least = half if discont is None else max(discont, half)
    corrections = emit("stop_gradient", ops.where(ops.abs(jumps) < least, 0, turned - jumps))
    rest = lines[..., 1:] + ops.cumsum(corrections, -1)
    return ops.moveaxis(ops.concatenate([lines[..., :1], rest], -1), -1, axis)


@implements(np.bincount)
def _bincount(x: Any, weights: Any = None, minlength: int = 0) -> array:
    """Where weights are counted is read; they are recorded."""
    index = as_array(x, "bincount")
    places = numpy_of(index._var)
    if weights is None:
        return as_array(np.bincount(places, minlength=minlength), "bincount")
    w = as_array(weights, "bincount", float64)
    size = np.bincount(places, minlength=minlength).size
    if w.shape != places.shape:
        raise ValueError(f"[np.bincount] Expected weights of shape {places.shape}, got {w.shape}.")
    return ops.zeros(size, float64).at[places].add(w)
