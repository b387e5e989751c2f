"""Densities of the gamma and beta distributions and derivatives of their integrals by parameters, in float64.

There is no closed form for the derivatives of incomplete gamma and beta functions by parameters. They are
factors whose derivatives are known times integrals of exp(-...) from 0 to infinity, differentiated under the
integral, which the double exponential rule computes (Takahasi and Mori, 1974): of the two tails the one of which
no digits cancel.
"""

from __future__ import annotations

import numpy as np

from . import polynomials as of
from .real_entropy import real_kl_div, real_log_ratio
from .real_exponential import real_exp, real_expm1, real_log, real_log1p, real_power_less
from .real_gamma import BERNOULLI, real_digamma, real_gammaln, real_polygamma
from .registry import helper
from .scalars import polynomial

STEP = 1 / 12
PLACES = np.arange(-3.75, 5.25, STEP)
NODES = np.exp(PLACES - np.exp(-PLACES))
WEIGHTS = STEP * NODES * (1 + np.exp(-PLACES))
COUNT = len(NODES)
"""The integral of f from 0 to infinity is the sum of WEIGHTS * f(NODES), if f decays as exp(-u) does."""
LARGE = 8.0
"""From there on gamma functions are Stirling's."""


# --- differences -----------------------------------------------------------------------------------------


@helper
def polygamma_rise(x, y, n):
    """polygamma(n, x + y) - polygamma(n, x), all of whose terms are differences that lose no digits.

    The sums of `hurwitz_zeta`; with p = 1 / (x + k) and q = 1 / (x + y + k), p**s - q**s is y p q times the sum of
    p**i q**(s - 1 - i).
    """
    z = x + y
    if not (x > 0 and z > 0):
        return real_polygamma(z, n) - real_polygamma(x, n)
    s, total = n + 1, 0.0
    for k in range(9 + s):
        p, q = 1 / (x + k), 1 / (z + k)
        total += y * p * q * power_sums(p, q, s - 1)
    p, q = 1 / (x + 9 + s), 1 / (z + 9 + s)
    gap = y * p * q
    total += 0.5 * gap * power_sums(p, q, s - 1)
    total += real_log1p(y * p) if n == 0 else gap * power_sums(p, q, s - 2) / (s - 1)
    factor = float(s)
    for j in range(9):
        total += BERNOULLI[j] * factor * gap * power_sums(p, q, s + 2 * j)
        factor *= (s + 2 * j + 1) * (s + 2 * j + 2)
    for k in range(n):
        total *= -(k + 1)
    return total


@helper
def power_sums(p, q, m):
    """The sum of p**i q**(m - i), i from 0 to m."""
    power, total = 1.0, 1.0
    for _ in range(m):
        power *= p
        total = power + q * total
    return total


@helper
def log_less_digamma(x):
    """log(x) - digamma(x)."""
    if x < LARGE:
        return real_log(x) - real_digamma(x)
    z = 1 / (x * x)
    return 0.5 / x + z * polynomial(z, of.DIGAMMA_FAR)


@helper
def stirling_rest(x):
    """log(gamma(x)) less Stirling's formula, for x >= LARGE."""
    return polynomial(1 / (x * x), of.STIRLING) / x


# --- the gamma distribution ------------------------------------------------------------------------------


@helper
def gamma_weight(x, y):
    """y**x exp(-y) / gamma(x) (Loader 2000)."""
    if x < LARGE:
        half = real_exp(-0.5 * y)
        return real_power_less(y, x, 0) * half * real_exp(-real_gammaln(x)) * half
    return np.sqrt(x / (2 * np.pi)) * real_exp(-real_kl_div(x, y) - stirling_rest(x))


@helper
def gamma_first(x, y):
    """The derivative by x of log(y**x / gamma(x))."""
    return real_log_ratio(y, x) + log_less_digamma(x)


@helper
def gamma_further(first, x, n):
    """The derivative of order n <= 3 by x of y**x exp(c x) / gamma(x), over that; `first` is its logarithm's."""
    if n == 0:
        return 1.0
    if n == 1:
        return first
    second = real_polygamma(x, 1)
    if n == 2:
        return first * first - second
    return first * (first * first - 3 * second) - real_polygamma(x, 2)


@helper
def gamma_density(x, y, n):
    """The derivative of order n <= 3 by x of y**(x - 1) exp(-y) / gamma(x)."""
    if not (x > 0 and y >= 0):
        return np.nan
    if y == 0:
        return (0.0 if x > 1 else 1.0 if x == 1 else np.inf) if n == 0 else np.nan if x <= 1 else 0.0
    if y == np.inf:
        return 0.0
    return gamma_weight(x, y) / y * gamma_further(gamma_first(x, y), x, n)


