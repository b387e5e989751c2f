"""Parts of an array whose place is computed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays.array import array, as_array
from ..arrays.emit import reshaped
from ..arrays.public import public
from .arithmetic import add
from .common import ArrayLike, axis_of
from .indexing import At, getitem


@public()
def slice(a: ArrayLike, start_indices: ArrayLike, axes: Sequence[int], slice_size: Sequence[int]) -> array:
    """A part of an array that begins where an array says, which may depend on anything.

    Args:
        a: array.
        start_indices: integers, one for each of `axes`: where the part begins; negative ones count from the end.
        axes: axes along which it does not begin at 0.
        slice_size: the shape of the part.

    Raises:
        IndexError: a part that reaches beyond the array.
        ValueError: sizes that are not those of an axis each, or starts that are not one for each of `axes`.

    Example:
        >>> import fastvjp
        >>> a = fastvjp.array([[1, 2, 3], [4, 5, 6]])
        >>> fastvjp.slice(a, fastvjp.array(1), axes=(0,), slice_size=(1, 2))
        array([[4, 5]], dtype=int32)
    """
    x = as_array(a, "slice")
    return getitem(x, _positions(x, start_indices, axes, tuple(slice_size), "slice"))


@public()
def slice_update(a: ArrayLike, update: ArrayLike, start_indices: ArrayLike, axes: Sequence[int]) -> array:
    """An array with a part replaced that begins where an array says; arguments as in `slice`.

    Example:
        >>> import fastvjp
        >>> fastvjp.slice_update(fastvjp.zeros(4), fastvjp.ones(2), fastvjp.array(1), axes=(0,))
        array([0, 1, 1, 0], dtype=float32)
    """
    x, part = as_array(a, "slice_update"), as_array(update, "slice_update")
    return At(x)[_positions(x, start_indices, axes, part.shape, "slice_update")].set(part)


def _positions(
    x: array, start_indices: ArrayLike, axes: Sequence[int], sizes: tuple[int, ...], name: str
) -> tuple[array, ...]:
    """The index along each axis, which broadcast to the shape of the part."""
    starts = as_array(start_indices, name)
    along = [axis_of(i, x.ndim, name) for i in axes]
    if len(sizes) != x.ndim or starts.size != len(along) or starts.ndim > 1 or any(n < 0 for n in sizes):
        raise ValueError(
            f"[{name}] A part of shape {sizes} with starts of shape {starts.shape} along {tuple(axes)} is none "
            f"of an array of shape {x.shape}. Expected: a size for each axis, a start for each of those named."
        )
    starts = reshaped(starts, (len(along),))
    index = []
    for i, n in enumerate(sizes):
        places = np.arange(n).reshape([-1 if k == i else 1 for k in range(x.ndim)])
        index.append(add(places, getitem(starts, along.index(i))) if i in along else as_array(places, name))
    return tuple(index)
