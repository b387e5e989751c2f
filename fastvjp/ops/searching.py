"""Where values stand among sorted ones, and which there are."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.array import array, as_array, as_arrays, numpy_of
from ..arrays.emit import constant
from ..arrays.public import public
from ..core.avals import int64
from ..recording.recorder import TracedValueError
from .broadcasting import broadcast_to
from .common import ArrayLike
from .complex_parts import astype
from .indexing import getitem
from .joining import concatenate
from .logical import isnan, less, less_equal, logical_and, logical_not, logical_or
from .reductions import sum
from .shape import ravel
from .taking import take


@public(numpy=np.searchsorted)
def searchsorted(a: ArrayLike, v: ArrayLike, side: str = "left", sorter: ArrayLike | None = None) -> array:
    """Positions at which values stand in a sorted array; they have no gradient.

    Args:
        a: sorted array with one axis, nan last.
        v: values, of any shape.
        side: "left" for the number of elements below a value, "right" for that of elements not above it.
        sorter: positions that sort `a`, if it is not sorted.

    Returns:
        int64 array of the shape of `v`.

    Raises:
        ValueError: `a` has not one axis, or another side.

    Example:
        >>> import fastvjp
        >>> fastvjp.searchsorted(fastvjp.array([1.0, 2.0, 3.0]), [0.5, 2.0])
        array([0, 1], dtype=int64)
    """
    edges, values = as_arrays([a, v], "searchsorted")
    if edges.ndim != 1 or side not in ("left", "right"):
        raise ValueError(
            f"[searchsorted] Expected a sorted array with one axis and side 'left' or 'right', "
            f"got the shape {edges.shape} and {side!r}."
        )
    if sorter is not None:
        edges = take(edges, sorter, 0)
    try:
        found: Any = np.searchsorted(numpy_of(edges._var), numpy_of(values._var), side)  # type: ignore[call-overload]
    except TracedValueError:
        return _counted(edges, values, side)
    return constant(np.array(found, int64))


def _counted(edges: array, values: array, side: str) -> array:
    """How many elements are below, by comparing all: nan is above all numbers."""
    each = getitem(values, (..., None))
    below = (less if side == "left" else less_equal)(edges, each)
    last = logical_and(isnan(each), True if side == "right" else logical_not(isnan(edges)))
    return sum(logical_or(below, last), -1)


@public(numpy=np.unique)
def unique(
    a: ArrayLike,
    size: int | None = None,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    fill_value: ArrayLike | None = None,
) -> Any:
    """The distinct elements in order; reads the values. The gradient of each goes to its first occurrence.

    Args:
        a: array, which is flattened.
        size: how many: the least ones, and `fill_value` behind them. By default as many as there are.
        return_index: whether to return the positions of the first occurrences in the flattened array, too.
        return_inverse: whether to return the positions among the distinct ones of all elements, too.
        return_counts: whether to return how often each occurs, too.
        fill_value: what is filled up with; by default the least element. Its count is 0, its position the first.

    Returns:
        Array of shape (size,), or a tuple of it and the int64 arrays asked for; the inverse has the shape of `a`.

    Raises:
        TracedValueError: the values are not known (under vmap or compile).
        ValueError: there is nothing to fill up with.

    Example:
        >>> import fastvjp
        >>> fastvjp.unique(fastvjp.array([3.0, 1.0, 3.0]))
        array([1, 3], dtype=float32)
    """
    x = as_array(a, "unique")
    values = numpy_of(x._var)
    _, index, inverse, counts = np.unique(values, True, True, True)
    inverse = inverse.reshape(values.shape)
    found = take(ravel(x), np.asarray(index, int64), 0)
    if size is not None:
        found, index, counts = _of_size(size, found, index, counts, fill_value)
        inverse = np.minimum(inverse, max(size - 1, 0))
    wanted = [(return_index, index), (return_inverse, inverse), (return_counts, counts)]
    more = [constant(np.array(part, int64)) for asked, part in wanted if asked]
    return (found, *more) if more else found


def _of_size(
    size: int, found: array, index: Any, counts: Any, fill_value: ArrayLike | None
) -> tuple[Any, Any, Any]:
    """The least elements, their positions and counts, filled up to a size."""
    missing = size - len(index)
    if missing <= 0:
        return getitem(found, slice(size)), index[:size], counts[:size]
    if len(index) == 0 and fill_value is None:
        raise ValueError("[unique] There is no element to fill up with. Hint: give a fill_value.")
    fill = getitem(found, 0) if fill_value is None else astype(fill_value, found.dtype)
    found = concatenate([found, broadcast_to(fill, (missing,))])
    return found, np.append(index, np.repeat(index[:1], missing)), np.append(counts, np.zeros(missing, int64))
