"""Branch-free complementary error functions and the normal distribution, of float32 and float64.

The scaled function exp(x*x) erfc(x) is a polynomial in (x - 2) / (x + 2) over 1 + 2 x, as in Shepherd and
Laframboise, Chebyshev approximation of (1 + 2x) exp(x^2) erfc x (1981); tails are it times an exponential.
"""

from __future__ import annotations

import numpy as np

from . import polynomials as of
from .real_exponential import (
    EXP_BOUND,
    exp_over,
    real_erf,
    real_log,
    real_log1p,
)
from .registry import helper
from .scalars import absolute, choose, constant, fma, polynomial, power_of_two

SCALE = (40.0, 300.0)
"""Exponentials are taken times two to this, as their product with another number may be no more than denormal."""


@helper
def half_angle(a):
    """(a - 2) / (a + 2) for a >= 0, infinity too."""
    two = type(a)(2)
    b = choose(a < type(a)(1e18), a, type(a)(1e18))
    return (b - two) / (b + two)


@helper
def erfc_factor(t):
    """(1 + 2 a) exp(a*a) erfc(a) of t = half_angle(a); what is large comes last, as every sum is rounded."""
    return fma(polynomial(t, of.ERFCX_RISE), t, constant(t, of.ERFCX_MIDDLE))


@helper
def scaled_erfc(a):
    """exp(a*a) erfc(a) for a >= 0."""
    half = type(a)(0.5)
    return half * erfc_factor(half_angle(a)) / (a + half)


@helper
def exp_of_square(x, factor, lift):
    """exp(factor * x * x) * 2**lift of a factor that is a power of two, with what rounding x * x loses."""
    square = factor * x * x
    lost = factor * fma(x, x, -(x * x))
    value = exp_over(square, -lift)
    return choose(absolute(square) < constant(x, EXP_BOUND), fma(lost, value, value), value)


@helper
def normal_tail(x, factor, scaled):
    """exp(factor * x * x) * scaled, where even what is denormal is rounded once."""
    return exp_of_square(x, factor, constant(x, SCALE)) * scaled * power_of_two(-constant(x, SCALE))


@helper
def real_erfc(x):
    one, two, half = type(x)(1), type(x)(2), type(x)(0.5)
    a = absolute(x)
    tail = normal_tail(a, -one, scaled_erfc(a))
    far = choose(x < type(x)(0), two - tail, tail)
    return choose(a < half, one - real_erf(x), far)


@helper
def real_ndtr(x):
    one, half = type(x)(1), type(x)(0.5)
    a = absolute(x)
    near = fma(half, real_erf(x * constant(x, of.ROOT_HALF)), half)
    tail = normal_tail(a, -half, half * scaled_erfc(a * constant(x, of.ROOT_HALF)))
    return choose(a < half, near, choose(x < type(x)(0), tail, one - tail))


@helper
def real_log_ndtr(x):
    """Below 0 log(exp(u*u) erfc(u) / 2) - u*u of u = -x / sqrt(2); above, log(1 - ndtr(-x))."""
    none, half = type(x)(0), type(x)(0.5)
    a = absolute(x)
    scaled = half * scaled_erfc(a * constant(x, of.ROOT_HALF))
    below = choose(a < type(x)(np.inf), real_log(scaled) - half * x * x, -a)
    far = choose(x < none, below, real_log1p(-normal_tail(a, -half, scaled)))
    return choose(a < half, real_log(fma(half, real_erf(x * constant(x, of.ROOT_HALF)), half)), far)


@helper
def real_ndtr_slope(x):
    """The density of the normal distribution."""
    return normal_tail(x, type(x)(-0.5), constant(x, of.OVER_ROOT_TAU))


@helper
def real_ndtr_hazard(x):
    """ndtr_slope(x) / ndtr(x), the derivative of log_ndtr."""
    a, half = absolute(x), type(x)(0.5)
    u = a * constant(x, of.ROOT_HALF)
    below = constant(x, of.ROOT_TWO_OVER_PI) / (half * erfc_factor(half_angle(u))) * (u + half)
    below = choose(a < type(x)(1e18), below, a)
    return choose(x < type(x)(0), below, real_ndtr_slope(x) / real_ndtr(x))


@helper
def real_scaled_ierfc(x, n):
    """exp(x*x) times the integral of erfc from x to infinity, taken n times (DLMF 7.18).

    With y(-1) = 2 / sqrt(pi), 2 n y(n) is y(n - 2) - 2 x y(n - 1), of which no digits cancel where x is not large;
    there y(n) / y(n - 1) = 1 / (2 x + 2 (n + 1) y(n + 1) / y(n)), a continued fraction.
    """
    none, half, two = type(x)(0), type(x)(0.5), type(x)(2)
    a = absolute(x)
    value = scaled_erfc(a)
    whole = exp_of_square(x, type(x)(1), none)
    value = choose(x < none, two * whole - value, value)
    if n == 0:
        return value
    before = constant(x, of.TWO_OVER_ROOT_PI)
    positive = half * half * polynomial(half_angle(a), of.IERFCX) / (a + half) / (a + half)
    last = choose(x < none, half * before - x * value, positive)
    recurrent, before = last, value
    for k in range(2, n + 1):
        following = (before - two * x * recurrent) / type(x)(2 * k)
        before = recurrent
        recurrent = following
    if n == 1:
        return last
    depth = type(x)(n + 101)  # where all further ratios are taken to be equal
    ratio, product = (np.sqrt(a * a + two * depth) - a) / (two * depth), last
    for k in range(n + 100, 1, -1):
        ratio = half / (a + type(x)(k + 1) * ratio)
        product = choose(k <= n, product * ratio, product)
    return choose(x < type(x)(1.4), recurrent, product)
