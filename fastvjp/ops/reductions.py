"""Reductions over axes, and softmax.

What they share: `axis` is an int, a tuple or list of ints, or None for all axes; `keepdims` leaves the
reduced axes in place, of size 1. An axis that is out of range or given twice raises ValueError.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays.array import array
from ..arrays.calls import recorded
from ..arrays.emit import cast, emit, full_like_aval, reshaped, rounded, widened
from ..arrays.public import public
from ..core.avals import as_dtype, aval, bool_, float64, inexact
from .arithmetic import add, divide, sqrt, square, subtract
from .common import ArrayLike, accumulated, as_array, axes_of, axis_of, require
from .complex_parts import imag, real
from .logical import equal, where

Axis = int | Sequence[int] | None


# --- how the functions are made ----------------------------------------------------------------------------


def _reduced(shape: tuple[int, ...], axes: tuple[int, ...], keepdims: bool) -> tuple[int, ...]:
    """The shape of a result."""
    if keepdims:
        return tuple([1 if i in axes else n for i, n in enumerate(shape)])
    return tuple([n for i, n in enumerate(shape) if i not in axes])


def _reduce(name: str, x: array, axes: tuple[int, ...], keepdims: bool) -> array:
    result = emit(name, x, axes=axes) if axes else x
    return reshaped(result, _reduced(x._var.aval.shape, axes, keepdims))


def _count(x: array, axes: tuple[int, ...]) -> int:
    return math.prod(x._var.aval.shape[i] for i in axes)


def _extreme(name: str, a: ArrayLike, axis: Axis, keepdims: bool) -> array:
    x = as_array(a, name)
    axes = axes_of(axis, x._var.aval.ndim, name)
    if _count(x, axes) == 0:
        raise ValueError(f"[{name}] Shape {x._var.aval.shape} has no elements over axes {axes}.")
    return _reduce(name, x, axes, keepdims)


def _position(name: str, a: ArrayLike, axis: int | None, keepdims: bool) -> array:
    x = as_array(a, name)
    shape = x._var.aval.shape
    axes = axes_of(None, len(shape), name) if axis is None else (axis_of(axis, len(shape), name),)
    if _count(x, axes) == 0:
        raise ValueError(f"[{name}] Shape {shape} has no elements over axes {axes}.")
    flat = reshaped(x, (x._var.aval.size,)) if axis is None else x
    return reshaped(emit(name, flat, axis=0 if axis is None else axes[0]), _reduced(shape, axes, keepdims))


def _truth(name: str, a: ArrayLike, axis: Axis, keepdims: bool, of_none: bool) -> array:
    """`all` as min and `any` as max of bool; `of_none` is the result over no elements."""
    x = cast(as_array(a, name), bool_)
    axes = axes_of(axis, x._var.aval.ndim, name)
    if _count(x, axes) == 0:
        return full_like_aval(aval(_reduced(x._var.aval.shape, axes, keepdims), bool_), of_none)
    return _reduce("min" if of_none else "max", x, axes, keepdims)


def _averaged(x: array) -> array:
    return cast(x, float64) if x._var.aval.dtype.kind in "biu" else x


def _real_floating(name: str, a: ArrayLike) -> array:
    x = as_array(a, name)
    require(name, x._var.aval.dtype, "biuf")
    return cast(x, inexact(x._var.aval.dtype))


# --- sums --------------------------------------------------------------------------------------------------


@public(recorded(), method=True)
def sum(a: ArrayLike, axis: Axis = None, keepdims: bool = False, *, dtype: Any = None) -> array:
    """Sum over axes.

    Args:
        a: any array.
        axis: axes to sum over.
        keepdims: keep them, of size 1.
        dtype: dtype to sum in; by default that of `a`, but 64 bits wide for bool and integers, as in NumPy.

    Example:
        >>> import fastvjp
        >>> fastvjp.sum(fastvjp.array([[1.0, 2.0], [3.0, 4.0]]), axis=1)
        array([3, 7], dtype=float32)
    """
    x = accumulated("sum", a, dtype)
    return _reduce("sum", x, axes_of(axis, x._var.aval.ndim, "sum"), keepdims)


@public(recorded(), method=True)
def prod(a: ArrayLike, axis: Axis = None, keepdims: bool = False, *, dtype: Any = None) -> array:
    """Product over axes; arguments as in `sum`.

    Example:
        >>> import fastvjp
        >>> fastvjp.prod(fastvjp.array([[1.0, 2.0], [3.0, 4.0]]), axis=1)
        array([2, 12], dtype=float32)
    """
    x = accumulated("prod", a, dtype)
    return _reduce("prod", x, axes_of(axis, x._var.aval.ndim, "prod"), keepdims)


@public(recorded(), method=True)
def mean(a: ArrayLike, axis: Axis = None, keepdims: bool = False, *, dtype: Any = None) -> array:
    """Mean over axes, nan over no elements.

    Args:
        a: any array.
        axis: axes to average over.
        keepdims: keep them, of size 1.
        dtype: dtype to compute in; by default that of `a`, but float64 for bool and integers, as in NumPy.

    Example:
        >>> import fastvjp
        >>> fastvjp.mean(fastvjp.array([[1.0, 2.0], [3.0, 4.0]]), axis=1)
        array([1.5, 3.5], dtype=float32)
    """
    x = as_array(a, "mean")
    x = _averaged(x) if dtype is None else cast(x, as_dtype(dtype, "mean"))
    axes = axes_of(axis, x._var.aval.ndim, "mean")
    total = _reduce("sum", accumulated("mean", widened(x), None), axes, keepdims)
    return cast(divide(total, _count(x, axes)), x._var.aval.dtype)


@public(recorded(), method=True)
def var(a: ArrayLike, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> array:
    """Variance over axes: sum of squared (moduli of) deviations from the mean, over n - ddof.

    Args:
        a: any array.
        axis: axes to reduce.
        keepdims: keep them, of size 1.
        ddof: subtracted from the number of elements n.

    Returns:
        Real array; float64 for bool and integers, as in NumPy.

    Example:
        >>> import fastvjp
        >>> fastvjp.var(fastvjp.array([1.0, 2.0, 3.0]), ddof=1)
        array(1, dtype=float32)
    """
    return rounded(_variance("var", a, axis, keepdims, ddof), as_array(a, "var").dtype)


def _variance(name: str, a: ArrayLike, axis: Axis, keepdims: bool, ddof: int) -> array:
    """The variance, not yet rounded."""
    x = widened(_averaged(as_array(a, name)))
    axes = axes_of(axis, x._var.aval.ndim, name)
    away = subtract(x, mean(x, axes, keepdims=True))
    squares = square(away)
    if x._var.aval.dtype.kind == "c":
        squares = add(square(real(away)), square(imag(away)))
    return divide(_reduce("sum", squares, axes, keepdims), float(np.maximum(_count(x, axes) - ddof, 0)))


@public(recorded(), method=True)
def std(a: ArrayLike, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> array:
    """Standard deviation over axes: the root of `var`, which says more. Its derivative is 0 where it is 0.

    Example:
        >>> import fastvjp
        >>> fastvjp.std(fastvjp.array([1.0, 2.0, 3.0]), ddof=1)
        array(1, dtype=float32)
    """
    v = _variance("std", a, axis, keepdims, ddof)
    return rounded(where(equal(v, 0), 0.0, sqrt(v)), as_array(a, "std").dtype)


# --- extremes ----------------------------------------------------------------------------------------------


@public(recorded(), method=True)
def max(a: ArrayLike, axis: Axis = None, keepdims: bool = False) -> array:
    """Largest element over axes, nan where there is one; several largest ones share the cotangent evenly.

    Raises:
        ValueError: there is no element.

    Example:
        >>> import fastvjp
        >>> fastvjp.max(fastvjp.array([[1.0, 2.0], [3.0, 4.0]]), axis=1)
        array([2, 4], dtype=float32)
    """
    return _extreme("max", a, axis, keepdims)


@public(recorded(), method=True)
def min(a: ArrayLike, axis: Axis = None, keepdims: bool = False) -> array:
    """Smallest element over axes, nan where there is one; several smallest ones share the cotangent evenly.

    Raises:
        ValueError: there is no element.

    Example:
        >>> import fastvjp
        >>> fastvjp.min(fastvjp.array([[1.0, 2.0], [3.0, 4.0]]), axis=1)
        array([1, 3], dtype=float32)
    """
    return _extreme("min", a, axis, keepdims)


@public()
def minmax(a: ArrayLike, axis: Axis = None, keepdims: bool = False) -> tuple[array, array]:
    """`min` and `max` over axes.

    Raises:
        ValueError: there is no element.

    Example:
        >>> import fastvjp
        >>> fastvjp.minmax(fastvjp.array([3.0, 1.0, 2.0]))
        (array(1, dtype=float32), array(3, dtype=float32))
    """
    return min(a, axis, keepdims), max(a, axis, keepdims)


@public(recorded(), numpy=np.argmax, method=True)
def argmax(a: ArrayLike, axis: int | None = None, keepdims: bool = False) -> array:
    """Position of the first largest element, or of the first nan, along an axis.

    Args:
        a: any array.
        axis: one axis; None looks at all elements in C order.
        keepdims: keep the reduced axes, of size 1.

    Returns:
        Array of int64.

    Raises:
        ValueError: there is no element.

    Example:
        >>> import fastvjp
        >>> fastvjp.argmax(fastvjp.array([[1.0, 2.0], [4.0, 3.0]]), axis=1)
        array([1, 0], dtype=int64)
    """
    return _position("argmax", a, axis, keepdims)


@public(recorded(), numpy=np.argmin, method=True)
def argmin(a: ArrayLike, axis: int | None = None, keepdims: bool = False) -> array:
    """Position of the first smallest element, or of the first nan, along an axis; otherwise as `argmax`.

    Example:
        >>> import fastvjp
        >>> fastvjp.argmin(fastvjp.array([[1.0, 2.0], [4.0, 3.0]]), axis=1)
        array([0, 1], dtype=int64)
    """
    return _position("argmin", a, axis, keepdims)


@public(recorded(), method=True)
def all(a: ArrayLike, axis: Axis = None, keepdims: bool = False) -> array:
    """Whether all elements over axes are true, that is not 0; true over no elements.

    Example:
        >>> import fastvjp
        >>> fastvjp.all(fastvjp.array([[1.0, 2.0], [0.0, 4.0]]), axis=1)
        array([True, False], dtype=bool)
    """
    return _truth("all", a, axis, keepdims, True)


@public(recorded(), method=True)
def any(a: ArrayLike, axis: Axis = None, keepdims: bool = False) -> array:
    """Whether any element over axes is true, that is not 0; false over no elements.

    Example:
        >>> import fastvjp
        >>> fastvjp.any(fastvjp.array([[1.0, 2.0], [0.0, 0.0]]), axis=1)
        array([True, False], dtype=bool)
    """
    return _truth("any", a, axis, keepdims, False)


@public(recorded(), numpy=np.count_nonzero)
def count_nonzero(a: ArrayLike, axis: Axis = None, keepdims: bool = False) -> array:
    """Number of elements over axes that are not 0: an array of int64.

    Example:
        >>> import fastvjp
        >>> fastvjp.count_nonzero(fastvjp.array([[1.0, 2.0], [0.0, 4.0]]), axis=1)
        array([2, 1], dtype=int64)
    """
    return sum(cast(as_array(a, "count_nonzero"), bool_), axis, keepdims)


# --- exponential ones --------------------------------------------------------------------------------------


@public(recorded(), numpy=np.logaddexp.reduce, method=True)
def logsumexp(a: ArrayLike, axis: Axis = None, keepdims: bool = False) -> array:
    """`log(sum(exp(a)))` over axes of a real array, without overflow; floating, -inf over no elements.

    Example:
        >>> import fastvjp
        >>> fastvjp.logsumexp(fastvjp.array([1000.0, 1000.0]))
        array(1000.69, dtype=float32)
    """
    x = _real_floating("logsumexp", a)
    return _reduce("logsumexp", x, axes_of(axis, x._var.aval.ndim, "logsumexp"), keepdims)


@public(recorded())
def softmax(a: ArrayLike, axis: Axis = None, *, precise: bool = False) -> array:
    """`exp(a) / sum(exp(a))` over axes of a real array, without overflow; floating.

    Args:
        a: real array.
        axis: axes over which the result sums to 1.
        precise: accepted as in MLX; sums are accurate anyway.

    Example:
        >>> import fastvjp
        >>> fastvjp.softmax(fastvjp.array([0.0, 0.0]))
        array([0.5, 0.5], dtype=float32)
    """
    x = _real_floating("softmax", a)
    return emit("softmax", x, axes=axes_of(axis, x._var.aval.ndim, "softmax"))


@public(recorded())
def log_softmax(a: ArrayLike, axis: Axis = None) -> array:
    """`a - logsumexp(a)` over axes: the logarithm of `softmax`, accurate where that is tiny.

    Example:
        >>> import fastvjp
        >>> fastvjp.log_softmax(fastvjp.array([0.0, 0.0]))
        array([-0.693147, -0.693147], dtype=float32)
    """
    given = _real_floating("log_softmax", a)
    x = widened(given)
    return rounded(subtract(x, logsumexp(x, axis, keepdims=True)), given.dtype)
