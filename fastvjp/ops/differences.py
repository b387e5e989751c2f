"""Differences of neighbours."""

from __future__ import annotations

import numpy as np

from ..arrays.array import array, as_array, as_arrays
from ..arrays.public import public
from ..arrays.views import whole
from .arithmetic import subtract
from .broadcasting import broadcast_to
from .common import ArrayLike, axis_of
from .indexing import getitem
from .joining import concatenate
from .logical import not_equal
from .shape import moveaxis


@public(numpy=np.diff)
def diff(
    a: ArrayLike, n: int = 1, axis: int = -1, prepend: ArrayLike | None = None, append: ArrayLike | None = None
) -> array:
    """Differences of neighbours along an axis, n times.

    Args:
        a: array; of bools it is told which neighbours differ.
        n: how many times.
        axis: the axis.
        prepend: what stands before the first element: a number, or an array with that axis.
        append: what stands behind the last one.

    Returns:
        Array that is shorter by n along the axis.

    Raises:
        ValueError: a negative n, a scalar, or the axis out of range.

    Example:
        >>> import fastvjp
        >>> fastvjp.diff(fastvjp.array([1.0, 4.0, 9.0]))
        array([3, 5], dtype=float32)
    """
    x = as_array(a, "diff")
    if n < 0:
        raise ValueError(f"[diff] Expected a number of times of at least 0, got {n}.")
    if n == 0:
        return whole(x)
    i = axis_of(axis, x.ndim, "diff")
    ends = [None if e is None else as_arrays([x, e], "diff")[1] for e in (prepend, append)]
    one = tuple([1 if k == i else m for k, m in enumerate(x.shape)])
    first, last = (e if e is None or e.ndim else broadcast_to(e, one) for e in ends)
    parts = [e for e in (first, x, last) if e is not None]
    x = moveaxis(concatenate(parts, i) if len(parts) > 1 else x, i, 0)
    operate = not_equal if x.dtype.kind == "b" else subtract
    for _ in range(n):
        x = operate(getitem(x, slice(1, None)), getitem(x, slice(None, -1)))
    return moveaxis(x, 0, i)
