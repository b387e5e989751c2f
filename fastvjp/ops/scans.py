"""Scans along an axis: running sums, products, extremes and logsumexp, and the linear recurrence behind their
derivatives.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays.array import array, as_array, as_arrays
from ..arrays.calls import recorded
from ..arrays.emit import cast, emit, filled, reshaped
from ..arrays.public import public
from ..core.avals import inexact, kind_of
from ..primitives.scans import shifted
from .common import ArrayLike, accumulated, axis_of, operands, require


@public(recorded(), numpy=(np.cumsum, np.add.accumulate), method=True)
def cumsum(
    a: ArrayLike, axis: int | None = None, *, reverse: bool = False, inclusive: bool = True, dtype: Any = None
) -> array:
    """Running sums.

    Args:
        a: any array.
        axis: axis to sum along; None flattens.
        reverse: run from the end.
        inclusive: count the element itself; otherwise the sum of those before it.
        dtype: dtype to sum in; by default that of `a`, but 64 bits wide for bool and integers, as in NumPy.

    Example:
        >>> import fastvjp
        >>> fastvjp.cumsum(fastvjp.array([1.0, 2.0, 3.0]), reverse=True)
        array([6, 5, 3], dtype=float32)
    """
    return _scan("cumsum", accumulated("cumsum", a, dtype), axis, reverse, inclusive)


@public(recorded(), numpy=(np.cumprod, np.multiply.accumulate), method=True)
def cumprod(
    a: ArrayLike, axis: int | None = None, *, reverse: bool = False, inclusive: bool = True, dtype: Any = None
) -> array:
    """Running products; arguments as in `cumsum`. Derivatives are exact with zeros, too.

    Example:
        >>> import fastvjp
        >>> fastvjp.cumprod(fastvjp.array([1.0, 2.0, 3.0]))
        array([1, 2, 6], dtype=float32)
    """
    return _scan("cumprod", accumulated("cumprod", a, dtype), axis, reverse, inclusive)


def _scan(name: str, x: array, axis: int | None, reverse: bool, inclusive: bool) -> array:
    if axis is None:
        x = reshaped(x, (x.size,))
    along = axis_of(-1 if axis is None else axis, x.ndim, name)
    return emit(name, x, axis=along, reverse=bool(reverse), exclusive=not inclusive)


@public(recorded(), numpy=np.cumulative_sum)
def cumulative_sum(
    a: ArrayLike, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> array:
    """Running sums, as the array API standard has them; `cumsum` has more.

    Args:
        a: any array.
        axis: axis to sum along; needed where there are several.
        dtype: dtype to sum in, as in `cumsum`.
        include_initial: begin with 0, so that the result is longer by one.

    Raises:
        ValueError: several axes, and none given.

    Example:
        >>> import fastvjp
        >>> fastvjp.cumulative_sum(fastvjp.array([1.0, 2.0]), include_initial=True)
        array([0, 1, 3], dtype=float32)
    """
    return _cumulative(cumsum, 0, a, axis, dtype, include_initial)


@public(recorded(), numpy=np.cumulative_prod)
def cumulative_prod(
    a: ArrayLike, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> array:
    """Running products, as the array API standard has them; arguments as in `cumulative_sum`.

    Example:
        >>> import fastvjp
        >>> fastvjp.cumulative_prod(fastvjp.array([2.0, 3.0]), include_initial=True)
        array([1, 2, 6], dtype=float32)
    """
    return _cumulative(cumprod, 1, a, axis, dtype, include_initial)


def _cumulative(scan: Any, first: int, a: ArrayLike, axis: int | None, dtype: Any, include_initial: bool) -> array:
    name = "cumulative_prod" if first else "cumulative_sum"
    x = as_array(a, name)
    if axis is None and x.ndim != 1:
        raise ValueError(f"[{name}] An array of shape {x.shape} needs an axis.")
    along = axis_of(0 if axis is None else axis, x.ndim, name)
    result: array = scan(x, along, dtype=dtype)
    if not include_initial:
        return result
    before = tuple([1 if i == along else n for i, n in enumerate(x.shape)])
    return emit("concatenate", filled(before, result, first), result, axis=along)


@public(recorded(), numpy=np.maximum.accumulate, method=True)
def cummax(a: ArrayLike, axis: int | None = None, *, reverse: bool = False, inclusive: bool = True) -> array:
    """Running maxima of a real array, nan from the first nan on.

    Where an element equals the maximum of those before it, both share the cotangent, as in `maximum`.

    Args:
        a: real array.
        axis: axis to run along; None flattens.
        reverse: run from the end.
        inclusive: count the element itself; otherwise those before it, of which the first has none: -inf, or the
            least number of its dtype.

    Example:
        >>> import fastvjp
        >>> fastvjp.cummax(fastvjp.array([1.0, 3.0, 2.0]))
        array([1, 3, 3], dtype=float32)
    """
    return _running("cummax", a, axis, reverse, inclusive, "min")


@public(recorded(), numpy=np.minimum.accumulate, method=True)
def cummin(a: ArrayLike, axis: int | None = None, *, reverse: bool = False, inclusive: bool = True) -> array:
    """Running minima of a real array; otherwise as `cummax`.

    Example:
        >>> import fastvjp
        >>> fastvjp.cummin(fastvjp.array([3.0, 1.0, 2.0]))
        array([3, 1, 1], dtype=float32)
    """
    return _running("cummin", a, axis, reverse, inclusive, "max")


@public(recorded(), numpy=np.logaddexp.accumulate, method=True)
def logcumsumexp(a: ArrayLike, axis: int | None = None, *, reverse: bool = False, inclusive: bool = True) -> array:
    """`log(cumsum(exp(a)))` of a real array, without overflow, floating; arguments as in `cummax`.

    Example:
        >>> import fastvjp
        >>> fastvjp.logcumsumexp(fastvjp.array([1000.0, 1000.0]))
        array([1000, 1000.69], dtype=float32)
    """
    x = as_array(a, "logcumsumexp")
    require("logcumsumexp", x.dtype, "biuf")
    return _running("logcumsumexp", cast(x, inexact(x.dtype)), axis, reverse, inclusive, "min")


def _running(name: str, a: ArrayLike, axis: int | None, reverse: bool, inclusive: bool, end: str) -> array:
    """A scan; of those before each element as the results moved on, behind this end of the dtype's numbers."""
    x = as_array(a, name)
    require(name, x.dtype, "biuf")
    if axis is None:
        x = reshaped(x, (x.size,))
    along = axis_of(-1 if axis is None else axis, x.ndim, name)
    out = emit(name, x, axis=along, reverse=bool(reverse))
    if inclusive:
        return out
    kind = kind_of(x.dtype)
    first = {"min": -math.inf, "max": math.inf}[end] if kind == "f" else end == "max"
    if kind in "iu":
        first = getattr(np.iinfo(x.dtype), end)
    return shifted(out, along, forward=not reverse, fill=first)


@public()
def linear_recurrence(a: ArrayLike, b: ArrayLike, axis: int = -1, *, reverse: bool = False) -> array:
    """h[t] = a[t] * h[t-1] + b[t] along an axis, from h = 0 before the start.

    Args:
        a: factors; a[0] has no effect.
        b: increments, broadcast against `a`.
        axis: axis to run along.
        reverse: run from the end.

    Returns:
        All h[t]; of the broadcast shape and the promoted dtype.

    Example:
        >>> import fastvjp
        >>> fastvjp.linear_recurrence(fastvjp.full(3, 0.5), fastvjp.ones(3))
        array([1, 1.5, 1.75], dtype=float32)
    """
    x, y = operands("linear_recurrence", *as_arrays([a, b], "linear_recurrence"))
    along = axis_of(axis, x.ndim, "linear_recurrence")
    return emit("linear_recurrence", x, y, axis=along, reverse=bool(reverse))
