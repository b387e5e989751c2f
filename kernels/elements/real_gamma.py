"""Branch-free logarithm of the gamma function, digamma and polygamma functions of float32 and float64.

Polynomials where the function is near its zeros, the recurrence up to 8, asymptotic series beyond, reflection
below 0: NIST's Digital Library of Mathematical Functions, 5.5, 5.11 and 5.15. Error bounds: docs/accuracy.md.
"""

from __future__ import annotations

import numpy as np

from . import polynomials as of
from .real_entropy import log_in_two
from .real_exponential import exact_sum, real_log
from .registry import helper
from .scalars import absolute, choose, constant, fma, nearest, polynomial

BERNOULLI = (
    1 / 12,
    -1 / 720,
    1 / 30240,
    -1 / 1209600,
    1 / 47900160,
    -691 / 1307674368000,
    1 / 74724249600,
    -3617 / 10670622842880000,
    43867 / 5109094217170944000,
)
"""Of the Euler-Maclaurin formula: B(2 j) / (2 j)!."""


@helper
def sine_over_pi(x):
    """sin(pi r) / pi and r of a finite x, where r is the distance from the nearest integer."""
    r = x - nearest(x)
    return r * polynomial(r * r, of.SINPI), r


@helper
def cosine_of_pi(r):
    """cos(pi r) for |r| <= 1/2."""
    rest = type(r)(0.5) - absolute(r)
    return constant(r, of.PI) * rest * polynomial(rest * rest, of.SINPI)


@helper
def lowered(x):
    """Of 3 <= x < 8: r in [2, 3) a whole number below x, the product of r, r + 1, ... up to x - 1, and the sum
    of their reciprocals times it. Of another x a number of no meaning, 1 and 0."""
    one, none = type(x)(1), type(x)(0)
    inside = (x >= type(x)(3)) & (x < type(x)(8))
    steps = choose(inside, np.floor(x) - type(x)(2), none)
    r = x - steps
    product, total = one, none
    for i in range(5):
        factor = r + type(x)(i)
        more = steps > type(x)(i)
        total = choose(more, fma(total, factor, product), total)
        product = choose(more, product * factor, product)
    return r, product, total


@helper
def gammaln_far(x, log, low):
    """Stirling's series for x >= 8, of log(x) in two: (x - 1/2) (log(x) - 1) + (log(2 pi) - 1) / 2 + ..."""
    half, one = type(x)(0.5), type(x)(1)
    less, lost = exact_sum(log, -one)
    times = x - half
    high = times * less
    rest = fma(times, less, -high) + times * (lost + low)
    inverse = one / x
    rest = rest + (constant(x, of.HALF_LOG_TAU_LOW) + inverse * polynomial(inverse * inverse, of.STIRLING))
    total, lost = exact_sum(high, constant(x, of.HALF_LOG_TAU) - half)
    return choose(x < constant(x, of.GAMMALN_BOUND), total + (lost + rest), type(x)(np.inf))


@helper
def gammaln_centre(t, r):
    """log(gamma(1 + t)) of -1/2 <= t < 3/4, else log(gamma(r)) of 7/4 <= r < 3, as the sum of two numbers."""
    first, least = t < type(t)(0.25), (t >= type(t)(0.25)) & (t < type(t)(0.75))
    y, u = choose(first, t, r - type(t)(2)), t - type(t)(0.46875)
    slope = choose(first, -constant(t, of.EULER), constant(t, of.ONE_LESS_EULER))
    slope_low = choose(first, -constant(t, of.EULER_LOW), constant(t, of.ONE_LESS_EULER_LOW))
    curve = y * choose(first, polynomial(y, of.GAMMALN_ONE), polynomial(y, of.GAMMALN_TWO))
    line = choose(least, constant(t, of.GAMMALN_47_32), slope * y)
    low = choose(least, constant(t, of.GAMMALN_47_32_LOW), fma(slope, y, fma(slope_low, y, -line)))
    total, lost = exact_sum(line, choose(least, u * polynomial(u, of.GAMMALN_LEAST), y * curve))
    return total, lost + low


@helper
def real_gammaln(x):
    none, half, one = type(x)(0), type(x)(0.5), type(x)(1)
    a = absolute(x)
    tiny, far = a < half, a >= type(x)(8)
    r, product, _ = lowered(a)
    near, near_low = gammaln_centre(choose(tiny, a, a - one), r)
    log, low = log_in_two(choose(tiny | far, a, product))
    less = choose(tiny, -one, one)
    total, lost = exact_sum(less * log, near)
    value = choose(far, gammaln_far(a, log, low), total + (lost + fma(less, low, near_low)))
    value = choose(a == none, type(x)(np.inf), value)
    sine, _ = sine_over_pi(a)
    under = -real_log(absolute(sine) * choose(tiny, one, a)) - choose(tiny, near + near_low, value)
    value = choose(x < none, choose(sine == none, type(x)(np.inf), under), value)
    return choose(np.isnan(x), x, choose(x == type(x)(-np.inf), x, value))


