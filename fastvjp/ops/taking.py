"""Elements by index along an axis, and where they are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays.array import array, as_array, numpy_of
from ..arrays.emit import constant, emit, filled, reshaped, spread
from ..arrays.public import public
from ..core.avals import int64
from ..core.errors import PlaceError
from .common import ArrayLike, axis_of
from .indexing import fitted, picked, selected
from .indices import Advanced, Index, index_item, linear_index, parse


@public(numpy=np.take, method=True)
def take(a: ArrayLike, indices: ArrayLike, axis: int | None = None, mode: str = "raise") -> array:
    """Elements, or slices along an axis, by index.

    Args:
        a: array.
        indices: integer, or array of integers of any shape; negative ones count from the end.
        axis: axis to index; by default the flattened array is.
        mode: what an index out of range is: an error, or "wrap", counted round, or "clip", the first or last.

    Returns:
        Array of shape a.shape[:axis] + indices.shape + a.shape[axis + 1:].

    Raises:
        IndexError: an index out of range or not an integer.
        ValueError: axis out of range; an unknown mode.

    Example:
        >>> import fastvjp
        >>> fastvjp.take(fastvjp.array([1.0, 2.0, 3.0]), [2, 0])
        array([3, 1], dtype=float32)
    """
    x = as_array(a, "take")
    if axis is None:
        x, axis = reshaped(x, (x.size,)), 0
    i = axis_of(axis, x.ndim, "take")
    item = index_item(_inside(indices, x.shape[i], mode), "take")
    if isinstance(item, int):
        parsed = parse(x.shape, (slice(None),) * i + (item,), "take")
        return parsed.of(x)
    return selected(x, (Advanced(i, i, _integers(item, "take")),), i, "take")


def _inside(indices: Any, size: int, mode: str) -> Any:
    """Indices as a mode of NumPy's has them."""
    if mode == "raise":
        return indices
    if mode not in ("wrap", "clip"):
        raise ValueError(f"[take] Unknown mode {mode!r}. Expected: 'raise', 'wrap' or 'clip'.")
    if not isinstance(indices, array):
        indices = np.asarray(indices)
    if not size and indices.size:
        raise PlaceError("[take] There is nothing to take from an axis of size 0.")
    _integers(indices, "take")
    return indices % size if mode == "wrap" else indices.clip(0, size - 1)


def _integers(item: Any, name: str) -> Index:
    if not isinstance(item, np.ndarray | array) or item.dtype == np.bool_:
        raise PlaceError(f"[{name}] Expected integers as indices, got {getattr(item, 'dtype', item)}.")
    return item


@public(numpy=np.take_along_axis)
def take_along_axis(a: ArrayLike, indices: ArrayLike, axis: int | None = -1) -> array:
    """Elements along an axis, by an index of their own for each line: what goes with `argsort`.

    Args:
        a: array.
        indices: array of integers with as many axes as `a`; the others are broadcast against those of `a`.
        axis: axis to index; None flattens `a`, and `indices` must have one axis.

    Returns:
        Array of the shape of `indices` (broadcast).

    Raises:
        IndexError: an index out of range or not an integer.
        ValueError: axis out of range, or shapes that do not fit.

    Example:
        >>> import fastvjp
        >>> fastvjp.take_along_axis(fastvjp.array([[1.0, 2.0], [3.0, 4.0]]), [[1], [0]], axis=1)
        array([[2],
               [3]], dtype=float32)
    """
    x = as_array(a, "take_along_axis")
    if axis is None:
        x, axis = reshaped(x, (x.size,)), 0
    i, item = line_index(x.shape, indices, axis, "take_along_axis")
    rows = x.shape[:-1]
    if i == x.ndim - 1 > 0 and item.shape == (*rows, 1):
        return reshaped(picked(x, item.reshape(rows), "take_along_axis"), item.shape)
    index, shape = along_axis(x.shape, indices, axis, "take_along_axis")
    return reshaped(emit("gather", reshaped(x, (x.size,)), index), shape)


