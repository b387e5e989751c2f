"""Broadcasting, and axes of size 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays import views
from ..arrays.array import array, as_array
from ..arrays.calls import recorded
from ..arrays.emit import reshaped, spread
from ..arrays.public import public
from .common import ArrayLike, axes_of, broadcast
from .shape import reshape, sizes_of


@public(recorded(view=None), numpy=np.broadcast_to)
def broadcast_to(a: ArrayLike, shape: int | Sequence[int]) -> array:
    """Repeat along new leading axes and along axes of size 1.

    Args:
        a: array.
        shape: shape of the result.

    Returns:
        Array of that shape.

    Raises:
        ValueError: `a` does not broadcast to it.

    Example:
        >>> import fastvjp
        >>> fastvjp.broadcast_to(fastvjp.array([1.0, 2.0]), (3, 2)).shape
        (3, 2)
    """
    x = as_array(a, "broadcast_to")
    sizes = sizes_of(shape, "broadcast_to")
    if any(n < 0 for n in sizes) or broadcast(sizes, x.shape, "broadcast_to") != sizes:
        raise ValueError(f"[broadcast_to] An array of shape {x.shape} does not broadcast to {sizes}.")
    return array._of(spread(x, sizes)._var)


@public(numpy=np.broadcast_arrays)
def broadcast_arrays(*arrays: ArrayLike) -> tuple[array, ...]:
    """Broadcast arrays to their common shape.

    Args:
        arrays: arrays.

    Returns:
        Tuple of arrays, dtypes as they were.

    Raises:
        ValueError: the shapes do not fit each other.

    Example:
        >>> import fastvjp
        >>> [x.shape for x in fastvjp.broadcast_arrays(fastvjp.zeros((2, 1)), fastvjp.zeros(3))]
        [(2, 3), (2, 3)]
    """
    xs = [as_array(a, "broadcast_arrays") for a in arrays]
    shape: tuple[int, ...] = ()
    for x in xs:
        shape = broadcast(shape, x.shape, "broadcast_arrays")
    if all(x.shape == shape for x in xs):
        return tuple(map(views.whole, xs))
    return tuple([broadcast_to(x, shape) for x in xs])


@public(numpy=np.meshgrid)
def meshgrid(*arrays: ArrayLike, sparse: bool = False, indexing: str = "xy") -> tuple[array, ...]:
    """Coordinate arrays of a grid.

    Args:
        arrays: coordinates along each axis, of shape (n,) or ().
        sparse: leave the other axes at size 1 instead of repeating along them.
        indexing: "xy" exchanges the first two axes of the results, "ij" does not.

    Returns:
        Tuple with one array for each coordinate.

    Raises:
        ValueError: coordinates with several axes, or another `indexing`.

    Example:
        >>> import fastvjp
        >>> x, y = fastvjp.meshgrid(fastvjp.zeros(3), fastvjp.zeros(2))
        >>> x.shape, y.shape
        ((2, 3), (2, 3))
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"[meshgrid] Unknown indexing {indexing!r}. Expected: 'xy' or 'ij'.")
    xs = [as_array(a, "meshgrid") for a in arrays]
    for x in xs:
        if x.ndim > 1:
            raise ValueError(f"[meshgrid] Expected arrays with one axis, got the shape {x.shape}.")
    places = list(range(len(xs)))
    if indexing == "xy" and len(xs) > 1:
        places[:2] = 1, 0
    ones = (1,) * len(xs)
    grids = [reshaped(x, (*ones[:i], x.size, *ones[i + 1 :])) for x, i in zip(xs, places, strict=True)]
    return tuple(grids) if sparse else broadcast_arrays(*grids)


@public(recorded(view=views.reshaped), numpy=np.expand_dims)
def expand_dims(a: ArrayLike, axis: int | Sequence[int]) -> array:
    """Insert axes of size 1.

    Args:
        a: array.
        axis: their position or positions in the result.

    Returns:
        Array with the axes inserted.

    Raises:
        ValueError: a position out of range or given twice.

    Example:
        >>> import fastvjp
        >>> fastvjp.expand_dims(fastvjp.zeros((2, 3)), (0, -1)).shape
        (1, 2, 3, 1)
    """
    x = as_array(a, "expand_dims")
    count = len(axis) if isinstance(axis, tuple | list) else 1
    axes = axes_of(axis, x.ndim + count, "expand_dims")
    sizes = iter(x.shape)
    return reshaped(x, tuple([1 if i in axes else next(sizes) for i in range(x.ndim + count)]))


@public(recorded(view=views.reshaped), numpy=np.squeeze, method=True)
def squeeze(a: ArrayLike, axis: int | Sequence[int] | None = None) -> array:
    """Remove axes of size 1.

    Args:
        a: array.
        axis: axis or axes to remove; by default all of size 1.

    Returns:
        Array without them.

    Raises:
        ValueError: an axis out of range, or of a size other than 1.

    Example:
        >>> import fastvjp
        >>> fastvjp.squeeze(fastvjp.zeros((1, 3, 1)), 0).shape
        (3, 1)
    """
    x = as_array(a, "squeeze")
    if axis is None:
        return reshaped(x, tuple([n for n in x.shape if n != 1]))
    axes = axes_of(axis, x.ndim, "squeeze")
    for i in axes:
        if x.shape[i] != 1:
            raise ValueError(f"[squeeze] Axis {i} of an array of shape {x.shape} has not the size 1.")
    return reshaped(x, tuple([n for i, n in enumerate(x.shape) if i not in axes]))


def _at_least(arrays: Sequence[ArrayLike], ndim: int) -> array | list[array]:
    name = f"atleast_{ndim}d"
    results = []
    for x in [as_array(a, name) for a in arrays]:
        shape = x.shape
        if len(shape) < ndim:  # NumPy puts the rows of a matrix in front of a third axis
            shape = (*shape, 1) if len(shape) == 2 else (1,) * (min(ndim, 2) - len(shape)) + shape
            shape = shape + (1,) * (ndim - len(shape))
        results.append(views.whole(x) if shape == x.shape else reshape(x, shape))
    return results[0] if len(results) == 1 else results


@public()
def atleast_1d(*arrays: ArrayLike) -> array | list[array]:
    """Give scalars one axis.

    Args:
        arrays: arrays.

    Returns:
        The array, or a list where several were given, with at least one axis.

    Example:
        >>> import fastvjp
        >>> fastvjp.atleast_1d(fastvjp.array(1.0)).shape
        (1,)
    """
    return _at_least(arrays, 1)


@public()
def atleast_2d(*arrays: ArrayLike) -> array | list[array]:
    """Prepend axes of size 1 until there are two.

    Args:
        arrays: arrays.

    Returns:
        The array, or a list where several were given, with at least two axes.

    Example:
        >>> import fastvjp
        >>> fastvjp.atleast_2d(fastvjp.zeros(3)).shape
        (1, 3)
    """
    return _at_least(arrays, 2)


@public()
def atleast_3d(*arrays: ArrayLike) -> array | list[array]:
    """Add axes of size 1 until there are three, as NumPy does: (n,) becomes (1, n, 1), (m, n) (m, n, 1).

    Args:
        arrays: arrays.

    Returns:
        The array, or a list where several were given, with at least three axes.

    Example:
        >>> import fastvjp
        >>> fastvjp.atleast_3d(fastvjp.zeros(3)).shape
        (1, 3, 1)
    """
    return _at_least(arrays, 3)
