"""Element functions: exponentials, logarithms, error functions. Conventions: see arithmetic.py."""

from __future__ import annotations

import math

import numpy as np

from .arithmetic import maximum, scale
from .complex_functions import complex_exp, complex_expm1, complex_log1p
from .real_exponential import (
    real_erf,
    real_erf_slope,
    real_erfinv,
    real_exp,
    real_expm1,
    real_log,
    real_log1p,
    real_log2,
    real_log10,
    real_sigmoid,
    real_sigmoid_slope,
)
from .registry import element
from .scalars import choose
from .trigonometric import tanh_slope

LN_2 = math.log(2)
LN_10 = math.log(10)
TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)


@element
def exp(x):
    if isinstance(x, (float, np.float32)):
        return real_exp(x)
    return complex_exp(x)


@element
def exp_vjp(g, out):
    return scale(g, out)


@element
def expm1(x):
    if isinstance(x, (float, np.float32)):
        return real_expm1(x)
    return complex_expm1(x)


@element
def expm1_vjp(g, x):
    return scale(g, exp(x))


@element
def log(x):
    if isinstance(x, (float, np.float32)):
        return real_log(x)
    return np.log(x)


@element
def log_vjp(g, x):
    return scale(g, np.reciprocal(x))


@element
def log1p(x):
    if isinstance(x, (float, np.float32)):
        return real_log1p(x)
    return complex_log1p(x)


@element
def log1p_vjp(g, x):
    return scale(g, np.reciprocal(type(x)(1) + x))


@element
def log2(x):
    if isinstance(x, (float, np.float32)):
        return real_log2(x)
    return np.log2(x)


@element
def log2_vjp(g, x):
    return scale(g, np.divide(type(x)(1 / LN_2), x))


@element
def log10(x):
    if isinstance(x, (float, np.float32)):
        return real_log10(x)
    return np.log10(x)


@element
def log10_vjp(g, x):
    return scale(g, np.divide(type(x)(1 / LN_10), x))


@element(cheap=True)
def finite_or_zero(x):
    """What logsumexp subtracts before it takes exponentials."""
    return choose(np.abs(x) < type(x)(np.inf), x, type(x)(0))


@element
def finite_or_zero_vjp(g, x):
    return choose(np.abs(x) < type(x)(np.inf), g, type(x)(0))


@element
def logaddexp(x, y):
    """log(exp(x) + exp(y)); equal infinities, whose difference is nan, stay."""
    gap = choose(x == y, type(x)(0), -np.abs(x - y))
    return maximum(x, y) + log1p(exp(gap))


@element
def logaddexp_vjp_x(g, x, y):
    """exp(x - out), the share of exp(x) in the sum: 1 if x is inf and 0 if it is -inf, whatever y."""
    gap = choose((x == y) & (x == type(x)(np.inf)), x, x - y)
    return scale(g, choose(x == type(x)(-np.inf), type(x)(0), sigmoid(gap)))


@element
def logaddexp_vjp_y(g, x, y):
    return logaddexp_vjp_x(g, y, x)


@element
def xlogy(x, y):
    """x log(y), and 0 where x is, unless y is nan."""
    product = x * real_log(y)
    return choose(x == 0 and not np.isnan(y), type(x)(0), product)


@element
def xlogy_vjp_x(g, y):
    return scale(g, real_log(y))


@element
def xlogy_vjp_y(g, x, y):
    """0 where x is: there the function is 0 for every y."""
    return scale(g, choose(x == 0, type(x)(0), x / y))


@element
def sigmoid(x):
    """1 / (1 + exp(-x)), with the exponential of a negative number only, so that neither tail overflows."""
    if isinstance(x, (float, np.float32)):
        return real_sigmoid(x)
    e = complex_exp(-x if x.real >= 0 else x)
    return np.divide(type(x)(1) if x.real >= 0 else e, type(x)(1) + e)


@element
def sigmoid_vjp(g, x):
    if isinstance(x, (float, np.float32)):
        return scale(g, real_sigmoid_slope(x))
    return scale(g, tanh_slope(x * type(x)(0.5)) * type(x)(0.25))


@element
def erf(x):
    return real_erf(x)


@element
def erf_vjp(g, x):
    return scale(g, real_erf_slope(x))


@element
def erf_slope(x):
    """2 / sqrt(pi) * exp(-x * x)."""
    return real_erf_slope(x)


@element
def erf_slope_vjp(g, x, out):
    return scale(g, scale(out, type(x)(-2) * x))


@element
def erfinv(x):
    """Winitzki's approximation, good to 2e-3, and three steps of Halley's method, each tripling the digits.

    In float64 and for float64. Near 1 the residual is that of erfc, as 1 - |x| is exact there and erf(z) is not.
    """
    if isinstance(x, np.float32):
        return real_erfinv(x)
    a = np.abs(np.float64(x))
    if not a < 1:
        return np.copysign(np.inf, np.float64(x)) if a == 1 else np.nan
    rest = 1 - a
    logarithm = np.log1p(-a * a) if a < 0.5 else np.log(rest * (1 + a))
    t = 2 / (np.pi * 0.147) + logarithm / 2
    s = -logarithm / 0.147
    z = np.sqrt(s / (np.sqrt(t * t + s) + t))
    for _ in range(3):
        residual = math.erf(z) - a if a < 0.5 else rest - math.erfc(z)
        newton = residual / (TWO_OVER_ROOT_PI * np.exp(-z * z))
        z = z - newton / (1 + z * newton)
    return np.copysign(z, np.float64(x))


@element
def erfinv_vjp(g, out):
    return scale(g, np.reciprocal(real_erf_slope(out)))
