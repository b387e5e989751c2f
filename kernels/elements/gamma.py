"""Element functions: the gamma function's logarithm and its derivatives. Conventions: see arithmetic.py."""

from __future__ import annotations

from .arithmetic import scale
from .real_gamma import real_gammaln, real_polygamma
from .registry import element


@element
def gammaln(x):
    """log(|gamma(x)|)."""
    return real_gammaln(x)


@element
def gammaln_vjp(g, x):
    return scale(g, real_polygamma(x, 0))


@element
def polygamma(x, n):
    """The derivative of order n + 1 of log(gamma(x))."""
    return real_polygamma(x, n)


@element
def polygamma_vjp(g, x, n):
    return scale(g, real_polygamma(x, n + 1))