@helper
def gammainc_by_x(x, y, n):
    """The derivative of order n <= 3 by x of the lower incomplete gamma function over gamma(x).

    With w = y**x exp(-y) / gamma(x) it is w times the integral of exp(y (1 - exp(-u)) - x u), and 1 less w times
    that of (1 + u)**(x - 1) exp(-y u).
    """
    if not (x > 0 and y >= 0):
        return np.nan
    if not 0 < y < np.inf:
        return 0.0
    first, total = gamma_first(x, y), 0.0
    lower = first <= 0 or y < 0.1
    scale = 1 / ((x if lower else y) if x < 1 else abs(x - y) + np.sqrt(y if lower else x))
    for i in range(COUNT):
        u = scale * NODES[i]
        by_x = -u if lower else real_log1p(u)
        exponent = y * -real_expm1(-u) - x * u if lower else (x - 1) * by_x - y * u
        total += WEIGHTS[i] * real_exp(exponent) * gamma_further(first + by_x, x, n)
    return gamma_weight(x, y) * scale * total * (1.0 if lower else -1.0)


# --- the beta distribution -------------------------------------------------------------------------------


@helper
def beta_weight(x, y, z, rest):
    """z**x rest**y / beta(x, y) for rest = 1 - z (Loader 2000); small parameters are raised first."""
    factor, logarithm = 1.0, 0.0
    while x < LARGE:
        factor *= x / (x + y)
        if z > 1e-30:
            factor /= z
        else:
            logarithm -= real_log(z)
        x += 1
    while y < LARGE:
        factor *= y / (x + y)
        if rest > 1e-30:
            factor /= rest
        else:
            logarithm -= real_log(rest)
        y += 1
    total = x + y
    exponent = real_kl_div(x, total * z) + real_kl_div(y, total * rest)
    exponent += stirling_rest(x) + stirling_rest(y) - stirling_rest(total) - logarithm
    return factor * np.sqrt(x / total * y / (2 * np.pi)) * real_exp(-exponent)


@helper
def beta_first(x, y, z, rest):
    """The derivative by x of log(z**x / beta(x, y))."""
    total = x + y
    log = real_log1p(y / x) + real_log1p(-rest) if rest < 0.5 else real_log_ratio(z * total, x)
    return log + (log_less_digamma(x) - log_less_digamma(total))


@helper
def beta_further(a, b, x, y, m, n):
    """The derivative of order m by x and n by y, m + n <= 3, of exp(c x + d y) / beta(x, y), over that.

    Those of order 1 of its logarithm are a and b.
    """
    if n > m:
        a, b, x, y, m, n = b, a, y, x, n, m
    if m == 0:
        return 1.0
    if m + n == 1:
        return a
    if m == n:
        return a * b + real_polygamma(x + y, 1)
    twice = a * a + polygamma_rise(x, y, 1)
    if m == 2 and n == 0:
        return twice
    if m == 3:
        return a * (twice + 2 * polygamma_rise(x, y, 1)) + polygamma_rise(x, y, 2)
    return b * twice + 2 * a * real_polygamma(x + y, 1) + real_polygamma(x + y, 2)


@helper
def beta_density(x, y, z, m, n):
    """The derivative of order m by x and n by y, m + n <= 3, of z**(x - 1) (1 - z)**(y - 1) / beta(x, y)."""
    if not (x > 0 and y > 0 and z >= 0 and z <= 1):
        return np.nan
    if not 0 < z < 1:
        power, other = (x, y) if z == 0 else (y, x)
        if m + n == 0:
            return 0.0 if power > 1 else other if power == 1 else np.inf
        return 0.0 if power > 1 else np.nan
    rest = 1 - z
    a, b = beta_first(x, y, z, rest), beta_first(y, x, rest, z)
    return beta_weight(x, y, z, rest) / z / rest * beta_further(a, b, x, y, m, n)


@helper
def betainc_by_xy(x, y, z, m, n):
    """The derivative of order m by x and n by y, 1 <= m + n <= 3, of the regularised incomplete beta function."""
    if not (x > 0 and y > 0 and z >= 0 and z <= 1):
        return np.nan
    if not 0 < z < 1:
        return 0.0
    if z * (x + y) <= x:
        return beta_tail(x, y, z, 1 - z, m, n)
    return -beta_tail(y, x, 1 - z, z, n, m)


@helper
def beta_tail(x, y, z, rest, m, n):
    """The same for z <= x / (x + y), where rest = 1 - z.

    It is z**x rest**(y - 1) / beta(x, y) times the integral of r**(y - 1) exp(-x u), r = (1 - z exp(-u)) / rest.
    """
    odds, total = z / rest, 0.0
    a, b = beta_first(x, y, z, rest), beta_first(y, x, rest, z)
    scale = 1 / (x if y < 1 else abs(x - (y - 1) * odds) + np.sqrt((y - 1) * odds * (1 + odds)))
    for i in range(COUNT):
        u = scale * NODES[i]
        log_r = real_log1p(-odds * real_expm1(-u))
        value = WEIGHTS[i] * real_exp((y - 1) * log_r - x * u)
        total += value * beta_further(a - u, b + log_r, x, y, m, n)
    return beta_weight(x, y, z, rest) / rest * scale * total
