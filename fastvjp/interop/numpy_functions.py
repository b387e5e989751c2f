"""NumPy's ufuncs and functions on our arrays, as tables: NumPy's function -> what we do instead.

Entries take NumPy's parameters by NumPy's names, those of them that are supported.
"""
# ruff: noqa: PLW0108  a lambda gives an op the names that NumPy's parameters have

from __future__ import annotations

import math
import operator
import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import ops
from ..arrays.array import array, as_array
from ..core.avals import inexact, promote
from .operators import dot

# --- elementwise ones that we have under no name of our own ------------------------------------------------


def _fmax(a: Any, b: Any) -> array:
    return ops.where(ops.isnan(a), b, ops.where(ops.isnan(b), a, ops.maximum(a, b)))


def _fmin(a: Any, b: Any) -> array:
    return ops.where(ops.isnan(a), b, ops.where(ops.isnan(b), a, ops.minimum(a, b)))


def _float_power(a: Any, b: Any) -> array:
    x, y = as_array(a, "float_power"), as_array(b, "float_power")
    return ops.power(ops.astype(x, np.result_type(x.dtype, np.float64)), y)


def _hypot(a: Any, b: Any) -> array:
    x, y = ops.abs(a), ops.abs(b)
    long, short = ops.maximum(x, y), ops.minimum(x, y)
    infinite = ops.logical_or(ops.isinf(x), ops.isinf(y))  # then so is the result, even beside nan
    ratio = ops.where(ops.logical_or(infinite, ops.equal(long, 0)), 0, short / long)
    return ops.where(infinite, math.inf, long * ops.sqrt(1 + ops.square(ratio)))


def _cbrt(a: Any) -> array:
    x = as_array(a, "cbrt")
    return ops.sign(x) * ops.power(ops.abs(ops.astype(x, inexact(x.dtype))), 1 / 3)


def _vecdot(a: Any, b: Any) -> array:
    return ops.sum(ops.multiply(ops.conj(a), b), -1)


def _matvec(a: Any, b: Any) -> array:
    return ops.squeeze(ops.matmul(a, ops.expand_dims(b, -1)), -1)


def _vecmat(a: Any, b: Any) -> array:
    return ops.squeeze(ops.matmul(ops.expand_dims(ops.conj(a), -2), b), -2)


# --- reductions --------------------------------------------------------------------------------------------


def _masked(a: Any, where: Any, fill: Any) -> Any:
    return a if where is True else ops.where(where, a, fill)


def _sum(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = None,
         where: Any = True) -> array:  # fmt: skip
    total = ops.sum(_masked(a, where, 0), axis, keepdims, dtype=dtype)
    return total if initial is None else total + initial


def _prod(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = None,
          where: Any = True) -> array:  # fmt: skip
    total = ops.prod(_masked(a, where, 1), axis, keepdims, dtype=dtype)
    return total if initial is None else total * initial


