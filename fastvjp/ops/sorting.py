"""Sorting and what goes back to it."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import numpy as np

from ..arrays.array import array, as_array
from ..arrays.calls import recorded
from ..arrays.emit import emit, reshaped, section
from ..arrays.public import public
from .common import ArrayLike, axis_of
from .taking import lines


def _lines(a: ArrayLike, axis: int | None, name: str) -> tuple[array, int]:
    """The array with at least one axis and a non-negative axis; flattened where `axis` is None."""
    x = as_array(a, name)
    if axis is None:
        return reshaped(x, (x.size,)), 0
    return x, axis_of(axis, x.ndim, name)


@public(recorded(), numpy=np.argsort, method=True)
def argsort(a: ArrayLike, axis: int | None = -1) -> array:
    """Positions that sort an array; equal elements keep their order and nan comes last.

    Args:
        a: array.
        axis: axis along which to sort; None sorts the flattened array.

    Returns:
        int64 array of the shape of `a`, or (a.size,) for axis=None.

    Raises:
        ValueError: axis out of range.

    Example:
        >>> import fastvjp
        >>> fastvjp.argsort(fastvjp.array([3.0, 1.0, 2.0]))
        array([1, 2, 0], dtype=int64)
    """
    x, i = _lines(a, axis, "argsort")
    return emit("argsort", x, axis=i)


@public(recorded(), numpy=np.sort)
def sort(a: ArrayLike, axis: int | None = -1) -> array:
    """Sorted elements, nan last.

    Args:
        a: array.
        axis: axis along which to sort; None sorts the flattened array.

    Returns:
        Array of the shape of `a`, or (a.size,) for axis=None.

    Raises:
        ValueError: axis out of range.

    Example:
        >>> import fastvjp
        >>> fastvjp.sort(fastvjp.array([3.0, 1.0, 2.0]))
        array([1, 2, 3], dtype=float32)
    """
    return _sorted(*_lines(a, axis, "sort"))


def _sorted(x: array, axis: int) -> array:
    index = lines(emit("argsort", x, axis=axis), axis)
    return reshaped(emit("gather", reshaped(x, (x.size,)), index), x.shape)


@public()
def topk(a: ArrayLike, k: int, axis: int | None = -1) -> array:
    """The k largest elements, in ascending order.

    Args:
        a: array.
        k: number of elements.
        axis: axis along which to take them; None takes them from the flattened array.

    Returns:
        Array of size k along the axis.

    Raises:
        ValueError: axis out of range, or k negative or larger than the axis.

    Example:
        >>> import fastvjp
        >>> fastvjp.topk(fastvjp.array([3.0, 1.0, 2.0]), 2)
        array([2, 3], dtype=float32)
    """
    x, i = _lines(a, axis, "topk")
    n, k = x.shape[i], operator.index(k)
    if not 0 <= k <= n:
        raise ValueError(f"[topk] Cannot take {k} elements of axis {i} of an array of shape {x.shape}.")
    return section(_sorted(x, i), i, n - k, n)


@public(numpy=np.partition)
def partition(a: ArrayLike, kth: int | Sequence[int], axis: int | None = -1) -> array:
    """Elements arranged so that the one at `kth` is where sorting puts it, smaller ones before it.

    Args:
        a: array.
        kth: position, or several.
        axis: axis along which to arrange; None arranges the flattened array.

    Returns:
        Array of the shape of `a` (here all of it is sorted), or (a.size,) for axis=None.

    Raises:
        ValueError: axis or kth out of range.

    Example:
        >>> import fastvjp
        >>> fastvjp.partition(fastvjp.array([3.0, 1.0, 2.0]), 1)[1]
        array(2, dtype=float32)
    """
    x, i = _lines(a, axis, "partition")
    _check_kth(x, kth, i, "partition")
    return _sorted(x, i)


@public(numpy=np.argpartition)
def argpartition(a: ArrayLike, kth: int | Sequence[int], axis: int | None = -1) -> array:
    """Positions that arrange an array as `partition` does.

    Args:
        a: array.
        kth: position, or several.
        axis: axis along which to arrange; None arranges the flattened array.

    Returns:
        int64 array of the shape of `a`, or (a.size,) for axis=None.

    Raises:
        ValueError: axis or kth out of range.

    Example:
        >>> import fastvjp
        >>> fastvjp.argpartition(fastvjp.array([3.0, 1.0, 2.0]), 1)[1]
        array(2, dtype=int64)
    """
    x, i = _lines(a, axis, "argpartition")
    _check_kth(x, kth, i, "argpartition")
    return emit("argsort", x, axis=i)


def _check_kth(x: array, kth: int | Sequence[int], axis: int, name: str) -> None:
    for k in map(operator.index, np.ravel(kth)):
        if not -x.shape[axis] <= k < x.shape[axis]:
            raise ValueError(f"[{name}] kth {k} is out of range for axis {axis} of shape {x.shape}.")
