"""Medians and quantiles: what is taken from a sorted array."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from ..arrays.array import array, as_array, numpy_of
from ..arrays.calls import recorded
from ..arrays.emit import cast, reshaped, widened
from ..arrays.public import public
from ..core.avals import float64, inexact, int64, kind_of
from ..recording.recorder import TracedValueError
from .arithmetic import add, maximum, minimum, multiply, subtract
from .common import ArrayLike, axes_of, require
from .indexing import getitem
from .logical import isnan, where
from .reductions import Axis, mean
from .shape import moveaxis, transpose
from .sorting import sort
from .taking import take, take_along_axis


@public(recorded(), numpy=np.median)
def median(a: ArrayLike, axis: Axis = None, keepdims: bool = False) -> array:
    """Median over axes, nan where there is one; of an even number of elements the mean of the two in the middle.

    Args:
        a: real array.
        axis: axes to reduce.
        keepdims: keep them, of size 1.

    Returns:
        Floating array; float64 for bool and integers, as in NumPy.

    Example:
        >>> import fastvjp
        >>> fastvjp.median(fastvjp.array([5.0, 1.0, 2.0, 4.0]))
        array(3, dtype=float32)
    """
    lines, back = sorted_lines(a, axis, keepdims, "median")
    n = lines.shape[-1]
    middle = mean(getitem(lines, (..., slice((n - 1) // 2, n // 2 + 1))), -1)
    return back(_or_nan(middle, lines))


@public(numpy=np.quantile)
def quantile(
    a: ArrayLike, q: ArrayLike, axis: Axis = None, keepdims: bool = False, *, method: str = "linear"
) -> array:
    """Quantiles over axes, nan where there is one.

    The gradient goes to the elements between which a quantile lies, and to `q` where the method interpolates.

    Args:
        a: real array.
        q: which quantiles, from 0 to 1: a number, or an array of any shape.
        axis: axes to reduce.
        keepdims: keep them, of size 1.
        method: one of NumPy's thirteen, by which a position among the elements is found (Hyndman and Fan 1996,
            Sample quantiles in statistical packages): "linear", "lower", "higher", "midpoint", "nearest",
            "inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen",
            "weibull", "median_unbiased", "normal_unbiased".

    Returns:
        Floating array of the shape of `q` followed by that of the reduction.

    Raises:
        ValueError: a quantile outside of 0 to 1, or a method of another name.

    Example:
        >>> import fastvjp
        >>> fastvjp.quantile(fastvjp.array([5.0, 1.0, 2.0, 4.0]), [0.0, 0.5])
        array([1, 3], dtype=float32)
    """
    lines, back = sorted_lines(a, axis, keepdims, "quantile")
    wanted = _flat(q)
    result = between(lines, lines.shape[-1], wanted, method, "quantile")
    return back(_leading(_or_nan(result, lines, (..., slice(-1, None))), np.shape(q)))


def nan_quantile(a: ArrayLike, q: ArrayLike, axis: Axis, keepdims: bool, method: str) -> array:
    """Quantiles of what is not nan; nan where nothing is."""
    lines, back = sorted_lines(a, axis, keepdims, "nanquantile")
    count = np.sum(np.logical_not(isnan(lines)), -1, keepdims=True)  # nan comes last
    wanted = _flat(q)
    result = between(
        lines, count, cast(as_array(wanted, "nanquantile"), widened(lines).dtype), method, "nanquantile"
    )
    return back(_leading(result, np.shape(q)))


def sorted_lines(a: ArrayLike, axis: Axis, keepdims: bool, name: str) -> tuple[array, Callable[[array], array]]:
    """The array sorted along a new last axis made of `axis`, and what puts kept axes back."""
    x = as_array(a, name)
    require(name, x.dtype, "biuf")
    axes = axes_of(axis, x.ndim, name)
    kept = [i for i in range(x.ndim) if i not in axes]
    shape = tuple([x.shape[i] for i in kept])
    lines = reshaped(transpose(x, (*kept, *axes)), (*shape, x.size // max(int(np.prod(shape)), 1)))
    lines = cast(lines, inexact(lines.dtype) if kind_of(lines.dtype) == "f" else float64)
    if lines.shape[-1] == 0:
        raise ValueError(f"[{name}] Shape {x.shape} has no elements over axes {axes}.")
    ones = tuple([1 if i in axes else n for i, n in enumerate(x.shape)])
    return sort(lines), lambda r: reshaped(r, r.shape[: r.ndim - len(shape)] + ones) if keepdims else r


def _or_nan(result: array, lines: array, last: Any = (..., -1)) -> array:
    """The result, or nan where there is one, which is sorted to the end."""
    end = getitem(lines, last)
    return where(isnan(end), end, result)


def _flat(q: ArrayLike) -> Any:
    """The quantiles under one axis, checked as far as their values are known."""
    values: Any = None
    with suppress(TracedValueError):
        values = numpy_of(q._var) if isinstance(q, array) else np.asarray(q)
    if values is not None and values.size and not (values.min() >= 0 and values.max() <= 1):
        raise ValueError("[quantile] Quantiles must be in the range [0, 1].")
    return reshaped(q, (q.size,)) if isinstance(q, array) else np.reshape(q, -1)


def _leading(result: array, shape: Sequence[int]) -> array:
    """The last axis under a shape, in front."""
    return reshaped(moveaxis(result, -1, 0), (*shape, *result.shape[:-1]))


# --- where a quantile lies ----------------------------------------------------------------------------------


def between(lines: array, n: Any, q: Any, method: str, name: str) -> array:
    """Quantiles of sorted lines of n elements: `q` along the last axis."""
    if method not in _POSITIONS:
        raise ValueError(f"[{name}] Unknown method {method!r}. Expected: {', '.join(_POSITIONS)}.")
    # of an array how far it lies between two elements is recorded, of numbers it is one
    below, part = _POSITIONS[method](n, q)
    last = n - 1
    if not isinstance(below, array):
        low = np.clip(below, 0, last).astype(int64)
        high = np.minimum(np.maximum(below + 1, 0), last).astype(int64)
        t = cast(as_array(part, name), lines.dtype)
        return _mix(take(lines, low, -1), take(lines, high, -1), t)
    low, high = (maximum(minimum(cast(b, int64), last), 0) for b in (below, add(below, 1)))
    picked = take if low.ndim == 1 else take_along_axis
    return _mix(picked(lines, low, -1), picked(lines, high, -1), cast(as_array(part, name), lines.dtype))


def _mix(low: array, high: array, t: array) -> array:
    return add(multiply(low, subtract(1, t)), multiply(high, t))


Position = Callable[[Any, Any], tuple[Any, Any]]


def _continuous(alpha: float, beta: float) -> Position:
    """n q + alpha + q (1 - alpha - beta), from 1: the element below, and how far it is to the next."""

    def position(n: Any, q: Any) -> tuple[Any, Any]:
        at = n * q + (alpha + q * (1 - alpha - beta)) - 1
        at = np.minimum(np.maximum(at, 0), n - 1)
        below = np.floor(at)
        return below, at - below

    return position


def _at(round_: Callable[[Any], Any], part: Callable[[Any], Any]) -> Position:
    """Among n - 1 steps from the first element to the last."""

    def position(n: Any, q: Any) -> tuple[Any, Any]:
        at = (n - 1) * q
        return round_(at), part(at)

    return position


def _steps(shift: float, part: Callable[[Any, Any], Any]) -> Position:
    """Steps of the inverse of the empirical distribution function."""

    def position(n: Any, q: Any) -> tuple[Any, Any]:
        at = n * q - 1 - shift
        below = np.floor(at)
        return below, part(below, at - below)

    return position


def _none(at: Any) -> Any:
    return np.multiply(at, 0)


_POSITIONS: dict[str, Position] = {
    "inverted_cdf": _steps(0, lambda _, t: np.where(t > 0, 1.0, 0.0)),
    "averaged_inverted_cdf": _steps(0, lambda _, t: np.where(t > 0, 1.0, 0.5)),
    "closest_observation": _steps(0.5, lambda below, t: np.where((t == 0) & (below % 2 == 1), 0.0, 1.0)),
    "interpolated_inverted_cdf": _continuous(0, 1),
    "hazen": _continuous(0.5, 0.5),
    "weibull": _continuous(0, 0),
    "linear": _at(np.floor, lambda at: at - np.floor(at)),
    "median_unbiased": _continuous(1 / 3, 1 / 3),
    "normal_unbiased": _continuous(3 / 8, 3 / 8),
    "lower": _at(np.floor, _none),
    "higher": _at(np.ceil, _none),
    "midpoint": _at(np.floor, lambda at: np.where(at % 1 == 0, 0.0, 0.5)),
    "nearest": _at(np.rint, _none),
}
"""By method: the element below a quantile, from 0, and its distance to that as a part of the way to the next."""