def _max(a: Any, axis: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> array:
    return _extreme("max", ops.max, ops.maximum, a, axis, keepdims, initial, where)


def _min(a: Any, axis: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> array:
    return _extreme("min", ops.min, ops.minimum, a, axis, keepdims, initial, where)


def _extreme(
    name: str, over: Callable, of_two: Callable, a: Any, axis: Any, keepdims: bool, initial: Any, where: Any
) -> array:
    if initial is None:
        if where is not True:
            raise ValueError(f"[np.{name}] where= needs initial=, the result over no elements.")
        return over(a, axis, keepdims)
    x = ops.where(where, a, initial)
    first = ops.full_like(x, initial)
    if x.size:
        return of_two(over(x, axis, keepdims), over(first, axis, keepdims))
    shape = np.sum(np.empty(x.shape), axis, keepdims=keepdims).shape
    return ops.full(shape, initial, x.dtype)


def _all(a: Any, axis: Any = None, *, keepdims: bool = False, where: Any = True) -> array:
    return ops.all(_masked(a, where, True), axis, keepdims)


def _any(a: Any, axis: Any = None, *, keepdims: bool = False, where: Any = True) -> array:
    return ops.any(_masked(a, where, False), axis, keepdims)


def _counted(x: array, axis: Any, keepdims: bool, where: Any, dtype: np.dtype) -> array:
    """How many elements of `x` over an axis are not masked out."""
    real = dtype.type(0).real.dtype
    return ops.astype(ops.count_nonzero(ops.broadcast_to(where, x.shape), axis, keepdims), real)


def _mean(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, where: Any = True) -> array:
    if where is True:
        return ops.mean(a, axis, keepdims, dtype=dtype)
    x = _averaged(a, dtype)
    return ops.sum(_masked(x, where, 0), axis, keepdims) / _counted(x, axis, keepdims, where, x.dtype)


def _averaged(a: Any, dtype: Any) -> array:
    """The array in the dtype in which NumPy averages it."""
    x = as_array(a, "mean")
    if dtype is None:
        return ops.astype(x, np.float64) if x.dtype.kind in "biu" else x
    return ops.astype(x, dtype)


def _var(a: Any, axis: Any = None, dtype: Any = None, *, ddof: int = 0, keepdims: bool = False,
         where: Any = True, correction: int | None = None) -> array:  # fmt: skip
    x = _averaged(a, dtype)
    freedom = ddof if correction is None else correction
    if where is True:
        return ops.var(x, axis, keepdims, freedom)
    away = x - _mean(x, axis, keepdims=True, where=where)
    squares = _masked(ops.square(ops.real(away)) + ops.square(ops.imag(away)), where, 0)
    count = ops.maximum(_counted(x, axis, keepdims, where, x.dtype) - freedom, 0)
    return ops.sum(squares, axis, keepdims) / count


def _std(a: Any, axis: Any = None, dtype: Any = None, *, ddof: int = 0, keepdims: bool = False,
         where: Any = True, correction: int | None = None) -> array:  # fmt: skip
    v = _var(a, axis, dtype, ddof=ddof, keepdims=keepdims, where=where, correction=correction)
    return ops.where(ops.equal(v, 0), 0.0, ops.sqrt(v))


def _ptp(a: Any, axis: Any = None, *, keepdims: bool = False) -> array:
    return ops.max(a, axis, keepdims) - ops.min(a, axis, keepdims)


def _average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False
) -> Any:
    x = as_array(a, "average")
    if weights is None:
        result = ops.mean(x, axis, keepdims)
        return (result, ops.full_like(result, x.size / max(result.size, 1))) if returned else result
    w = as_array(weights, "average")
    if w.shape != x.shape:
        if w.ndim != 1 or not isinstance(axis, int):
            raise TypeError(f"[np.average] Weights of shape {w.shape} need the shape {x.shape}, or one axis.")
        w = ops.moveaxis(ops.broadcast_to(w, np.moveaxis(np.empty(x.shape), axis, -1).shape), -1, axis)
    total = ops.sum(w, axis, keepdims)
    result = ops.sum(x * w, axis, keepdims) / total
    return (result, ops.astype(total, result.dtype)) if returned else result


def _sorted_last(a: Any, axis: Any, keepdims: bool) -> tuple[array, Callable[[array], array]]:
    """The array sorted along a new last axis made of `axis`, and what puts kept axes back."""
    x = as_array(a, "median")
    axes = range(x.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    axes = sorted({np.arange(x.ndim)[i] for i in axes}) if x.ndim else []
    kept_axes = [i for i in range(x.ndim) if i not in axes]
    kept_shape = tuple([x.shape[i] for i in kept_axes])
    lines = ops.reshape(ops.transpose(x, (*kept_axes, *axes)), (*kept_shape, -1))
    lines = ops.astype(lines, inexact(lines.dtype) if lines.dtype.kind == "f" else np.float64)
    shape = tuple([1 if i in axes else n for i, n in enumerate(x.shape)])
    return ops.sort(
        lines
    ), lambda r: ops.reshape(r, r.shape[: r.ndim - len(kept_shape)] + shape) if keepdims else r


def _quantile(a: Any, q: Any, axis: Any = None, *, keepdims: bool = False) -> array:
    lines, back = _sorted_last(a, axis, keepdims)
    at = np.asarray(q) * (lines.shape[-1] - 1)
    if at.size and (at.min() < 0 or at.max() > lines.shape[-1] - 1):
        raise ValueError("[np.quantile] Quantiles must be in the range [0, 1].")
    below = np.floor(at).astype(np.int64)
    above = np.minimum(below + 1, lines.shape[-1] - 1)
    t = (at - below).astype(lines.dtype)
    result = ops.take(lines, below, -1) * (1 - t) + ops.take(lines, above, -1) * t
    last = lines[..., -1]
    if at.ndim:
        result = ops.moveaxis(result, list(range(-at.ndim, 0)), list(range(at.ndim)))
    return back(ops.where(ops.isnan(last), last, result))


def _median(a: Any, axis: Any = None, *, keepdims: bool = False) -> array:
    lines, back = _sorted_last(a, axis, keepdims)
    n = lines.shape[-1]
    middle = ops.mean(lines[..., (n - 1) // 2 : n // 2 + 1], -1)
    last = lines[..., -1]
    return back(ops.where(ops.isnan(last), last, middle))


def _not_nan(function: Callable[..., Any]) -> Callable[..., Any]:
    """The nan-ignoring form of a reduction that has `where`."""

    def ignoring(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> array:
        return function(a, axis, dtype, keepdims=keepdims, where=ops.logical_not(ops.isnan(a)))

    return ignoring


def _nan_extreme(over: Callable[..., Any], least: float) -> Callable[..., Any]:
    def ignoring(a: Any, axis: Any = None, *, keepdims: bool = False) -> array:
        missing = ops.isnan(a)
        result = over(ops.where(missing, least, a), axis, keepdims)
        return ops.where(ops.all(missing, axis, keepdims), math.nan, result)

    return ignoring


def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> array:
    x = as_array(a, "diff")
    ends = [None if e is None else as_array(e, "diff") for e in (prepend, append)]
    one = tuple([1 if i == axis % x.ndim else m for i, m in enumerate(x.shape)])
    first, last = (e if e is None or e.ndim else ops.broadcast_to(e, one) for e in ends)
    parts = [e for e in (first, x, last) if e is not None]
    x = ops.moveaxis(ops.concatenate(parts, axis) if len(parts) > 1 else x, axis, 0)
    for _ in range(n):
        x = ops.not_equal(x[1:], x[:-1]) if x.dtype.kind == "b" else x[1:] - x[:-1]
    return ops.moveaxis(x, 0, axis)


def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> array:
    heights = ops.moveaxis(as_array(y, "trapezoid"), axis, -1)
    steps = dx if x is None else _diff(x, axis=-1 if as_array(x, "trapezoid").ndim == 1 else axis)
    if isinstance(steps, array) and steps.ndim > 1:
        steps = ops.moveaxis(steps, axis, -1)
    return ops.sum(steps * (heights[..., 1:] + heights[..., :-1]) / 2.0, -1)


# --- joining and cutting -----------------------------------------------------------------------------------


def _typed(result: array, dtype: Any) -> array:
    return result if dtype is None else ops.astype(result, dtype)


def _concatenate(arrays: Any, axis: int | None = 0, *, dtype: Any = None) -> array:
    return _typed(ops.concatenate(arrays, axis), dtype)


def _stack(arrays: Any, axis: int = 0, *, dtype: Any = None) -> array:
    return _typed(ops.stack(arrays, axis), dtype)


def _vstack(tup: Any, *, dtype: Any = None) -> array:
    return _concatenate([ops.atleast_2d(x) for x in tup], dtype=dtype)


def _hstack(tup: Any, *, dtype: Any = None) -> array:
    parts = [as_array(ops.atleast_1d(x), "hstack") for x in tup]
    return _concatenate(parts, 0 if parts and parts[0].ndim == 1 else 1, dtype=dtype)


def _dstack(tup: Any) -> array:
    return ops.concatenate([ops.atleast_3d(x) for x in tup], 2)


def _column_stack(tup: Any) -> array:
    parts = [as_array(x, "column_stack") for x in tup]
    return ops.concatenate([x if x.ndim > 1 else ops.reshape(x, (-1, 1)) for x in parts], 1)


def _append(arr: Any, values: Any, axis: int | None = None) -> array:
    return ops.concatenate([as_array(arr, "append"), as_array(values, "append")], axis)


def _cuts(indices_or_sections: Any) -> Any:
    given = indices_or_sections
    return operator.index(given) if np.ndim(given) == 0 else [operator.index(i) for i in given]


def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[array]:
    return ops.split(ary, _cuts(indices_or_sections), axis)


def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[array]:
    cuts = _cuts(indices_or_sections)
    if isinstance(cuts, int):
        parts = np.array_split(np.arange(as_array(ary, "array_split").shape[axis]), cuts)
        cuts = np.cumsum([len(p) for p in parts])[:-1].tolist()
    return ops.split(ary, cuts, axis)


def _unstack(x: Any, *, axis: int = 0) -> tuple[array, ...]:
    return tuple(ops.moveaxis(as_array(x, "unstack"), axis, 0))


def _at_least(function: Callable[..., Any]) -> Callable[..., Any]:
    def several(*arys: Any) -> Any:
        result = function(*arys)
        return tuple(result) if isinstance(result, list) else result

    return several


def _rot90(m: Any, k: int = 1, axes: Sequence[int] = (0, 1)) -> array:
    x = as_array(m, "rot90")
    first, second = axes
    if k % 4 == 0:
        return _copy(x)
    if k % 4 == 2:
        return ops.flip(x, (first, second))
    if k % 4 == 1:
        return ops.swapaxes(ops.flip(x, second), first, second)
    return ops.flip(ops.swapaxes(x, first, second), second)


def _copy(a: Any) -> array:
    return array._of(as_array(a, "copy")._var)


# --- choice ------------------------------------------------------------------------------------------------


def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    return ops.nonzero(condition) if x is None and y is None else ops.where(condition, x, y)


def _select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> array:
    result = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        result = ops.where(condition, choice, result)
    return result


def _compress(condition: Any, a: Any, axis: int | None = None) -> array:
    return ops.take(a, np.flatnonzero(np.asarray(condition)), axis)


# --- creation ----------------------------------------------------------------------------------------------


def _full_like(a: Any, fill_value: Any, dtype: Any = None, *, shape: Any = None) -> array:
    like = as_array(a, "full_like")
    return ops.full(like.shape if shape is None else shape, fill_value, like.dtype if dtype is None else dtype)


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


# --- products ----------------------------------------------------------------------------------------------


def _einsum(*operands: Any) -> array:
    if isinstance(operands[0], str):
        return ops.einsum(*operands)
    arrays, labels = operands[: len(operands) // 2 * 2 : 2], list(operands[1::2])
    terms = ["".join("..." if i is Ellipsis else string.ascii_letters[i] for i in term) for term in labels]
    subscripts = ",".join(terms)
    if len(operands) % 2:
        subscripts += "->" + "".join("..." if i is Ellipsis else string.ascii_letters[i] for i in operands[-1])
    return ops.einsum(subscripts, *arrays)


def _kron(a: Any, b: Any) -> array:
    x, y = as_array(a, "kron"), as_array(b, "kron")
    n = max(x.ndim, y.ndim)
    xs, ys = ((1,) * (n - z.ndim) + z.shape for z in (x, y))
    apart = ops.reshape(x, [m for k in xs for m in (k, 1)]) * ops.reshape(y, [m for k in ys for m in (1, k)])
    return ops.reshape(apart, [k * m for k, m in zip(xs, ys, strict=True)])


def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> array:
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    x, y = ops.moveaxis(as_array(a, "cross"), axisa, -1), ops.moveaxis(as_array(b, "cross"), axisb, -1)
    if x.shape[-1] != 3 or y.shape[-1] != 3:
        raise ValueError(f"[np.cross] Expected vectors of 3 elements, got {x.shape[-1]} and {y.shape[-1]}.")
    result = ops.roll(x, -1, -1) * ops.roll(y, 1, -1) - ops.roll(x, 1, -1) * ops.roll(y, -1, -1)
    return ops.moveaxis(result, -1, axisc)


def _sinc(x: Any) -> array:
    t = ops.multiply(x, math.pi)
    zero = ops.equal(t, 0)
    return ops.where(zero, 1.0, ops.sin(t) / ops.where(zero, 1.0, t))


# --- values only: results that have no gradient ------------------------------------------------------------


def _values(tree: Any) -> Any:
    """Arguments with NumPy arrays in the place of ours."""
    if isinstance(tree, array):
        return np.asarray(tree)
    return type(tree)(map(_values, tree)) if type(tree) in (list, tuple) else tree


def _by_values(function: Callable[..., Any]) -> Callable[..., Any]:
    def constant(*args: Any, **kwargs: Any) -> Any:
        result = function(*_values(args), **{key: _values(value) for key, value in kwargs.items()})
        return as_array(result, function.__name__) if isinstance(result, np.ndarray | np.generic) else result

    return constant


def _dtype_of(x: Any) -> Any:
    return x.dtype if isinstance(x, array) else x


_VALUES_ONLY = (
    np.array2string, np.array_repr, np.array_str, np.digitize, np.lexsort, np.may_share_memory, np.save,
    np.savetxt, np.savez, np.savez_compressed, np.searchsorted, np.shares_memory,
)  # fmt: skip


# --- functions: the table ----------------------------------------------------------------------------------

FUNCTIONS: dict[Any, Callable[..., Any]] = {
    # reductions and scans
    np.sum: _sum,
    np.prod: _prod,
    np.max: _max,
    np.amax: _max,
    np.min: _min,
    np.amin: _min,
    np.all: _all,
    np.any: _any,
    np.mean: _mean,
    np.var: _var,
    np.std: _std,
    np.ptp: _ptp,
    np.average: _average,
    np.median: _median,
    np.quantile: _quantile,
    np.percentile: lambda a, q, axis=None, *, keepdims=False: _quantile(
        a, np.asarray(q) / 100, axis, keepdims=keepdims
    ),
    np.nansum: _not_nan(_sum),
    np.nanprod: _not_nan(_prod),
    np.nanmean: _not_nan(_mean),
    np.nanvar: lambda a, axis=None, dtype=None, *, ddof=0, keepdims=False: _var(
        a, axis, dtype, ddof=ddof, keepdims=keepdims, where=ops.logical_not(ops.isnan(a))
    ),
    np.nanstd: lambda a, axis=None, dtype=None, *, ddof=0, keepdims=False: _std(
        a, axis, dtype, ddof=ddof, keepdims=keepdims, where=ops.logical_not(ops.isnan(a))
    ),
    np.nanmax: _nan_extreme(ops.max, -math.inf),
    np.nanmin: _nan_extreme(ops.min, math.inf),
    np.argmax: lambda a, axis=None, *, keepdims=False: ops.argmax(a, axis, keepdims),
    np.argmin: lambda a, axis=None, *, keepdims=False: ops.argmin(a, axis, keepdims),
    np.count_nonzero: lambda a, axis=None, *, keepdims=False: ops.count_nonzero(a, axis, keepdims),
    np.cumsum: lambda a, axis=None, dtype=None: ops.cumsum(a, axis, dtype=dtype),
    np.cumprod: lambda a, axis=None, dtype=None: ops.cumprod(a, axis, dtype=dtype),
    np.diff: _diff,
    np.trapezoid: _trapezoid,
    # shape
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a, axis=None: a.size if axis is None else a.shape[axis],
    np.reshape: lambda a, shape: ops.reshape(a, shape),
    np.ravel: lambda a: ops.ravel(a),
    np.transpose: lambda a, axes=None: ops.transpose(a, axes),
    np.matrix_transpose: lambda x: ops.swapaxes(x, -1, -2),
    np.moveaxis: lambda a, source, destination: ops.moveaxis(a, source, destination),
    np.swapaxes: lambda a, axis1, axis2: ops.swapaxes(a, axis1, axis2),
    np.broadcast_to: lambda array, shape: ops.broadcast_to(array, shape),
    np.broadcast_arrays: lambda *args: ops.broadcast_arrays(*args),
    np.expand_dims: lambda a, axis: ops.expand_dims(a, axis),
    np.squeeze: lambda a, axis=None: ops.squeeze(a, axis),
    np.atleast_1d: _at_least(ops.atleast_1d),
    np.atleast_2d: _at_least(ops.atleast_2d),
    np.atleast_3d: _at_least(ops.atleast_3d),
    # joining, cutting, rearranging
    np.concatenate: _concatenate,
    np.stack: _stack,
    np.vstack: _vstack,
    np.hstack: _hstack,
    np.dstack: _dstack,
    np.column_stack: _column_stack,
    np.append: _append,
    np.split: _split,
    np.array_split: _array_split,
    np.vsplit: lambda ary, indices_or_sections: _split(ary, indices_or_sections, 0),
    np.hsplit: lambda ary, indices_or_sections: _split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0),
    np.dsplit: lambda ary, indices_or_sections: _split(ary, indices_or_sections, 2),
    np.flip: lambda m, axis=None: ops.flip(m, axis),
    np.flipud: lambda m: ops.flip(m, 0),
    np.fliplr: lambda m: ops.flip(m, 1),
    np.rot90: _rot90,
    np.roll: lambda a, shift, axis=None: ops.roll(a, shift, axis),
    np.pad: lambda array, pad_width, mode="constant", *, constant_values=0: ops.pad(
        array, pad_width, mode, constant_values
    ),
    np.tile: lambda A, reps: ops.tile(A, reps),
    np.repeat: lambda a, repeats, axis=None: ops.repeat(a, repeats, axis),
    np.diag: lambda v, k=0: ops.diag(v, k),
    np.diagflat: lambda v, k=0: ops.diag(ops.ravel(v), k),
    np.diagonal: lambda a, offset=0, axis1=0, axis2=1: ops.diagonal(a, offset, axis1, axis2),
    np.trace: lambda a, offset=0, axis1=0, axis2=1, dtype=None: ops.trace(a, offset, axis1, axis2, dtype),
    np.tril: lambda m, k=0: ops.tril(m, k),
    np.triu: lambda m, k=0: ops.triu(m, k),
    np.meshgrid: lambda *xi, sparse=False, indexing="xy": ops.meshgrid(*xi, sparse=sparse, indexing=indexing),
    # choice and order
    np.where: _where,
    np.select: _select,
    np.compress: _compress,
    np.extract: lambda condition, arr: _compress(ops.ravel(condition), ops.ravel(arr), 0),
    np.take: lambda a, indices, axis=None: ops.take(a, indices, axis),
    np.take_along_axis: lambda arr, indices, axis=-1: ops.take_along_axis(arr, indices, axis),
    np.nonzero: lambda a: ops.nonzero(a),
    np.flatnonzero: lambda a: ops.flatnonzero(a),
    np.argwhere: lambda a: ops.argwhere(a),
    np.sort: lambda a, axis=-1: ops.sort(a, axis),
    np.argsort: lambda a, axis=-1: ops.argsort(a, axis),
    # products
    np.dot: dot,
    np.inner: lambda a, b: ops.inner(a, b),
    np.outer: lambda a, b: ops.outer(a, b),
    np.vdot: lambda a, b: ops.vdot(a, b),
    np.tensordot: lambda a, b, axes=2: ops.tensordot(a, b, axes),
    np.einsum: _einsum,
    np.kron: _kron,
    np.cross: _cross,
    # elementwise
    np.clip: lambda a, a_min=None, a_max=None, *, min=None, max=None: ops.clip(a, a_min, a_max, min=min, max=max),
    np.round: lambda a, decimals=0: ops.round(a, decimals),
    np.around: lambda a, decimals=0: ops.round(a, decimals),
    np.fix: lambda x: ops.trunc(x),
    np.sinc: _sinc,
    np.real: lambda val: ops.real(val),
    np.imag: lambda val: ops.imag(val),
    np.angle: lambda z, deg=False: ops.angle(z, deg),
    np.nan_to_num: lambda x, *, nan=0.0, posinf=None, neginf=None: ops.nan_to_num(x, nan, posinf, neginf),
    np.isposinf: lambda x: ops.isposinf(x),
    np.isneginf: lambda x: ops.isneginf(x),
    np.isreal: lambda x: ops.equal(ops.imag(x), 0),
    np.iscomplex: lambda x: ops.not_equal(ops.imag(x), 0),
    np.isclose: lambda a, b, rtol=1e-05, atol=1e-08, equal_nan=False: ops.isclose(a, b, rtol, atol, equal_nan),
    np.allclose: lambda a, b, rtol=1e-05, atol=1e-08, equal_nan=False: ops.allclose(a, b, rtol, atol, equal_nan),
    np.array_equal: lambda a1, a2, equal_nan=False: ops.array_equal(a1, a2, equal_nan),
    # creation and dtypes
    np.zeros_like: lambda a, dtype=None, *, shape=None: _full_like(a, 0, dtype, shape=shape),
    np.empty_like: lambda prototype, dtype=None, *, shape=None: _full_like(prototype, 0, dtype, shape=shape),
    np.ones_like: lambda a, dtype=None, *, shape=None: _full_like(a, 1, dtype, shape=shape),
    np.full_like: _full_like,
    np.linspace: _linspace,
    np.copy: _copy,
    np.astype: lambda x, dtype: ops.astype(x, dtype),
    np.result_type: lambda *arrays_and_dtypes: np.result_type(*map(_dtype_of, arrays_and_dtypes)),
    np.can_cast: lambda from_, to, casting="safe": np.can_cast(_dtype_of(from_), to, casting),
    np.iscomplexobj: lambda x: x.dtype.kind == "c",
    np.isrealobj: lambda x: x.dtype.kind != "c",
    **{function: _by_values(function) for function in _VALUES_ONLY},
}
if hasattr(np, "unstack"):  # NumPy 2.1
    FUNCTIONS[np.unstack] = _unstack
    FUNCTIONS[np.cumulative_sum] = lambda x, *, axis=None, dtype=None: ops.cumsum(x, axis, dtype=dtype)
    FUNCTIONS[np.cumulative_prod] = lambda x, *, axis=None, dtype=None: ops.cumprod(x, axis, dtype=dtype)

# --- ufuncs: the tables ------------------------------------------------------------------------------------

_SAME_NAME = """
    add subtract multiply divide floor_divide remainder divmod power negative positive absolute sign
    square sqrt reciprocal exp expm1 log log1p log2 log10 logaddexp sin cos tan arcsin arccos arctan
    arctan2 sinh cosh tanh arcsinh arccosh arctanh degrees radians floor ceil trunc maximum minimum
    conjugate matmul isnan isinf isfinite equal not_equal less less_equal greater greater_equal
    logical_and logical_or logical_xor logical_not bitwise_and bitwise_or bitwise_xor left_shift
    right_shift
"""

UFUNCS: dict[Any, Callable[..., Any]] = {
    **{getattr(np, name): getattr(ops, name) for name in _SAME_NAME.split()},
    np.invert: ops.bitwise_invert,
    np.rint: ops.round,
    np.fabs: lambda x: ops.abs(ops.astype(x, inexact(as_array(x, "fabs").dtype))),
    np.deg2rad: ops.radians,
    np.rad2deg: ops.degrees,
    np.exp2: lambda x: ops.power(2.0, ops.astype(x, inexact(as_array(x, "exp2").dtype))),
    np.cbrt: _cbrt,
    np.hypot: _hypot,
    np.float_power: _float_power,
    np.logaddexp2: lambda a, b: (
        ops.logaddexp(ops.multiply(a, math.log(2)), ops.multiply(b, math.log(2))) / math.log(2)
    ),
    np.fmax: _fmax,
    np.fmin: _fmin,
    np.vecdot: _vecdot,
}
for _name, _ours in (("matvec", _matvec), ("vecmat", _vecmat)):  # NumPy 2.2
    if hasattr(np, _name):
        UFUNCS[getattr(np, _name)] = _ours

SCIPY_UFUNCS = {"expit": ops.sigmoid, "erf": ops.erf, "erfinv": ops.erfinv}
"""By name, where the ufunc is scipy.special's."""

OVER_AXES: dict[tuple[Any, str], Callable[..., Any]] = {
    (np.add, "reduce"): _sum,
    (np.multiply, "reduce"): _prod,
    (np.maximum, "reduce"): _max,
    (np.minimum, "reduce"): _min,
    (np.logical_and, "reduce"): _all,
    (np.logical_or, "reduce"): _any,
    (np.logaddexp, "reduce"): ops.logsumexp,
    (np.add, "accumulate"): FUNCTIONS[np.cumsum],
    (np.multiply, "accumulate"): FUNCTIONS[np.cumprod],
}
"""Methods of ufuncs that work along an axis."""
