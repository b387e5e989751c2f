"""Elementwise functions of NumPy that have no public name of ours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array, as_array, as_arrays
from ...arrays.emit import emit
from ...arrays.public import implements
from ...core.avals import inexact


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
    size = ops.abs(ops.astype(x, inexact(np.result_type(x.dtype, y.dtype))))
    return ops.where(np.signbit(y), -size, size)


@implements(np.fabs)
def _fabs(a: Any) -> array:
    return ops.abs(_floating(a, "fabs"))


@implements(np.exp2)
def _exp2(a: Any) -> array:
    return ops.power(2.0, _floating(a, "exp2"))


def _floating(a: Any, name: str) -> array:
    x = as_array(a, name)
    return ops.astype(x, inexact(x.dtype))


@implements(np.logaddexp2)
def _logaddexp2(a: Any, b: Any) -> array:
    x, y = as_arrays([a, b], "logaddexp2")
    return ops.logaddexp(x * math.log(2), y * math.log(2)) / math.log(2)


@implements(np.sinc)
def _sinc(x: Any) -> array:
    return emit("spherical_bessel", ops.multiply(_floating(x, "sinc"), math.pi), n=0)


@implements(np.isreal)
def _isreal(x: Any) -> array:
    return ops.equal(ops.imag(x), 0)


@implements(np.iscomplex)
def _iscomplex(x: Any) -> array:
    return ops.not_equal(ops.imag(x), 0)
