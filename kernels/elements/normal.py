"""Element functions: complementary error functions, the normal distribution. Conventions: see arithmetic.py."""

from __future__ import annotations

from . import polynomials as of
from .arithmetic import scale
from .real_exponential import real_erf_slope
from .real_normal import (
    real_erfc,
    real_log_ndtr,
    real_ndtr,
    real_ndtr_hazard,
    real_ndtr_slope,
    real_scaled_ierfc,
)
from .registry import element
from .scalars import choose, constant


@element
def erfc(x):
    """1 - erf(x)."""
    return real_erfc(x)


@element
def erfc_vjp(g, x):
    return scale(g, -real_erf_slope(x))


@element
def scaled_ierfc(x, n):
    """exp(x*x) times the integral of erfc from x to infinity, taken n times."""
    return real_scaled_ierfc(x, n)


@element
def scaled_ierfc_vjp(g, x, n):
    return scale(g, type(x)(-2 * (n + 1)) * real_scaled_ierfc(x, n + 1))


@element
def ndtr(x):
    """The distribution function of the normal distribution."""
    return real_ndtr(x)


@element
def ndtr_vjp(g, x):
    return scale(g, real_ndtr_slope(x))


@element
def ndtr_slope(x):
    """Its density."""
    return real_ndtr_slope(x)


@element
def ndtr_slope_vjp(g, x, out):
    return scale(g, scale(out, -x))


@element
def log_ndtr(x):
    return real_log_ndtr(x)


@element
def log_ndtr_vjp(g, x):
    return scale(g, real_ndtr_hazard(x))


@element
def ndtr_hazard(x):
    """The density over the distribution function."""
    return real_ndtr_hazard(x)


@element
def ndtr_hazard_vjp(g, x, out):
    """-out (x + out); below 0 that sum is a quotient of scaled integrals, as its terms would cancel."""
    u = -x * constant(x, of.ROOT_HALF)
    quotient = real_scaled_ierfc(u, 1) / (constant(x, of.ROOT_HALF) * real_scaled_ierfc(u, 0))
    return scale(g, scale(out, -choose(x < type(x)(0), quotient, x + out)))
