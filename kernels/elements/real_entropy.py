"""Branch-free logarithms of quotients, and what entropies are made of, of float32 and float64."""

from __future__ import annotations

import numpy as np

from . import polynomials as of
from .real_exponential import NORMAL, exact_sum, log_parts, real_log
from .registry import helper
from .scalars import absolute, choose, constant, fma, polynomial

CLOSE = (0.17, 0.17)
"""Of |x - y| / (x + y): up to there log(x / y) is 2 arctanh of it by the polynomial LOG."""


@helper
def log_in_two(x):
    """log(x) of a positive finite x as the sum of two numbers."""
    k, f, q = log_parts(x)
    half = type(x)(0.5) * f
    square = half * f
    high = f - square
    low = (((f - high) - square) - fma(half, f, -square)) + q
    product = k * constant(x, of.LN2)
    rest = fma(k, constant(x, of.LN2_LOW), fma(k, constant(x, of.LN2), -product))
    total = product + high
    return total, ((product - total) + high) + (rest + low)


@helper
def log_of_quotient(x, y):
    """log(x / y) of positive finite x and y as the sum of two numbers."""
    quotient = x / y
    lost = fma(-quotient, y, x) / (quotient * y)
    inside = (quotient >= constant(x, NORMAL)) & (quotient < type(x)(np.inf))
    log, low = log_in_two(choose(inside, quotient, type(x)(1)))
    return choose(inside, log, real_log(x) - real_log(y)), choose(inside, low + lost, type(x)(0))


@helper
def real_log_ratio(x, y):
    """log(x / y) for x, y >= 0, else nan; where they are near, 2 arctanh((x - y) / (x + y)): all digits stay."""
    half, two, none = type(x)(0.5), type(x)(2), type(x)(0)
    gap = x - y
    middle = half * x + half * y
    near = absolute(gap) < two * constant(x, CLOSE) * middle
    v = half * gap / middle
    z = choose(near, v * v, none)
    log, low = log_of_quotient(x, y)
    value = choose(near, fma(v * z, polynomial(z, of.LOG), two * v), log + low)
    finite = (x > none) & (y > none) & (x < type(x)(np.inf)) & (y < type(x)(np.inf))
    value = choose(finite, value, real_log(x / y))
    return choose((x < none) | (y < none), type(x)(np.nan), value)


@helper
def real_kl_div(x, y):
    """x log(x / y) - x + y for x, y > 0: Loader, Fast and accurate computation of binomial probabilities (2000).

    Where x and y are near, (x - y) v + 2 x (arctanh(v) - v) of v = (x - y) / (x + y).
    """
    half, two, none = type(x)(0.5), type(x)(2), type(x)(0)
    gap = x - y
    middle = half * x + half * y
    near = absolute(gap) < two * constant(x, CLOSE) * middle
    v = half * gap / middle
    z = choose(near, v * v, none)
    close = fma(gap, v, x * v * z * polynomial(z, of.LOG))
    log, low = log_of_quotient(x, y)
    product = x * log
    rest = fma(x, log, -product) + x * low
    less, lost = exact_sum(y, -x)
    total, more = exact_sum(product, less)
    far = choose(absolute(total) < type(x)(np.inf), total + ((lost + more) + rest), total)
    value = choose(x == none, y, choose(near, close, far))
    inside = (x >= none) & (y >= none) & ((y > none) | (x == none))
    value = choose(inside & (x < type(x)(np.inf)) & (y < type(x)(np.inf)), value, type(x)(np.inf))
    undefined = np.isnan(x) | np.isnan(y) | ((x == y) & (x == type(x)(np.inf)))
    return choose(undefined, type(x)(np.nan), value)
