"""Trigonometric and hyperbolic functions and their inverses of float32 and float64, branch-free but far out.

Angles up to FAR are reduced by subtracting multiples of pi / 2 in three parts. Larger ones need many digits of
2 / pi; that is a branch, which no loop of vector instructions may hold. So each function of an angle comes
twice: `sine(x)` is right for all x, `sine_near(x)` up to FAR. A generated loop runs with the latter, and again
with the former in the rare case that `is_far` of an angle was true.
"""

from __future__ import annotations

import math

import numpy as np

from . import polynomials as of
from .real_exponential import exact_sum, exp_over, exp_parts, real_log1p, shifted_parts
from .registry import cold, helper
from .scalars import (
    absolute,
    choose,
    constant,
    copysign,
    fma,
    is_odd,
    mantissa_exponent,
    nearest,
    polynomial,
    power_of_two,
)

FAR = (1e9, 1e9)
FLAT = (1e4, 1e9)
"""From there on x*x + 1 is x*x."""
PIECES = np.array([float(int(of.DIGITS[i : i + 12], 16)) for i in range(0, len(of.DIGITS) - 6, 6)])
"""From every 24th bit of 2 / pi on, 48 bits as a whole number."""


@helper
def is_far(x):
    """Whether an angle is beyond what near functions can do."""
    return (absolute(x) > constant(x, FAR)) & (absolute(x) < type(x)(np.inf))


@helper
def reduce_near(x):
    """Whole k and r + low with x == k * pi / 2 + r + low, |r| <= pi / 4."""
    if isinstance(x, np.float32):
        wide = np.float64(x)
        k = nearest(wide * constant(wide, of.TWO_OVER_PI))
        r = fma(-k, constant(wide, of.PI_2_LOW), fma(-k, constant(wide, of.PI_2), wide))
        return k, np.float32(r), np.float32(r - np.float64(np.float32(r)))
    k = nearest(x * constant(x, of.TWO_OVER_PI))
    start = fma(-k, constant(x, of.PI_2), x)  # exact
    product = -k * constant(x, of.PI_2_LOW)
    r, low = exact_sum(start, product)
    lost = fma(-k, constant(x, of.PI_2_LOW), -product)
    return k, r, low + fma(-k, constant(x, of.PI_2_LOWEST), lost)


