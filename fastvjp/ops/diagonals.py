"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.array import array, as_array
from ..arrays.calls import recorded
from ..arrays.emit import cast, constant, emit, filled, inverse, permuted, reshaped, spread, trailing
from ..arrays.public import public
from ..core.avals import as_dtype, bool_
from ..primitives.linalg import diagonal_of
from . import reductions
from .common import ArrayLike, axis_of
from .indexing import setitem


def _set_diagonal(base: array, value: array, offset: int, axis1: int, axis2: int) -> array:
    """What writing to a diagonal writes, where NumPy lets one."""
    order = trailing((axis1, axis2), base.ndim)
    places = np.arange(value.shape[-1])
    at = (Ellipsis, places - min(offset, 0), places + max(offset, 0))
    return permuted(setitem(permuted(base, order), at, value), inverse(order))


@recorded(view=_set_diagonal)
def _diagonal(a: array, offset: int, axis1: int, axis2: int) -> array:
    return diagonal_of(permuted(a, trailing((axis1, axis2), a.ndim)), offset)


written_diagonal = _diagonal
"""The diagonal of two different axes, counted from the first, to which one may write."""


@public(recorded(view=None), numpy=np.diagonal, method=True)
def diagonal(a: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> array:
    """Diagonal of two axes.

    Args:
        a: array with at least two axes.
        offset: which diagonal; above the main one where positive.
        axis1: first axis.
        axis2: second axis.

    Returns:
        Array in which the two axes are removed and the diagonal is the last.

    Raises:
        ValueError: an axis out of range, or twice the same.

    Example:
        >>> import fastvjp
        >>> fastvjp.diagonal(fastvjp.array([[1.0, 2.0], [3.0, 4.0]]))
        array([1, 4], dtype=float32)
    """
    x = as_array(a, "diagonal")
    if x.ndim < 2:
        raise ValueError(f"[diagonal] Expected an array with at least two axes, got the shape {x.shape}.")
    i, j = axis_of(axis1, x.ndim, "diagonal"), axis_of(axis2, x.ndim, "diagonal")
    if i == j:
        raise ValueError(f"[diagonal] Expected two different axes, got {axis1} and {axis2}.")
    return diagonal_of(permuted(x, trailing((i, j), x.ndim)), offset)


@public(numpy=np.diag, method=True)
def diag(a: ArrayLike, k: int = 0) -> array:
    """Diagonal of a matrix, or the matrix with a given diagonal.

    Args:
        a: array of shape (n,) or (m, n).
        k: which diagonal; above the main one where positive.

    Returns:
        For (m, n) its k-th diagonal; for (n,) a matrix of shape (n + abs(k), n + abs(k)), 0 elsewhere.

    Raises:
        ValueError: `a` has neither one nor two axes.

    Example:
        >>> import fastvjp
        >>> fastvjp.diag(fastvjp.array([1.0, 2.0]))
        array([[1, 0],
               [0, 2]], dtype=float32)
    """
    x = as_array(a, "diag")
    if x.ndim == 2:
        return diagonal(x, k)
    if x.ndim != 1:
        raise ValueError(f"[diag] Expected an array with one or two axes, got the shape {x.shape}.")
    return _with_diagonal(x, k)


@recorded()
def _with_diagonal(x: array, k: int) -> array:
    n = x.size + abs(k)
    if x.size == 0:
        return filled((n, n), x)
    first = k if k >= 0 else -k * n
    flat = emit("slice_update", filled((n * n,), x), x, start=(first,),
                stop=(first + (x.size - 1) * (n + 1) + 1,), step=(n + 1,))  # fmt: skip
    return reshaped(flat, (n, n))


@public(recorded(), numpy=np.trace, method=True)
def trace(a: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> array:
    """Sum along a diagonal.

    Args:
        a: array with at least two axes.
        offset: which diagonal; above the main one where positive.
        axis1: first axis.
        axis2: second axis.
        dtype: dtype in which to sum; by default that of `sum`.

    Returns:
        Array without the two axes.

    Raises:
        ValueError: an axis out of range, or twice the same.

    Example:
        >>> import fastvjp
        >>> fastvjp.trace(fastvjp.array([[1.0, 2.0], [3.0, 4.0]]))
        array(5, dtype=float32)
    """
    values = diagonal(a, offset, axis1, axis2)
    if dtype is not None:
        values = cast(values, as_dtype(dtype, "trace"))
    total = reductions.sum(values, axis=-1)
    return total if dtype is None else cast(total, values.dtype)


@public(recorded(), numpy=np.tril)
def tril(a: ArrayLike, k: int = 0) -> array:
    """Lower triangle of the last two axes; 0 above it.

    Args:
        a: array with at least two axes.
        k: diagonal up to which elements are kept.

    Returns:
        Array of the shape of `a`.

    Raises:
        ValueError: fewer than two axes.

    Example:
        >>> import fastvjp
        >>> fastvjp.tril(fastvjp.ones((2, 2)))
        array([[1, 0],
               [1, 1]], dtype=float32)
    """
    return _triangle(a, k, True, "tril")


@public(recorded(), numpy=np.triu)
def triu(a: ArrayLike, k: int = 0) -> array:
    """Upper triangle of the last two axes; 0 below it.

    Args:
        a: array with at least two axes.
        k: diagonal from which elements are kept.

    Returns:
        Array of the shape of `a`.

    Raises:
        ValueError: fewer than two axes.

    Example:
        >>> import fastvjp
        >>> fastvjp.triu(fastvjp.ones((2, 2)))
        array([[1, 1],
               [0, 1]], dtype=float32)
    """
    return _triangle(a, k - 1, False, "triu")


def _triangle(a: ArrayLike, k: int, lower: bool, name: str) -> array:
    x = as_array(a, name)
    if x.ndim == 0:
        raise ValueError(f"[{name}] Expected an array with axes, got a scalar.")
    if x.ndim == 1:  # of rows that are all the same, as NumPy has it
        x = spread(x, (*x.shape, *x.shape))
    below = spread(constant(np.tri(x.shape[-2], x.shape[-1], k, bool_)), x.shape)
    zeros = filled(x.shape, x)
    return emit("select", below, x, zeros) if lower else emit("select", below, zeros, x)
