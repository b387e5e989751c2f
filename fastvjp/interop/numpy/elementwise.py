"""Elementwise functions of NumPy that have no public name of ours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array, as_array, as_arrays, numpy_of
from ...arrays.emit import emit
from ...arrays.public import implements
from ...core.avals import inexact, promote
from ...ops import special
from ...ops.elementwise import as_floating, floating


@implements(np.fmax)
def _fmax(a: Any, b: Any) -> array:
    x, y = as_arrays([a, b], "fmax")
    return ops.where(ops.isnan(x), y, ops.where(ops.isnan(y), x, ops.maximum(x, y)))


@implements(np.fmin)
def _fmin(a: Any, b: Any) -> array:
    x, y = as_arrays([a, b], "fmin")
    return ops.where(ops.isnan(x), y, ops.where(ops.isnan(y), x, ops.minimum(x, y)))


@implements(np.float_power)
def _float_power(a: Any, b: Any) -> array:
    x = as_arrays([a, b], "float_power")[0]
    return ops.power(ops.astype(x, np.result_type(x.dtype, np.float64)), b)


@implements(np.copysign)
def _copysign(a: Any, b: Any) -> array:
    x, y = as_arrays([a, b], "copysign")
    size = ops.abs(ops.astype(x, inexact(promote(x.dtype, y.dtype))))
    return ops.where(_signbit(y), -size, size)


@implements(np.signbit)
def _signbit(a: Any) -> array:
    return floating("signbit", a, "f")


@implements(np.fabs)
def _fabs(a: Any) -> array:
    return ops.abs(as_floating(a, "fabs"))


@implements(np.exp2)
def _exp2(a: Any) -> array:
    return ops.power(2.0, as_floating(a, "exp2"))


@implements(np.logaddexp2)
def _logaddexp2(a: Any, b: Any) -> array:
    x, y = as_arrays([a, b], "logaddexp2")
    return ops.logaddexp(x * math.log(2), y * math.log(2)) / math.log(2)


@implements(np.sinc)
def _sinc(x: Any) -> array:
    return emit("spherical_bessel", ops.multiply(as_floating(x, "sinc"), math.pi), n=0)


@implements(np.isreal)
def _isreal(x: Any) -> array:
    return ops.equal(ops.imag(x), 0)


@implements(np.iscomplex)
def _iscomplex(x: Any) -> array:
    return ops.not_equal(ops.imag(x), 0)


@implements(np.heaviside)
def _heaviside(a: Any, b: Any) -> array:
    x, y = as_arrays([a, b], "heaviside")
    dtype = inexact(promote(x.dtype, y.dtype))
    x, y = ops.astype(x, dtype), ops.astype(y, dtype)
    return ops.where(ops.isnan(x), x, ops.where(ops.equal(x, 0), y, ops.astype(ops.greater(x, 0), dtype)))


@implements(np.i0)
def _i0(x: Any) -> array:
    return special.i0(as_floating(x, "i0"))


@implements(np.real_if_close)
def _real_if_close(a: Any, tol: float = 100) -> array:
    """The real part where the values say that there is no more."""
    x = as_array(a, "real_if_close")
    if x.dtype.kind != "c":
        return x
    limit = tol * np.finfo(x.dtype).eps if tol > 1 else tol
    return ops.real(x) if ops.all(ops.abs(ops.imag(x)) < limit) else x


@implements(np.fmod)
def _fmod(a: Any, b: Any) -> array:
    x, y = as_arrays([a, b], "fmod")
    size = ops.remainder(ops.abs(x), ops.abs(y))
    return ops.where(ops.less(x, 0), -size, size)


@implements(np.modf)
def _modf(a: Any) -> tuple[array, array]:
    x = as_floating(a, "modf")
    whole = ops.trunc(x)
    return ops.where(ops.isinf(x), 0, x - whole), whole


@implements(np.ldexp)
def _ldexp(a: Any, b: Any) -> array:
    """Twice, by half the exponent each, as a power of two may be too large a number."""
    x, n = as_floating(a, "ldexp"), as_array(b, "ldexp")
    if n.dtype.kind not in "biu":
        raise TypeError(f"[np.ldexp] Expected exponents that are integers, got {n.dtype}.")
    half = ops.floor_divide(n, 2)
    return x * _power_of_two(half, x.dtype) * _power_of_two(n - half, x.dtype)


def _power_of_two(n: array, dtype: np.dtype) -> array:
    return ops.power(ops.full_like(n, 2, dtype), ops.astype(n, dtype))


@implements(np.nextafter)
def _nextafter(a: Any, b: Any) -> array:
    """As steep as x, by which it is read; how far the next number is has no gradient."""
    x, y = (as_floating(v, "nextafter") for v in as_arrays([a, b], "nextafter"))
    values = numpy_of(x._var)
    with np.errstate(all="ignore"):
        found = np.nextafter(values, numpy_of(y._var))
        finite = np.isfinite(values) & np.isfinite(found)
        step = np.where(finite, found - values, 0).astype(found.dtype)
    return ops.where(as_array(finite, "nextafter"), x + as_array(step, "nextafter"), as_array(found, "nextafter"))


@implements(np.frexp)
def _frexp(a: Any) -> tuple[array, array]:
    """Exponents are read, and have no gradient."""
    x = as_floating(a, "frexp")
    exponent = as_array(np.frexp(numpy_of(x._var))[1], "frexp")
    return _ldexp(x, -exponent), exponent
