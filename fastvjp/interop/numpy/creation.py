"""NumPy's functions that make arrays like others, and questions about shapes and dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array, as_array
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


@implements(np.copy)
def _copy(a: Any, order: str = "K") -> array:
    x = as_array(a, "copy")
    return placed(x.copy(), x, order, "copy")


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


@implements(np.can_cast)
def _can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    return can_cast(from_, to, casting)


def _dtype_of(x: Any) -> Any:
    return x.dtype if isinstance(x, array) else x