@helper
def real_digamma(x):
    none, half, one, two = type(x)(0), type(x)(0.5), type(x)(1), type(x)(2)
    a = absolute(x)
    low, far, below = a < one, a >= type(x)(8), x < none
    r, product, total = lowered(a)
    y = choose(low, a - one, r - two)
    distance, lost = exact_sum(y, -constant(x, of.DIGAMMA_ROOT))
    lost = lost - constant(x, of.DIGAMMA_ROOT_LOW)
    start = constant(x, of.DIGAMMA_2)
    more = fma(y, polynomial(y, of.DIGAMMA), constant(x, of.DIGAMMA_2_LOW))
    value = fma(distance, start, fma(lost, start + more, distance * more))
    value = value + choose(low, choose(below, none, -one / x), total / product)
    inverse = one / a
    z = inverse * inverse
    beyond = real_log(a) - fma(z, polynomial(z, of.DIGAMMA_FAR), half * inverse)
    value = choose(far, beyond, value)
    sine, r = sine_over_pi(a)
    value = choose(below, value + (choose(low, none, inverse) + cosine_of_pi(r) / sine), value)
    return choose(below & (sine == none), type(x)(np.nan), choose(x == none, -one / x, value))


@helper
def hurwitz_zeta(x, s):
    """The sum of (x + k)**-s over k = 0, 1, ... for x >= 0 and whole s > 1 (Euler and Maclaurin).

    From the least to the largest, and in two: of a dozen rounded sums and powers errors would add up to 6 ULP.
    """
    order = type(x)(s - 1)
    steps = 4 + s if isinstance(x, np.float32) else 9 + s
    inverse, rest = inverse_in_two(x, type(x)(steps))
    power, lost = raised_in_two(inverse, rest, s - 1)
    total = power / order
    low = (fma(-total, order, power) + lost) / order
    square = inverse * inverse
    series = type(x)(0.5) * (power * inverse)
    power = power * square * type(x)(s)
    for j in range(9):
        series += power * type(x)(BERNOULLI[j])
        power = power * square * (type(x)(s + 2 * j + 1) * type(x)(s + 2 * j + 2))
    low += series
    for k in range(steps - 1, -1, -1):
        inverse, rest = inverse_in_two(x, type(x)(k))
        power, lost = raised_in_two(inverse, rest, s)
        total, more = exact_sum(total, power)
        low += more + lost
    return choose(total < type(x)(np.inf), total + low, total)


@helper
def inverse_in_two(x, k):
    """1 / (x + k) as the sum of two numbers."""
    distance, lost = exact_sum(x, k)
    inverse = type(x)(1) / distance
    return inverse, inverse * fma(-inverse, lost, fma(-inverse, distance, type(x)(1)))


@helper
def raised_in_two(x, low, n):
    """(x + low)**n as the sum of two numbers."""
    value, lost = type(x)(1), type(x)(0)
    for _ in range(n):
        more = fma(value, low, lost * x)
        product = value * x
        lost = fma(value, x, -product) + more
        value = product
    return value, lost


@helper
def raised(x, n):
    value = type(x)(1)
    for _ in range(n):
        value *= x
    return value


@helper
def both_sides(x, r, s):
    """The sum of (x + k)**-s over all whole k, which is that of r + k; of sines for s = 2 and, as it is 0, 3."""
    sine, _ = sine_over_pi(x)
    if s == 2:
        return type(x)(1) / (sine * sine)
    if s == 3:
        return cosine_of_pi(r) / (sine * sine * sine)
    sign = type(x)(-1 if s % 2 else 1)
    one = type(x)(1)
    return raised(one / r, s) + (hurwitz_zeta(one + r, s) + sign * hurwitz_zeta(one - r, s))


@helper
def real_polygamma(x, n):
    """n! times the sum of (x + k)**-(n + 1), with the sign of (-1)**(n + 1); digamma for n = 0."""
    if n == 0:
        return real_digamma(x)
    none, one = type(x)(0), type(x)(1)
    factor = -one if n % 2 == 0 else one
    for k in range(n):
        factor *= type(x)(k + 1)
    below = x < none
    above = hurwitz_zeta(choose(below, one - x, x + none), n + 1)
    sine, r = sine_over_pi(x)
    value = choose(below, both_sides(x, r, n + 1) - type(x)(1 if n % 2 else -1) * above, above)
    pole = below & ((sine == none) | (x == type(x)(-np.inf)))
    value = choose(pole, type(x)(np.inf), choose(x == type(x)(np.inf), none, value))
    return factor * value
