"""NumPy's reductions, with the `where` and `initial` that ours do not have; averages, order, differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array, as_array, as_arrays, as_operands, numpy_of
from ...arrays.public import implements
from ...ops.order_statistics import nan_quantile

# --- sums, extremes, truth ---------------------------------------------------------------------------------


def _masked(a: Any, where: Any, fill: Any) -> Any:
    return a if where is True else ops.where(where, a, fill)


@implements(np.sum, np.add.reduce)
def _sum(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = None,
         where: Any = True) -> array:  # fmt: skip
    total = ops.sum(_masked(a, where, 0), axis, keepdims, dtype=dtype)
    return total if initial is None else total + initial


@implements(np.prod, np.multiply.reduce)
def _prod(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = None,
          where: Any = True) -> array:  # fmt: skip
    total = ops.prod(_masked(a, where, 1), axis, keepdims, dtype=dtype)
    return total if initial is None else total * initial


@implements(np.max, np.amax, np.maximum.reduce)
def _max(a: Any, axis: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> array:
    return _extreme("max", ops.max, ops.maximum, a, axis, keepdims, initial, where)


@implements(np.min, np.amin, np.minimum.reduce)
def _min(a: Any, axis: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> array:
    return _extreme("min", ops.min, ops.minimum, a, axis, keepdims, initial, where)


def _extreme(
    name: str,
    over: Callable[..., array],
    of_two: Callable[..., array],
    a: Any,
    axis: Any,
    keepdims: bool,
    initial: Any,
    where: Any,
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


@implements(np.ptp)
def _ptp(a: Any, axis: Any = None, *, keepdims: bool = False) -> array:
    return ops.max(a, axis, keepdims) - ops.min(a, axis, keepdims)


@implements(np.all, np.logical_and.reduce)
def _all(a: Any, axis: Any = None, *, keepdims: bool = False, where: Any = True) -> array:
    return ops.all(_masked(a, where, True), axis, keepdims)


@implements(np.any, np.logical_or.reduce)
def _any(a: Any, axis: Any = None, *, keepdims: bool = False, where: Any = True) -> array:
    return ops.any(_masked(a, where, False), axis, keepdims)


def _by_sections(ufunc: np.ufunc, over: Callable[..., array]) -> None:
    """What a ufunc reduces from each index to the next; to the element there if the next one is not larger."""

    @implements(ufunc.reduceat)
    def reduceat(a: Any, indices: Any, *, axis: int = 0, dtype: Any = None) -> array:
        x = as_array(a, "reduceat")
        starts = numpy_of(indices._var) if isinstance(indices, array) else np.asarray(indices)
        lines = ops.moveaxis(x if dtype is None else ops.astype(x, dtype), axis, 0)
        for i in starts.tolist():
            if not 0 <= i < len(lines):
                raise IndexError(
                    f"[np.{ufunc.__name__}.reduceat] Index {i} is out of range for {len(lines)} elements."
                )
        ends = [*starts[1:].tolist(), len(lines)]
        sections = [lines[i : max(i + 1, end)] for i, end in zip(starts.tolist(), ends, strict=True)]
        if not sections:
            return ops.moveaxis(over(lines, 0, keepdims=True)[:0], 0, axis)
        return ops.moveaxis(ops.concatenate([over(part, 0, keepdims=True) for part in sections], 0), 0, axis)


_by_sections(np.add, ops.sum)
_by_sections(np.multiply, ops.prod)
_by_sections(np.maximum, ops.max)
_by_sections(np.minimum, ops.min)
_by_sections(np.logaddexp, ops.logsumexp)


# --- averages ----------------------------------------------------------------------------------------------


def _counted(x: array, axis: Any, keepdims: bool, where: Any, dtype: np.dtype) -> array:
    """How many elements of `x` over an axis are not masked out."""
    real = dtype.type(0).real.dtype
    return ops.astype(ops.count_nonzero(ops.broadcast_to(where, x.shape), axis, keepdims), real)


@implements(np.mean)
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


@implements(np.var)
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


@implements(np.std)
def _std(a: Any, axis: Any = None, dtype: Any = None, *, ddof: int = 0, keepdims: bool = False,
         where: Any = True, correction: int | None = None) -> array:  # fmt: skip
    v = _var(a, axis, dtype, ddof=ddof, keepdims=keepdims, where=where, correction=correction)
    return ops.where(ops.equal(v, 0), 0.0, ops.sqrt(v))


@implements(np.average)
def _average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False
) -> Any:
    x = as_array(a, "average")
    if weights is None:
        result = ops.mean(x, axis, keepdims)
        return (result, ops.full_like(result, x.size / max(result.size, 1))) if returned else result
    x, w = as_arrays([a, weights], "average")
    if w.shape != x.shape:
        if w.ndim != 1 or not isinstance(axis, int):
            raise TypeError(f"[np.average] Weights of shape {w.shape} need the shape {x.shape}, or one axis.")
        w = ops.moveaxis(ops.broadcast_to(w, np.moveaxis(np.empty(x.shape), axis, -1).shape), -1, axis)
    total = ops.sum(w, axis, keepdims)
    result = ops.sum(x * w, axis, keepdims) / total
    return (result, ops.astype(total, result.dtype)) if returned else result


# --- without nan -------------------------------------------------------------------------------------------


def _not_nan(a: Any) -> array:
    return ops.logical_not(ops.isnan(a))


@implements(np.nansum)
def _nansum(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> array:
    return _sum(a, axis, dtype, keepdims=keepdims, where=_not_nan(a))


@implements(np.nanprod)
def _nanprod(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> array:
    return _prod(a, axis, dtype, keepdims=keepdims, where=_not_nan(a))


@implements(np.nanmean)
def _nanmean(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False) -> array:
    return _mean(a, axis, dtype, keepdims=keepdims, where=_not_nan(a))


@implements(np.nanvar)
def _nanvar(a: Any, axis: Any = None, dtype: Any = None, *, ddof: int = 0, keepdims: bool = False) -> array:
    return _var(a, axis, dtype, ddof=ddof, keepdims=keepdims, where=_not_nan(a))


@implements(np.nanstd)
def _nanstd(a: Any, axis: Any = None, dtype: Any = None, *, ddof: int = 0, keepdims: bool = False) -> array:
    return _std(a, axis, dtype, ddof=ddof, keepdims=keepdims, where=_not_nan(a))


@implements(np.nanmax)
def _nanmax(a: Any, axis: Any = None, *, keepdims: bool = False) -> array:
    return _nan_extreme(ops.max, -math.inf, a, axis, keepdims)


@implements(np.nanmin)
def _nanmin(a: Any, axis: Any = None, *, keepdims: bool = False) -> array:
    return _nan_extreme(ops.min, math.inf, a, axis, keepdims)


def _nan_extreme(over: Callable[..., Any], least: float, a: Any, axis: Any, keepdims: bool) -> array:
    missing = ops.isnan(a)
    result = over(ops.where(missing, least, a), axis, keepdims)
    return ops.where(ops.all(missing, axis, keepdims), math.nan, result)


@implements(np.nancumsum)
def _nancumsum(a: Any, axis: Any = None, dtype: Any = None) -> array:
    return ops.cumsum(ops.where(_not_nan(a), a, 0), axis, dtype=dtype)


@implements(np.nancumprod)
def _nancumprod(a: Any, axis: Any = None, dtype: Any = None) -> array:
    return ops.cumprod(ops.where(_not_nan(a), a, 1), axis, dtype=dtype)


# --- order statistics --------------------------------------------------------------------------------------


@implements(np.percentile)
def _percentile(a: Any, q: Any, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> array:
    return ops.quantile(a, _percent(q), axis, keepdims, method=method)


def _percent(q: Any) -> Any:
    return q / 100 if isinstance(q, array) else np.asarray(q) / 100


@implements(np.nanquantile)
def _nanquantile(a: Any, q: Any, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> array:
    return nan_quantile(a, q, axis, keepdims, method)


@implements(np.nanpercentile)
def _nanpercentile(a: Any, q: Any, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> array:
    return nan_quantile(a, _percent(q), axis, keepdims, method)


@implements(np.nanmedian)
def _nanmedian(a: Any, axis: Any = None, *, keepdims: bool = False) -> array:
    return nan_quantile(a, 0.5, axis, keepdims, "linear")


# --- along an axis -----------------------------------------------------------------------------------------


@implements(np.trapezoid)
def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> array:
    heights, steps = as_operands([y, dx if x is None else x], "trapezoid")
    heights = ops.moveaxis(as_array(heights, "trapezoid"), axis, -1)
    if x is not None:
        steps = ops.diff(steps, axis=-1 if np.ndim(steps) == 1 else axis)
    if isinstance(steps, array) and steps.ndim > 1:
        steps = ops.moveaxis(steps, axis, -1)
    return ops.sum(steps * (heights[..., 1:] + heights[..., :-1]) / 2.0, -1)
