"""Shapes: reshaping and moving axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import views
from ..arrays.array import array, as_array
from ..arrays.calls import recorded
from ..arrays.emit import inverse, permuted, reshaped
from ..arrays.public import public
from .common import ArrayLike, axis_of


def sizes_of(shape: Any, name: str) -> tuple[int, ...]:
    """A shape as a tuple of ints; TypeError where it is none."""
    given = shape if isinstance(shape, Sequence | np.ndarray) else (shape,)
    try:
        return tuple([n.__index__() for n in given])
    except AttributeError:
        raise TypeError(f"[{name}] Expected a shape of integers, got {shape!r}.") from None


@public(numpy=np.reshape)
def reshape(a: ArrayLike, shape: int | Sequence[int], order: str = "C") -> array:
    """The same elements under another shape.

    Args:
        a: array.
        shape: new shape of the same size; one entry may be -1 and is then inferred.
        order: in which order elements are taken and placed: "C", the last axis changes fastest; "F", the first one
            does; "A", which is "F" where inputs are NumPy arrays and this one lies so in memory.

    Returns:
        Array of that shape.

    Raises:
        ValueError: the sizes differ, or more than one entry is negative; it is not known how the array lies.

    Example:
        >>> import fastvjp
        >>> fastvjp.reshape(fastvjp.zeros(6), (2, -1)).shape
        (2, 3)
    """
    if order == "C":
        return _reshape(a, shape)
    x = as_array(a, "reshape")
    if order == "K":
        raise ValueError("[reshape] Expected order 'C', 'F' or 'A', got 'K'.")
    if views.axis_order(x, order, "reshape") is None:
        return _reshape(x, shape)
    return transpose(_reshape(transpose(x), sizes_of(shape, "reshape")[::-1]))


@recorded(view=views.reshaped)
def _reshape(a: ArrayLike, shape: int | Sequence[int]) -> array:
    x = as_array(a, "reshape")
    sizes = sizes_of(shape, "reshape")
    return reshaped(x, _resolved(sizes, x.size, f"array of shape {x.shape}", "reshape"))


def _resolved(sizes: tuple[int, ...], size: int, what: str, name: str) -> tuple[int, ...]:
    """Sizes with -1 inferred; ValueError where they do not hold `size` elements."""
    known = math.prod(n for n in sizes if n != -1)
    resolved = sizes
    if sizes.count(-1) == 1 and known > 0:
        resolved = tuple(size // known if n == -1 else n for n in sizes)
    if any(n < 0 for n in resolved) or math.prod(resolved) != size:
        raise ValueError(
            f"[{name}] An {what} has {size} elements and cannot take the shape {sizes}. "
            f"Expected: sizes whose product is {size}, of which one may be -1."
        )
    return resolved


@public(method=True)
def flatten(a: ArrayLike, start_axis: int | str = 0, end_axis: int = -1, *, order: str = "C") -> array:
    """Merge the axes from `start_axis` to `end_axis` (both included) into one.

    Args:
        a: array; a scalar becomes an array of shape (1,).
        start_axis: first axis; or in its place, as in NumPy, the order.
        end_axis: last axis.
        order: of all elements, if all axes are merged: see `ravel`.

    Returns:
        Array in which the size of the merged axis is the product of theirs.

    Raises:
        ValueError: an axis out of range, or `start_axis` behind `end_axis`; another order than "C" with axes.

    Example:
        >>> import fastvjp
        >>> fastvjp.flatten(fastvjp.zeros((2, 3, 4)), 1).shape
        (2, 12)
    """
    if isinstance(start_axis, str):
        return flatten(a, order=start_axis)
    if order == "C":
        return _flatten(a, start_axis, end_axis)
    if (start_axis, end_axis) != (0, -1):
        raise ValueError(f"[flatten] Expected order 'C' where only some axes are merged, got {order!r}.")
    return _flatten(ravel(a, order))


@recorded()
def _flatten(a: ArrayLike, start_axis: Any = 0, end_axis: int = -1) -> array:
    x = as_array(a, "flatten")
    if x.ndim == 0:
        return reshaped(x, (1,))
    first, last = axis_of(start_axis, x.ndim, "flatten"), axis_of(end_axis, x.ndim, "flatten")
    if first > last:
        raise ValueError(f"[flatten] start_axis {start_axis} lies behind end_axis {end_axis}.")
    return reshaped(x, (*x.shape[:first], math.prod(x.shape[first : last + 1]), *x.shape[last + 1 :]))


@public(numpy=np.ravel, method=True)
def ravel(a: ArrayLike, order: str = "C") -> array:
    """All elements under one axis.

    Args:
        a: array.
        order: "C", the last axis changes fastest, or "F", the first one does. "A" and "K" go by memory where
            inputs are NumPy arrays: "A" is "F" if this one lies so, "K" takes elements as they lie. Other arrays
            are values, in "C" order.

    Returns:
        Array of shape (a.size,).

    Raises:
        ValueError: it is not known how NumPy's array would lie in memory; another order.

    Example:
        >>> import fastvjp
        >>> fastvjp.ravel(fastvjp.zeros((2, 3))).shape
        (6,)
    """
    if order == "C":
        return _ravel(a)
    x = as_array(a, "ravel")
    axes = views.axis_order(x, order, "ravel")
    return _ravel(x if axes is None else transpose(x, axes))


@recorded(view=views.reshaped)
def _ravel(a: ArrayLike) -> array:
    x = as_array(a, "ravel")
    return reshaped(x, (x.size,))


@public(recorded())
def unflatten(a: ArrayLike, axis: int, shape: Sequence[int]) -> array:
    """Split one axis into several.

    Args:
        a: array.
        axis: axis to split.
        shape: sizes that replace it; one may be -1.

    Returns:
        Array of shape a.shape[:axis] + shape + a.shape[axis + 1:].

    Raises:
        ValueError: axis out of range, or the sizes do not multiply to that of the axis.

    Example:
        >>> import fastvjp
        >>> fastvjp.unflatten(fastvjp.zeros((2, 6)), 1, (3, -1)).shape
        (2, 3, 2)
    """
    x = as_array(a, "unflatten")
    i = axis_of(axis, x.ndim, "unflatten")
    sizes = _resolved(sizes_of(shape, "unflatten"), x.shape[i], f"axis {i} of shape {x.shape}", "unflatten")
    return reshaped(x, x.shape[:i] + sizes + x.shape[i + 1 :])


def _transposed_back(base: array, value: array, axes: Sequence[int] | None = None) -> array:
    return transpose(value, axes if axes is None else inverse([i % base.ndim for i in axes]))


@public(recorded(view=_transposed_back), numpy=np.transpose)
def transpose(a: ArrayLike, axes: Sequence[int] | None = None) -> array:
    """Permute the axes.

    Args:
        a: array.
        axes: axis i of the result is axis axes[i] of `a`; by default they are reversed.

    Returns:
        Array of shape [a.shape[i] for i in axes].

    Raises:
        ValueError: `axes` is no permutation of the axes.

    Example:
        >>> import fastvjp
        >>> fastvjp.transpose(fastvjp.zeros((2, 3, 4)), (2, 0, 1)).shape
        (4, 2, 3)
    """
    x = as_array(a, "transpose")
    if axes is None:
        return permuted(x, tuple(range(x.ndim))[::-1])
    order = tuple([axis_of(i, x.ndim, "transpose") for i in axes])
    if sorted(order) != list(range(x.ndim)):
        raise ValueError(
            f"[transpose] Axes {tuple(axes)} do not fit an array of shape {x.shape}. "
            f"Expected: each of its {x.ndim} axes once."
        )
    return permuted(x, order)


permute_dims = transpose


def _swapped_back(base: array, value: array, axis1: int, axis2: int) -> array:
    return swapaxes(value, axis1, axis2)


@public(recorded(view=_swapped_back), numpy=np.swapaxes, method=True)
def swapaxes(a: ArrayLike, axis1: int, axis2: int) -> array:
    """Exchange two axes.

    Args:
        a: array.
        axis1: one axis.
        axis2: the other.

    Returns:
        Array with the two axes exchanged.

    Raises:
        ValueError: an axis out of range.

    Example:
        >>> import fastvjp
        >>> fastvjp.swapaxes(fastvjp.zeros((2, 3, 4)), 0, -1).shape
        (4, 3, 2)
    """
    x = as_array(a, "swapaxes")
    i, j = axis_of(axis1, x.ndim, "swapaxes"), axis_of(axis2, x.ndim, "swapaxes")
    order = list(range(x.ndim))
    order[i], order[j] = j, i
    return permuted(x, tuple(order))


def _moved_back(base: array, value: array, source: Any, destination: Any) -> array:
    return moveaxis(value, destination, source)


@public(recorded(view=_moved_back), numpy=np.moveaxis, method=True)
def moveaxis(a: ArrayLike, source: int | Sequence[int], destination: int | Sequence[int]) -> array:
    """Move axes to other positions; the rest keep their order.

    Args:
        a: array.
        source: axis or axes to move.
        destination: their positions in the result.

    Returns:
        Array with the axes moved.

    Raises:
        ValueError: an axis out of range or given twice, or unequal numbers of axes.

    Example:
        >>> import fastvjp
        >>> fastvjp.moveaxis(fastvjp.zeros((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    x = as_array(a, "moveaxis")
    moved, places = [
        [axis_of(i, x.ndim, "moveaxis") for i in (g if isinstance(g, tuple | list) else (g,))]
        for g in (source, destination)
    ]
    if len(moved) != len(places) or len(set(moved)) < len(moved) or len(set(places)) < len(places):
        raise ValueError(
            f"[moveaxis] Cannot move axes {source} to {destination}. Expected: as many, each of them once."
        )
    order = [i for i in range(x.ndim) if i not in moved]
    for place, axis in sorted(zip(places, moved, strict=True)):
        order.insert(place, axis)
    return permuted(x, tuple(order))
