"""NumPy's functions that make arrays like others, and questions about shapes and dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array, as_array, as_arrays
from ...arrays.public import implements
from ...arrays.views import kept_order, placed
from ...core.avals import as_dtype, inexact, promote
from ...core.dtypes import can_cast
from ...core.scalars import WEAK

# --- creation ----------------------------------------------------------------------------------------------


@implements(np.full_like)
def _full_like(a: Any, fill_value: Any, dtype: Any = None, *, shape: Any = None) -> array:
    like = as_array(a, "full_like")
    made = ops.full(like.shape if shape is None else shape, fill_value, like.dtype if dtype is None else dtype)
    return kept_order(made, like)


@implements(np.zeros_like, np.empty_like)
def _zeros_like(a: Any, dtype: Any = None, *, shape: Any = None) -> array:
    return _full_like(a, 0, dtype, shape=shape)


@implements(np.ones_like)
def _ones_like(a: Any, dtype: Any = None, *, shape: Any = None) -> array:
    return _full_like(a, 1, dtype, shape=shape)


@implements(np.linspace)
def _linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False,
              dtype: Any = None, axis: int = 0) -> Any:  # fmt: skip
    kinds = [
        type(x) if type(x) in (bool, int, float, complex) else as_array(x, "linspace").dtype for x in (start, stop)
    ]
    natural = inexact(promote(*kinds, float))
    values = ops.linspace(start, stop, num, endpoint, dtype=natural if dtype is None else dtype)
    values = ops.moveaxis(values, 0, axis) if axis else values
    if not retstep:
        return values
    return values, ops.astype(ops.subtract(stop, start), natural) / (num - 1 if endpoint else num)


@implements(np.geomspace)
def _geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None,
               axis: int = 0) -> array:  # fmt: skip
    """Powers of the ratio of the ends, which are exactly what is given."""
    first, last = as_arrays([start, stop], "geomspace")
    parts = ops.linspace(0.0, 1.0, num, endpoint, dtype=np.float64)
    parts = ops.reshape(parts, (num, *(1,) * max(first.ndim, last.ndim)))
    values = ops.where(parts == 1.0, last, first * ops.power(last / first, parts))
    return _along(values, dtype, axis)


@implements(np.logspace)
def _logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0,
              dtype: Any = None, axis: int = 0) -> array:  # fmt: skip
    first, last, *bases = as_arrays([start, stop, *([base] if np.ndim(base) else [])], "logspace")
    values = ops.power(bases[0] if bases else base, _linspace(first, last, num, endpoint))
    return _along(values, dtype, axis)


def _along(values: array, dtype: Any, axis: int) -> array:
    values = ops.moveaxis(values, 0, axis) if axis else values
    return values if dtype is None else ops.astype(values, dtype)


@implements(np.copy)
def _copy(a: Any, order: str = "K") -> array:
    x = as_array(a, "copy")
    return placed(x.copy(), x, order, "copy")


@implements(np.ix_)
def _ix(*args: Any) -> tuple[Any, ...]:
    """Each along an axis of its own; booleans as the places where they are true."""
    found = [as_array(x, "ix_") for x in args]
    for x in found:
        if x.ndim != 1:
            raise ValueError(f"[np.ix_] Expected arrays of one axis, got the shape {x.shape}.")
    found = [ops.nonzero(x)[0] if x.dtype.kind == "b" else x for x in found]
    last = len(found) - 1
    return tuple([ops.reshape(x, (*(1,) * i, x.size, *(1,) * (last - i))) for i, x in enumerate(found)])


# --- shapes and dtypes -------------------------------------------------------------------------------------


@implements(np.shape)
def _shape(a: array) -> tuple[int, ...]:
    return a.shape


@implements(np.ndim)
def _ndim(a: array) -> int:
    return a.ndim


@implements(np.size)
def _size(a: array, axis: int | None = None) -> int:
    return a.size if axis is None else a.shape[axis]


@implements(np.iscomplexobj)
def _iscomplexobj(x: array) -> bool:
    return x.dtype.kind == "c"


@implements(np.isrealobj)
def _isrealobj(x: array) -> bool:
    return x.dtype.kind != "c"


@implements(np.result_type)
def _result_type(*arrays_and_dtypes: Any) -> np.dtype:
    kinds = [WEAK.get(type(x)) or as_dtype(_dtype_of(x), "result_type") for x in arrays_and_dtypes]
    return promote(*kinds)


@implements(np.common_type)
def _common_type(*arrays: Any) -> type:
    return promote(*[inexact(_floating_of(x)) for x in arrays]).type


def _floating_of(x: Any) -> np.dtype:
    """A dtype, float64 for integers, as `np.common_type` has it."""
    given = as_dtype(np.asarray(x).dtype if not isinstance(x, array) else x.dtype, "common_type")
    return np.dtype(np.float64) if given.kind in "iu" else given


@implements(np.can_cast)
def _can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    return can_cast(from_, to, casting)


def _dtype_of(x: Any) -> Any:
    return x.dtype if isinstance(x, array | np.ndarray | np.generic) else x