@cold
def reduce_far(x):
    """The same for a far x, with k modulo 4: x times the pieces of 2 / pi that are not a multiple of 4."""
    fraction, exponent = mantissa_exponent(absolute(np.float64(x)))
    whole = copysign(fraction * 2.0**53, np.float64(x))
    first = max(0, (int(exponent) - 55) // 24)
    turns, low, lowest = 0.0, 0.0, 0.0
    for i in range(first, first + 8, 2):
        piece = PIECES[i] * power_of_two(exponent - 53.0 - 24.0 * (i + 2))
        product = whole * piece
        for part in (product, fma(whole, piece, -product)):
            turns, lost = exact_sum(turns, part - 4 * np.rint(part / 4))
            low, lost = exact_sum(low, lost)
            lowest += lost
    k = np.rint(turns)
    turns, low = exact_sum(turns - k, low)
    low += lowest
    turns, low = exact_sum(turns, low)
    r = turns * of.PI_2[1]
    low = fma(turns, of.PI_2[1], -r) + (turns * of.PI_2_LOW[1] + low * of.PI_2[1])
    return k, r, low


@helper
def sine_parts(r, low):
    """sin(r + low) as the sum of two numbers."""
    z = r * r
    return r, fma(r * z, polynomial(z, of.SIN), fma(type(r)(-0.5) * z, low, low))


@helper
def cosine_parts(r, low):
    z = r * r
    half = type(r)(0.5) * z
    start = type(r)(1) - half
    return start, ((type(r)(1) - start) - half) + fma(z * z, polynomial(z, of.COS), -r * low)


@helper
def flip(value, half_k):
    """The value, negated where the floor of k / 2 is odd."""
    return choose(is_odd(np.floor(half_k)), -value, value)


@helper
def sine_of(x, k, r, low):
    s, s_low = sine_parts(r, low)
    c, c_low = cosine_parts(r, low)
    odd = is_odd(k)
    value = choose(odd, c, s) + choose(odd, c_low, s_low)
    return choose(x == type(x)(0), x, flip(value, k * type(k)(0.5)))  # keeps -0


@helper
def cosine_of(k, r, low):
    s, s_low = sine_parts(r, low)
    c, c_low = cosine_parts(r, low)
    odd = is_odd(k)
    value = choose(odd, s, c) + choose(odd, s_low, c_low)
    return flip(value, (k + type(k)(1)) * type(k)(0.5))


@helper
def tangent_of(x, k, r, low):
    """The quotient of sine and cosine, and what their roundings and its own lose."""
    s, s_low = sine_parts(r, low)
    c, c_low = cosine_parts(r, low)
    sine, cosine = s + s_low, c + c_low
    s_low, c_low = (s - sine) + s_low, (c - cosine) + c_low
    odd = is_odd(k)
    over, over_low = choose(odd, -cosine, sine), choose(odd, -c_low, s_low)
    under, under_low = choose(odd, sine, cosine), choose(odd, s_low, c_low)
    inverse = type(x)(1) / under
    value = over * inverse
    rest = fma(-value, under, over) + fma(-value, under_low, over_low)
    return choose(x == type(x)(0), x, fma(rest, inverse, value))


@helper
def sine_near(x):
    k, r, low = reduce_near(x)
    return sine_of(x, k, r, low)


@helper
def cosine_near(x):
    k, r, low = reduce_near(x)
    return cosine_of(k, r, low)


@helper
def tangent_near(x):
    k, r, low = reduce_near(x)
    return tangent_of(x, k, r, low)


@helper
def sine(x):
    if is_far(x):
        k, r, low = reduce_far(x)
        return type(x)(sine_of(np.float64(x), k, r, low))
    return sine_near(x)


@helper
def cosine(x):
    if is_far(x):
        k, r, low = reduce_far(x)
        return type(x)(cosine_of(k, r, low))
    return cosine_near(x)


@helper
def tangent(x):
    if is_far(x):
        k, r, low = reduce_far(x)
        return type(x)(tangent_of(np.float64(x), k, r, low))
    return tangent_near(x)


# --- right triangles -------------------------------------------------------------------------------------


@helper
def triangle(x, y):
    """Sides in the ratio of x and y, the sum of their squares, and their factor: a power of two or 0.

    With it no square overflows or is denormal. An infinite side is 1, and 0 the one beside it, even if nan.
    """
    a, b = absolute(x), absolute(y)
    none, one, infinity = type(x)(0), type(x)(1), type(x)(np.inf)
    longest = choose(a > b, a, b)
    unit = choose(longest < constant(x, (1e-18, 1e-140)), constant(x, (2.0**100, 2.0**700)), one)
    unit = choose(longest > constant(x, (1e18, 1e150)), constant(x, (2.0**-100, 2.0**-700)), unit)
    infinite = (a == infinity) | (b == infinity)
    unit = choose(infinite, none, unit)
    u = choose(infinite, copysign(choose(a == infinity, one, none), x), x * unit)
    v = choose(infinite, copysign(choose(b == infinity, one, none), y), y * unit)
    return u, v, fma(u, u, v * v), unit


@helper
def real_hypot(x, y):
    _, _, square, unit = triangle(x, y)
    return np.sqrt(square) / unit


@helper
def real_hypot_slope(x, y):
    """x / hypot(x, y); 0 at the origin, of infinities the ratio of their signs counts."""
    u, _, square, _ = triangle(x, y)
    return choose(square == type(x)(0), x, u / np.sqrt(square))


@helper
def real_inversion(x, y):
    """x / (x * x + y * y); 0 at the origin and at infinity."""
    u, _, square, unit = triangle(x, y)
    return choose(square == type(x)(0), type(x)(0), u / square * unit)


@helper
def real_third_side(x, sign):
    """sqrt(1 + sign * x * x) of a `sign` that is 1 or -1."""
    one = type(x)(1)
    if sign < 0:
        return np.sqrt((one - x) * (one + x))
    a = absolute(x)
    return choose(a > constant(x, FLAT), a, np.sqrt(fma(a, a, one)))


# --- spherical Bessel functions --------------------------------------------------------------------------


@helper
def bessel_series(x, n):
    """x**n / (2 n + 1)!! * (1 - x*x / 2 / (2 n + 3) * (1 - x*x / 4 / (2 n + 5) * ...)), for |x| up to n + 1."""
    half_square = type(x)(0.5) * x * x
    value = type(x)(1)
    for k in range(12 + 2 * n, 0, -1):
        value = type(x)(1) - half_square * value * type(x)(1 / (k * (2 * n + 2 * k + 1)))
    for k in range(1, n + 1):
        value = value * x * type(x)(1 / (2 * k + 1))
    return value


@helper
def bessel_recurrence(x, n, sine, cosine):
    """By j_k+1 = (2 k + 1) / x * j_k - j_k-1, which keeps digits for |x| from n + 1 on."""
    before, value = np.divide(cosine, x), np.divide(sine, x)
    for k in range(n):
        before, value = value, np.divide(type(x)(2 * k + 1) * value, x) - before
    return value


# --- inverse ---------------------------------------------------------------------------------------------


@helper
def arctangent_of_quotient(x, y):
    """The angle of the point with ordinate x >= 0 and abscissa y >= 0, finite, not both 0.

    Beyond the eighths of a right angle that are odd it turns the point: by pi / 4 or pi / 2.
    """
    steep, middle = x > y * type(x)(1 + math.sqrt(2)), x > y * type(x)(math.sqrt(2) - 1)
    t = choose(steep, -y, choose(middle, x - y, x)) / choose(steep, x, choose(middle, x + y, y))
    z = t * t
    none, half = type(x)(0), type(x)(0.5)
    turn = choose(steep, constant(x, of.PI_2), choose(middle, half * constant(x, of.PI_2), none))
    low = choose(steep, constant(x, of.PI_2_LOW), choose(middle, half * constant(x, of.PI_2_LOW), none))
    return turn + (t + fma(t * z, polynomial(z, of.ATAN), low))


@helper
def real_arctan(x):
    a = absolute(x)
    bound = constant(x, (1e15, 1e30))
    value = arctangent_of_quotient(choose(a > bound, bound, a), type(x)(1))
    return copysign(choose(a < constant(x, (1e-15, 1e-30)), a, value), x)


@helper
def real_arctan2(x, y):
    """Of infinities the ratio of their signs counts; large ones are scaled against overflow of their sum."""
    a, b = absolute(x), absolute(y)
    none, one, infinity = type(x)(0), type(x)(1), type(x)(np.inf)
    infinite = (a == infinity) | (b == infinity)
    large = (a > constant(x, (1e37, 1e307))) | (b > constant(x, (1e37, 1e307)))
    unit = choose(large, type(x)(0.125), one)
    u = choose(infinite, choose(a == infinity, one, none), a * unit)
    v = choose(infinite, choose(b == infinity, one, none), choose(a + b == none, one, b * unit))
    value = arctangent_of_quotient(u, v)
    below = constant(x, of.PI) - (value - constant(x, of.PI_LOW))
    value = choose(copysign(one, y) < none, below, value)
    return choose(np.isnan(x) | np.isnan(y), x + y, copysign(value, x))


@helper
def arcsine_parts(x):
    """Whether |x| is beyond 1/2; and t + tail = arcsin of x or, beyond, of sqrt((1 - |x|) / 2).

    Beyond, arcsin(|x|) is pi / 2 less twice that; the tail has what the root loses.
    """
    a = absolute(x)
    far = a > type(x)(0.5)
    z = choose(far, type(x)(0.5) - type(x)(0.5) * a, a * a)
    root = np.sqrt(z)
    t = choose(far, root, x)
    lost = choose(far & (root > type(x)(0)), fma(-root, root, z) / (root + root), type(x)(0))
    return far, t, fma(t * z, polynomial(z, of.ASIN), lost)


@helper
def real_arcsin(x):
    far, t, tail = arcsine_parts(absolute(x))
    turned = constant(x, of.PI_2) - (t + t)
    rest = ((constant(x, of.PI_2) - turned) - (t + t)) + (constant(x, of.PI_2_LOW) - (tail + tail))
    return copysign(choose(far, turned + rest, t + tail), x)


@helper
def real_arccos(x):
    far, t, tail = arcsine_parts(x)
    near = constant(x, of.PI_2) - (t + (tail - constant(x, of.PI_2_LOW)))
    twice = (t + t) + (tail + tail)
    pi, pi_low = constant(x, of.PI), constant(x, of.PI_LOW)
    below = pi - (twice - pi_low)
    return choose(far, choose(x > type(x)(0), twice, below), near)


# --- hyperbolic ------------------------------------------------------------------------------------------


@helper
def real_sinh(x):
    """(u + u / (u + 1)) / 2 of u = expm1(|x|), corrected by what u lacks; of a large |x|, exp(|x|) / 2."""
    a, one = absolute(x), type(x)(1)
    large = a > constant(x, (20.0, 40.0))
    k, r, q = exp_parts(choose(large, one, a))
    high, low = shifted_parts(power_of_two(k), one, r, q)
    u = high + low
    inverse = one / (u + one)
    near = u + fma(u, inverse, ((high - u) + low) * fma(inverse, inverse, one))
    return copysign(choose(large, exp_over(a, one), type(x)(0.5) * near), x)


@helper
def real_cosh(x):
    e = exp_over(absolute(x), type(x)(1))  # half of exp(|x|)
    return e + type(x)(0.25) / e


@helper
def real_arcsinh(x):
    """log1p(a + a * a / (1 + sqrt(a * a + 1))); of a large a, log(a) + log(2)."""
    a = absolute(x)
    large = a > constant(x, (1e8, 1e17))
    b = choose(large, type(x)(1), a)
    square = b * b
    value = real_log1p(choose(large, a, b + square / (type(x)(1) + np.sqrt(square + type(x)(1)))))
    return copysign(value + choose(large, constant(x, of.LN2), type(x)(0)), x)


@helper
def real_arccosh(x):
    """log1p(t + sqrt(2 t + t * t)) of t = x - 1; of a large x, log(x) + log(2)."""
    large = x > constant(x, (1e8, 1e17))
    t = choose(large, type(x)(1), x - type(x)(1))
    value = real_log1p(choose(large, x, t + np.sqrt((t + t) + t * t)))
    value = value + choose(large, constant(x, of.LN2), type(x)(0))
    return choose(x < type(x)(1), type(x)(np.nan), value)


@helper
def real_arctanh(x):
    a = absolute(x)
    value = type(x)(0.5) * real_log1p((a + a) / (type(x)(1) - a))
    return copysign(choose(a < constant(x, (1e-10, 1e-20)), a, value), x)
