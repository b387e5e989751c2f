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


# --- padding ---------------------------------------------------------------------------------------------

_STATISTICS: dict[str, Callable[..., array]] = {
    "maximum": ops.max,
    "minimum": ops.min,
    "mean": ops.mean,
    "median": ops.median,
}


@implements(np.pad)
def _pad(
    array: Any,
    pad_width: Any,
    mode: str = "constant",
    *,
    constant_values: Any = 0,
    stat_length: Any = None,
    end_values: Any = 0,
) -> Any:
    """Axis by axis: what stands at one of them is made of what is there already, as NumPy does it."""
    x = as_array(array, "pad")
    if mode not in _STATISTICS and mode != "linear_ramp":
        return ops.pad(x, pad_width, mode, constant_values)
    widths = np.broadcast_to(pad_width, (x.ndim, 2)).tolist()
    ends = ops.broadcast_to(as_arrays([x, end_values], "pad")[1], (x.ndim, 2))
    lengths = np.broadcast_to(np.iinfo(np.int64).max if stat_length is None else stat_length, (x.ndim, 2)).tolist()
    for axis, (before, after) in enumerate(widths):
        n = x.shape[axis]
        if n == 0 and before + after:
            raise ValueError(f"[np.pad] Axis {axis} is empty; mode {mode!r} has nothing to repeat.")
        rows = ops.moveaxis(x, axis, 0)
        if mode == "linear_ramp":
            first, last = _ramp(ends[axis, 0], rows[:1], before), _ramp(ends[axis, 1], rows[n - 1 :], after)
            parts = [first, rows, ops.flip(last, 0)]
        else:
            sizes = [min(int(size), n) for size in lengths[axis]]
            if min(sizes) < 0 or (mode in ("maximum", "minimum") and not min(sizes)):
                raise ValueError(f"[np.pad] stat_length {stat_length} yields no value for padding.")
            parts = [
                _repeated(mode, rows[: sizes[0]], before),
                rows,
                _repeated(mode, rows[n - sizes[1] :], after),
            ]
        x = ops.moveaxis(ops.concatenate(parts, 0), 0, axis)
    return x


def _repeated(mode: str, rows: array, width: int) -> array:
    """A statistic of the first axis so many times; of integers it is rounded."""
    found = _STATISTICS[mode](rows, 0, keepdims=True)
    if rows.dtype.kind in "iu" and mode in ("mean", "median"):
        found = ops.round(found)
    return ops.broadcast_to(ops.astype(found, rows.dtype), (width, *rows.shape[1:]))


def _ramp(end: array, row: array, width: int) -> array:
    """From a number to what stands next to the last one; of integers it is rounded down."""
    parts = np.arange(width).reshape(-1, *(1,) * (row.ndim - 1)) / max(width, 1)
    start = ops.astype(end, np.result_type(row.dtype, np.float32) if row.dtype.kind in "iub" else row.dtype)
    found = start + (row - start) * parts
    return ops.astype(ops.floor(found) if row.dtype.kind in "iu" else found, row.dtype)


# --- chosen and repeated ---------------------------------------------------------------------------------


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
