"""Arrays with elements put in, left out, repeated or chosen, and the places of triangles."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array, as_array, as_arrays, numpy_of
from ...arrays.public import implements
from ...ops.common import stored


def _place(obj: Any) -> Any:
    """Which elements, as NumPy takes it: the values of an array."""
    return numpy_of(obj._var) if isinstance(obj, array) else obj


def _along(arr: Any, axis: int | None, name: str) -> tuple[array, int]:
    x = as_array(arr, name)
    if axis is None:
        return ops.ravel(x), 0
    if not -x.ndim <= axis < x.ndim:
        raise np.exceptions.AxisError(axis, x.ndim)
    return x, axis % x.ndim


@implements(np.insert)
def _insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> array:
    """Elements of both, one behind the other, in the order in which NumPy puts their numbers."""
    x, i = _along(arr, axis, "insert")
    n, place = x.shape[i], _place(obj)
    new = stored(values, x.dtype, "insert")
    shape = list(x.shape)
    if np.ndim(place) == 0 and not isinstance(place, slice):
        new = ops.reshape(new, (1,) * (x.ndim - new.ndim) + new.shape)
        new = ops.moveaxis(new, 0, i)
        shape[i] = new.shape[i]
        numbers = np.insert(np.arange(n), place, n + np.arange(shape[i]))
    else:
        shape[i] = len(np.insert(np.arange(n), place, 0)) - n
        numbers = np.insert(np.arange(n), place, n + np.arange(shape[i]))
    return ops.take(ops.concatenate([x, ops.broadcast_to(new, shape)], i), numbers, i)


@implements(np.delete)
def _delete(arr: Any, obj: Any, axis: int | None = None) -> array:
    x, i = _along(arr, axis, "delete")
    return ops.take(x, np.delete(np.arange(x.shape[i]), _place(obj)), i)


@implements(np.ediff1d)
def _ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> array:
    given = [e for e in (to_begin, to_end) if e is not None]
    x, *ends = [ops.ravel(a) for a in as_arrays([ary, *given], "ediff1d")]
    parts = [ops.astype(e, x.dtype) for e in ends]
    parts.insert(0 if to_begin is None else 1, ops.diff(x))
    return ops.concatenate(parts)


@implements(np.resize)
def _resize(a: Any, new_shape: Any) -> array:
    x = ops.ravel(as_array(a, "resize"))
    shape = tuple(new_shape) if isinstance(new_shape, Sequence) else (new_shape,)
    size = math.prod(shape)
    if x.size == 0 or size == 0:
        return ops.zeros(shape, x.dtype)
    return ops.reshape(ops.take(x, np.arange(size) % x.size), shape)


@implements(np.rollaxis)
def _rollaxis(a: Any, axis: int, start: int = 0) -> array:
    x = as_array(a, "rollaxis")
    for i, most in ((axis, x.ndim - 1), (start, x.ndim)):
        if not -x.ndim <= i <= most:
            raise np.exceptions.AxisError(i, x.ndim)
    source, target = axis % x.ndim, start + x.ndim if start < 0 else start
    return ops.moveaxis(x, source, target - 1 if source < target else target)


@implements(np.trim_zeros)
def _trim_zeros(filt: Any, trim: str = "fb") -> array:
    """How many there are is read."""
    x = as_array(filt, "trim_zeros")
    if x.ndim != 1:
        raise ValueError(f"[np.trim_zeros] Expected one axis, got the shape {x.shape}.")
    places = np.flatnonzero(numpy_of(x._var))
    if not places.size:
        return x[:0]
    return x[places[0] if "f" in trim.lower() else 0 : places[-1] + 1 if "b" in trim.lower() else None]


@implements(np.choose)
def _choose(a: Any, choices: Any) -> array:
    """Of several arrays the one that a number says, for each element."""
    index = as_array(a, "choose")
    parts = ops.broadcast_arrays(index, *as_arrays(list(choices), "choose"))
    return ops.take_along_axis(ops.stack(parts[1:]), parts[0][None], 0)[0]


@implements(np.apply_over_axes)
def _apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> array:
    x = as_array(a, "apply_over_axes")
    for axis in np.atleast_1d(axes).tolist():
        found = as_array(func(x, axis), "apply_over_axes")
        x = found if found.ndim == x.ndim else ops.expand_dims(found, axis)
    return x


@implements(np.sort_complex)
def _sort_complex(a: Any) -> array:
    x = as_array(a, "sort_complex")
    return ops.sort(ops.astype(x, np.result_type(x.dtype, np.complex64)))


def _square(arr: array, name: str) -> array:
    if arr.ndim != 2:
        raise ValueError(f"[np.{name}] Expected a matrix, got the shape {arr.shape}.")
    return arr


@implements(np.tril_indices_from)
def _tril_indices_from(arr: array, k: int = 0) -> tuple[np.ndarray, ...]:
    return np.tril_indices(_square(arr, "tril_indices_from").shape[0], k, arr.shape[1])


@implements(np.triu_indices_from)
def _triu_indices_from(arr: array, k: int = 0) -> tuple[np.ndarray, ...]:
    return np.triu_indices(_square(arr, "triu_indices_from").shape[0], k, arr.shape[1])


@implements(np.diag_indices_from)
def _diag_indices_from(arr: array) -> tuple[np.ndarray, ...]:
    if arr.ndim < 2 or len(set(arr.shape)) != 1:
        raise ValueError(f"[np.diag_indices_from] Expected axes of one size, got the shape {arr.shape}.")
    return np.diag_indices(arr.shape[0], arr.ndim)
