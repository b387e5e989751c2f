"""What the standard orders, bounds and lists otherwise than NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array, as_array
from ...arrays.calls import with_views
from ...arrays.views import view_of
from .members import adopted, standard


@standard(np.sort)
def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> array:
    """Sorted elements; see `fastvjp.sort`."""
    return ops.flip(ops.sort(x, axis), axis) if descending else ops.sort(x, axis)


@standard(np.argsort)
def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> array:
    """Positions that sort; equal elements keep their order, descending too."""
    if not descending:
        return ops.argsort(x, axis)
    last = as_array(x, "argsort").shape[axis] - 1
    return last - ops.flip(ops.argsort(ops.flip(x, axis), axis), axis)


@standard(np.clip)
def clip(x: Any, /, min: Any = None, max: Any = None) -> array:
    """Elements within bounds, of which either may be missing; see `fastvjp.clip`."""
    return as_array(x, "clip").copy() if min is None and max is None else ops.clip(x, min, max)


@standard(np.reshape)
def reshape(x: Any, /, shape: Any, *, copy: bool | None = None) -> array:
    """`fastvjp.reshape`; a view where the standard leaves it open.

    Raises:
        ValueError: `copy` is False where it takes one.
    """
    made = ops.reshape(with_views(as_array(x, "reshape")), shape)
    view = view_of(made)
    if view is not None:
        view.known = True
    elif copy is False:
        raise ValueError(f"[reshape] The shape {made.shape} takes a copy, but copy=False.")
    return made.copy() if copy else made


@standard(np.meshgrid)
def meshgrid(*arrays: Any, indexing: str = "xy") -> list[array]:
    """`numpy.meshgrid`, as a list."""
    return list(adopted(np.meshgrid(*arrays, indexing=indexing)))  # type: ignore[call-overload]


@standard(np.broadcast_arrays)
def broadcast_arrays(*arrays: Any) -> list[array]:
    """`numpy.broadcast_arrays`, as a list."""
    return list(adopted(np.broadcast_arrays(*arrays)))