@public()
def put_along_axis(a: ArrayLike, indices: ArrayLike, values: ArrayLike, axis: int | None = None) -> array:
    """Replace elements along an axis, by an index of their own for each line.

    Args:
        a: array.
        indices: array of integers with as many axes as `a`; the others are broadcast against those of `a`.
        values: array that broadcasts to the shape of `indices`; cast to the dtype of `a`.
        axis: axis to index; by default `a` is flattened, and `indices` must have one axis.

    Returns:
        Array of the shape and dtype of `a`, a new one.

    Raises:
        IndexError: an index out of range or not an integer.
        ValueError: axis out of range, or shapes that do not fit.

    Example:
        >>> import fastvjp
        >>> fastvjp.put_along_axis(fastvjp.zeros((2, 2)), [[1], [0]], 5.0, axis=1)
        array([[0, 5],
               [5, 0]], dtype=float32)
    """
    x = as_array(a, "put_along_axis")
    along = (x.size,) if axis is None else x.shape
    index, shape = along_axis(along, indices, 0 if axis is None else axis, "put_along_axis")
    y = reshaped(fitted(values, x, shape, "put_along_axis"), (math.prod(shape),))
    return reshaped(emit("scatter_set", reshaped(x, (x.size,)), index, y), x.shape)


def line_index(shape: tuple[int, ...], indices: ArrayLike, axis: int, name: str) -> tuple[int, Index]:
    """The axis, and the integers that index it, which have as many axes as what they index."""
    i = axis_of(axis, len(shape), name)
    item = index_item(indices if isinstance(indices, np.ndarray | array) else np.asarray(indices), name)
    index = _integers(np.asarray(item) if isinstance(item, int) else item, name)
    if index.ndim != len(shape):
        raise ValueError(
            f"[{name}] Indices of shape {index.shape} do not match an array of shape {shape}. "
            f"Expected: as many axes. Hint: use take for one index for all lines."
        )
    return i, index


def along_axis(shape: tuple[int, ...], indices: ArrayLike, axis: int, name: str) -> tuple[array, tuple[int, ...]]:
    """Linear index of elements along an axis, and the shape of what it selects."""
    i, index = line_index(shape, indices, axis, name)
    grid = [(g, k, shape[k]) for k, g in enumerate(np.ogrid[tuple(map(slice, shape))])]
    return linear_index([(index, i, n) if k == i else (g, k, n) for g, k, n in grid], name)


def lines(order: array, axis: int) -> array:
    """Linear index from positions along an axis, known to be in range, with the shape of the array."""
    shape = order.shape
    strides = [math.prod(shape[k + 1 :]) for k in range(len(shape))]
    grid = np.ogrid[tuple(map(slice, shape))]
    base = sum((g * s for k, (g, s) in enumerate(zip(grid, strides, strict=True)) if k != axis), np.int64(0))
    if strides[axis] != 1:
        order = emit("multiply", order, filled(shape, order, strides[axis]))
    if math.prod(shape) == shape[axis]:
        return reshaped(order, (order.size,))
    first = spread(constant(np.array(base, int64, order="C")), shape)
    return reshaped(emit("add", order, first), (order.size,))


@public(numpy=np.nonzero, method=True)
def nonzero(a: ArrayLike) -> tuple[array, ...]:
    """Positions of the elements that are not zero; reads the values.

    Args:
        a: array.

    Returns:
        Tuple with an int64 array of shape (k,) for each axis.

    Raises:
        TracedValueError: the values are not known (under vmap or compile).
        ValueError: `a` is a scalar.

    Example:
        >>> import fastvjp
        >>> fastvjp.nonzero(fastvjp.array([0.0, 3.0, 4.0]))
        (array([1, 2], dtype=int64),)
    """
    values = numpy_of(as_array(a, "nonzero")._var)
    if values.ndim == 0:
        raise ValueError("[nonzero] A scalar has no positions. Hint: use atleast_1d.")
    return tuple([constant(np.ascontiguousarray(where, int64)) for where in values.nonzero()])


@public(numpy=np.flatnonzero)
def flatnonzero(a: ArrayLike) -> array:
    """Positions in the flattened array of the elements that are not zero; reads the values.

    Args:
        a: array.

    Returns:
        int64 array of shape (k,).

    Raises:
        TracedValueError: the values are not known (under vmap or compile).

    Example:
        >>> import fastvjp
        >>> fastvjp.flatnonzero(fastvjp.array([0.0, 3.0, 4.0]))
        array([1, 2], dtype=int64)
    """
    return constant(np.flatnonzero(numpy_of(as_array(a, "flatnonzero")._var)).astype(int64, copy=False))


@public(numpy=np.argwhere)
def argwhere(a: ArrayLike) -> array:
    """Positions of the elements that are not zero, one per row; reads the values.

    Args:
        a: array.

    Returns:
        int64 array of shape (k, a.ndim).

    Raises:
        TracedValueError: the values are not known (under vmap or compile).

    Example:
        >>> import fastvjp
        >>> fastvjp.argwhere(fastvjp.array([0.0, 3.0]))
        array([[1]], dtype=int64)
    """
    return constant(np.array(np.argwhere(numpy_of(as_array(a, "argwhere")._var)), int64, order="C"))
