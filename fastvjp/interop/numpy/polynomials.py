"""Polynomials by their coefficients, the highest power first."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array, as_array, as_arrays, numpy_of
from ...arrays.public import implements
from ...core.avals import float64
from ...ops.decompositions import eigvals
from ...ops.least_squares import lstsq
from .constants import Lacking


def _operands(name: str, *given: Any) -> list[array]:
    for x in given:
        if isinstance(x, np.poly1d):
            raise Lacking(
                f"[np.{name}] numpy.poly1d is not supported for fastvjp arrays. Hint: give its coefficients."
            )
    return as_arrays(given, name)


def _coefficients(name: str, *given: Any) -> list[array]:
    return [ops.reshape(x, (1,)) if x.ndim == 0 else x for x in _operands(name, *given)]


@implements(np.polyval)
def _polyval(p: Any, x: Any) -> array:
    """By Horner's scheme."""
    coefficients, at = _operands("polyval", p, x)
    coefficients = ops.reshape(coefficients, coefficients.shape or (1,))
    value: Any = ops.zeros_like(at)
    for i in range(coefficients.shape[0]):
        value = value * at + coefficients[i]
    return value


def _of_one_length(a: Any, b: Any, name: str) -> list[array]:
    pair = _coefficients(name, a, b)
    n = max(x.shape[0] for x in pair)
    return [ops.pad(x, (n - x.shape[0], 0)) for x in pair]


@implements(np.polyadd)
def _polyadd(a1: Any, a2: Any) -> array:
    x, y = _of_one_length(a1, a2, "polyadd")
    return x + y


@implements(np.polysub)
def _polysub(a1: Any, a2: Any) -> array:
    x, y = _of_one_length(a1, a2, "polysub")
    return x - y


@implements(np.polymul)
def _polymul(a1: Any, a2: Any) -> array:
    x, y = _coefficients("polymul", a1, a2)
    return ops.convolve(x, y)


@implements(np.polyder)
def _polyder(p: Any, m: int = 1) -> array:
    (x,) = _coefficients("polyder", p)
    if m < 0:
        raise ValueError(f"[np.polyder] Expected a number of times of at least 0, got {m}.")
    for _ in range(m):
        x = x[:-1] * np.arange(x.shape[0] - 1, 0, -1)
    return x


@implements(np.polyint)
def _polyint(p: Any, m: int = 1, k: Any = None) -> array:
    (x,) = _coefficients("polyint", p)
    if m < 0:
        raise ValueError(f"[np.polyint] Expected a number of times of at least 0, got {m}.")
    constants = ops.broadcast_to(0.0 if k is None else k, (m,)) if np.size(0.0 if k is None else k) == 1 else k
    for i in range(m):
        whole = x / np.arange(x.shape[0], 0, -1)
        x = ops.concatenate([whole, ops.astype(ops.reshape(as_array(constants, "polyint")[i], (1,)), whole.dtype)])
    return x


@implements(np.roots)
def _roots(p: Any) -> array:
    """Eigenvalues of the companion matrix, as NumPy's; how many leading coefficients are 0 is read.

    Coefficients of 0 at the end stay, for the derivatives by them: each is a root of 0, and such roots come last.
    A root that is there twice has no derivative.
    """
    (x,) = _coefficients("roots", p)
    if x.ndim != 1:
        raise ValueError(f"[np.roots] Expected an array of one axis, got the shape {x.shape}.")
    values = numpy_of(x._var)
    places = np.flatnonzero(values)
    x = ops.astype(x, np.result_type(x.dtype, np.float64 if x.dtype.kind in "iub" else x.dtype))
    if not places.size or places[0] == len(values) - 1:
        return ops.zeros((0,), x.dtype)
    x = x[places[0] :]
    n = x.shape[0] - 1
    companion = ops.concatenate([(-x[1:] / x[0])[None], ops.eye(n, dtype=x.dtype)[:-1]])
    found = eigvals(companion)
    known = numpy_of(found._var)
    if places[-1] < len(values) - 1:
        found = found[_in_order(known, np.roots(values))]
    return found if x.dtype.kind == "c" or np.any(known.imag) else ops.real(found)


def _in_order(found: np.ndarray, wanted: np.ndarray) -> list[int]:
    """For each number wanted the nearest one that is left."""
    left = list(range(len(found)))
    return [left.pop(int(np.argmin(np.abs(found[left] - w)))) for w in wanted]


@implements(np.poly)
def _poly(seq_of_zeros: Any) -> array:
    """The product of x - z over numbers, or a matrix's eigenvalues; real where their values are in pairs."""
    (x,) = _coefficients("poly", seq_of_zeros)
    real = x.dtype.kind != "c"
    if x.ndim == 2 and x.shape[0] == x.shape[1] and x.shape[0]:
        x = eigvals(x)
    elif x.ndim != 1:
        raise ValueError(f"[np.poly] Expected an array of one axis or a square matrix, got the shape {x.shape}.")
    if not x.shape[0]:
        return as_array(1.0, "poly")
    found = ops.ones((1,), x.dtype)
    for i in range(x.shape[0]):
        none = ops.zeros((1,), x.dtype)
        found = ops.concatenate([found, none]) - x[i] * ops.concatenate([none, found])
    if x.dtype.kind != "c" or real:
        return ops.real(found)
    values = numpy_of(x._var)
    return ops.real(found) if np.all(np.sort(values) == np.sort(values.conj())) else found


@implements(np.vander)
def _vander(x: Any, N: int | None = None, increasing: bool = False) -> array:
    a = as_array(x, "vander")
    if a.ndim != 1:
        raise ValueError(f"[np.vander] Expected an array of one axis, got the shape {a.shape}.")
    n = a.shape[0] if N is None else N
    dtype = np.result_type(a.dtype, np.int_)
    powers = ops.broadcast_to(ops.astype(a, dtype)[:, None], (a.shape[0], n))
    columns = ops.cumprod(powers, 1, inclusive=False)
    return columns if increasing else ops.flip(columns, 1)


@implements(np.polyfit)
def _polyfit(x: Any, y: Any, deg: int, *, rcond: float | None = None, w: Any = None) -> array:
    """Least squares on columns of one length, as NumPy's."""
    places = as_array(x, "polyfit", float64)
    values = as_arrays([places, y], "polyfit")[1]
    values = ops.astype(values, np.result_type(values.dtype, float64))
    left = _vander(places, deg + 1)
    if w is not None:
        factors = as_array(w, "polyfit", float64)
        left, values = left * factors[:, None], values * (factors[:, None] if values.ndim == 2 else factors)
    lengths = ops.sqrt(ops.sum(left * left, 0))
    found = lstsq(left / lengths, values, len(places) * np.finfo(float64).eps if rcond is None else rcond)[0]
    return found / (lengths[:, None] if values.ndim == 2 else lengths)
