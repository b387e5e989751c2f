"""Joining and cutting as NumPy does, and what turns arrays about."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array, as_array, as_arrays
from ...arrays.public import implements

# --- joining -----------------------------------------------------------------------------------------------


def _typed(result: array, dtype: Any) -> array:
    return result if dtype is None else ops.astype(result, dtype)


@implements(np.concatenate)
def _concatenate(arrays: Any, axis: int | None = 0, *, dtype: Any = None) -> array:
    return _typed(ops.concatenate(arrays, axis), dtype)


@implements(np.stack)
def _stack(arrays: Any, axis: int = 0, *, dtype: Any = None) -> array:
    return _typed(ops.stack(arrays, axis), dtype)


@implements(np.vstack)
def _vstack(tup: Any, *, dtype: Any = None) -> array:
    return _concatenate([ops.atleast_2d(x) for x in as_arrays(tup, "vstack")], dtype=dtype)


@implements(np.hstack)
def _hstack(tup: Any, *, dtype: Any = None) -> array:
    parts = [as_array(ops.atleast_1d(x), "hstack") for x in as_arrays(tup, "hstack")]
    return _concatenate(parts, 0 if parts and parts[0].ndim == 1 else 1, dtype=dtype)


@implements(np.dstack)
def _dstack(tup: Any) -> array:
    return ops.concatenate([ops.atleast_3d(x) for x in as_arrays(tup, "dstack")], 2)


@implements(np.column_stack)
def _column_stack(tup: Any) -> array:
    parts = as_arrays(tup, "column_stack")
    return ops.concatenate([x if x.ndim > 1 else ops.reshape(x, (-1, 1)) for x in parts], 1)


@implements(np.append)
def _append(arr: Any, values: Any, axis: int | None = None) -> array:
    return ops.concatenate(as_arrays([arr, values], "append"), axis)


# --- cutting -----------------------------------------------------------------------------------------------


@implements(np.array_split)
def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[array]:
    cuts = indices_or_sections
    if np.ndim(cuts) == 0:
        parts = np.array_split(np.arange(as_array(ary, "array_split").shape[axis]), operator.index(cuts))
        cuts = np.cumsum([len(p) for p in parts])[:-1]
    return ops.split(ary, cuts, axis)


@implements(np.vsplit)
def _vsplit(ary: Any, indices_or_sections: Any) -> list[array]:
    return ops.split(ary, indices_or_sections, 0)


@implements(np.hsplit)
def _hsplit(ary: Any, indices_or_sections: Any) -> list[array]:
    return ops.split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


@implements(np.dsplit)
def _dsplit(ary: Any, indices_or_sections: Any) -> list[array]:
    return ops.split(ary, indices_or_sections, 2)


# --- axes --------------------------------------------------------------------------------------------------


@implements(np.atleast_1d)
def _atleast_1d(*arys: Any) -> Any:
    return _tuple(ops.atleast_1d(*arys))


@implements(np.atleast_2d)
def _atleast_2d(*arys: Any) -> Any:
    return _tuple(ops.atleast_2d(*arys))


@implements(np.atleast_3d)
def _atleast_3d(*arys: Any) -> Any:
    return _tuple(ops.atleast_3d(*arys))


def _tuple(result: Any) -> Any:
    return tuple(result) if isinstance(result, list) else result


@implements(np.flipud)
def _flipud(m: Any) -> array:
    return ops.flip(m, 0)


@implements(np.fliplr)
def _fliplr(m: Any) -> array:
    return ops.flip(m, 1)


@implements(np.rot90)
def _rot90(m: Any, k: int = 1, axes: Sequence[int] = (0, 1)) -> array:
    x = as_array(m, "rot90")
    first, second = axes
    if k % 4 == 0:
        return x[...]
    if k % 4 == 2:
        return ops.flip(x, (first, second))
    if k % 4 == 1:
        return ops.swapaxes(ops.flip(x, second), first, second)
    return ops.flip(ops.swapaxes(x, first, second), second)


@implements(np.diagflat)
def _diagflat(v: Any, k: int = 0) -> array:
    return ops.diag(ops.ravel(v), k)
