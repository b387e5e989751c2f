"""Branch-free exponentials, logarithms, powers and error functions of float32 and float64.

They compute what both sides of a choice need and choose, so that a loop over them is made of vector
instructions. Error bounds: docs/accuracy.md.
"""

from __future__ import annotations

import numpy as np

from . import polynomials as of
from .registry import helper
from .scalars import (
    absolute,
    choose,
    constant,
    copysign,
    fma,
    mantissa_exponent,
    nearest,
    polynomial,
    power_of_two,
)

EXP_BOUND = (150.0, 1000.0)
"""Beyond it exp is 0 or inf."""
NORMAL = (1.17549435e-38, 2.2250738585072014e-308)
"""The smallest normal number; logarithms scale what is smaller ..."""
LIFT = (24.0, 54.0)
"""... by two to this."""
ERF_BOUND = (4.0, 6.1)
"""erf is 1 beyond."""


@helper
def clip(x, bound):
    """Into [-bound, bound]; nan stays."""
    x = choose(x > bound, bound, x)
    return choose(x < -bound, -bound, x)


@helper
def exact_sum(x, y):
    """The rounded sum and what it lost."""
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


@helper
def exp_parts(x):
    """Whole k, r and q with exp(x) == 2**k * (1 + r + q), |r| <= ln(2) / 2, q of order r**2."""
    k = nearest(x * constant(x, of.LOG2_E))
    r = fma(-k, constant(x, of.LN2), x)  # exact
    r = fma(-k, constant(x, of.LN2_LOW), r)
    return k, r, r * r * polynomial(r, of.EXP)


@helper
def exp_over(x, e):
    """exp(x) / 2**e, for a small whole e."""
    k, r, q = exp_parts(clip(x, constant(x, EXP_BOUND)))
    half = nearest(k * type(x)(0.5))  # 2**k itself may overflow or be denormal
    return (type(x)(1) + (r + q)) * power_of_two(half - e) * power_of_two(k - half)


@helper
def real_exp(x):
    return exp_over(x, type(x)(0))


@helper
def shifted_parts(power, unit, r, q):
    """power * (1 + r + q) - unit, for powers of two, as the sum of two numbers."""
    start = power - unit
    high = fma(power, r, start)
    return high, fma(power, q, fma(power, r, start - high))


@helper
def real_expm1(x):
    k, r, q = exp_parts(clip(x, constant(x, EXP_BOUND)))
    half = nearest(k * type(x)(0.5))
    rest = k - half
    high, low = shifted_parts(power_of_two(half), power_of_two(-rest), r, q)
    return choose(absolute(x) < constant(x, NORMAL), x, (high + low) * power_of_two(rest))  # keeps -0


@helper
def real_tanh(x):
    """x + x**3 times a polynomial near 0; 1 - 2 e / (1 + e) of e = exp(-2 |x|) beyond."""
    a = absolute(x)
    one = type(x)(1)
    e = real_exp(-(a + a))
    far = one - (e + e) / (one + e)
    z = a * a
    near = fma(a * z, polynomial(z, of.TANH), a)
    return copysign(choose(a > type(x)(0.55), far, near), x)


@helper
def real_tanh_slope(x):
    """1 / cosh(x)**2 as 4 e / (1 + e)**2 of e = exp(-2 |x|): 1 - tanh(x)**2 has no digits left far out."""
    a = absolute(x)
    e = real_exp(-(a + a))
    under = type(x)(1) + e
    return type(x)(4) * e / (under * under)


@helper
def real_sigmoid_slope(x):
    """e / (1 + e)**2 of e = exp(-|x|)."""
    e = real_exp(-absolute(x))
    under = type(x)(1) + e
    return e / (under * under)


@helper
def real_sigmoid(x):
    """1 / (1 + e) or e / (1 + e) of e = exp(-|x|), so that neither tail overflows; corrected as tanh is."""
    k, r, q = exp_parts(clip(-absolute(x), constant(x, EXP_BOUND)))
    half = nearest(k * type(x)(0.5))
    first, second = power_of_two(half), power_of_two(k - half)
    none, one = type(x)(0), type(x)(1)
    part = r + q
    total = one + part
    e, e_low = total * first * second, ((one - total) + part) * first * second
    over, over_low = choose(x < none, e, one), choose(x < none, e_low, none)
    under = one + e
    inverse = one / under
    value = over * inverse
    rest = fma(-value, under, over) + fma(-value, ((one - under) + e) + e_low, over_low)
    return fma(rest, inverse, value)


@helper
def lifted_parts(x):
    """`mantissa_exponent` of a positive x, denormal ones too."""
    small = x < constant(x, NORMAL)
    lift = constant(x, LIFT)
    m, k = mantissa_exponent(choose(small, x * power_of_two(lift), x))
    return m, k - choose(small, lift, type(x)(0))


@helper
def log_parts(x):
    """Whole k, f and q with log(x) == k * log(2) + f - (f * f / 2 - q), q of order f**3."""
    m, k = lifted_parts(x)
    f = m - type(x)(1)
    s = f / (f + type(x)(2))
    z = s * s
    return k, f, s * fma(z, polynomial(z, of.LOG), type(x)(0.5) * f * f)


@helper
def log_or_special(x, zero, value):
    """The value for a positive and finite distance x from the pole, which is at `zero`; else what NumPy has."""
    at_pole = choose(x == type(x)(0), type(x)(-np.inf), choose(x < type(x)(0), type(x)(np.nan), x))
    return choose((x > type(x)(0)) & (x < type(x)(np.inf)), value, at_pole)


@helper
def real_log(x):
    k, f, q = log_parts(x)
    tail = fma(k, constant(x, of.LN2_LOW), q)
    value = fma(k, constant(x, of.LN2), f - fma(type(x)(0.5) * f, f, -tail))
    return log_or_special(x, type(x)(0), value)


@helper
def log_in_base(x, k_high, k_low, per_e, per_e_low, f, q):
    """k_high + k_low + log(1 + f) * per_e; what roundings lose is kept, so that whole results are exact."""
    half = type(x)(0.5) * f
    square = half * f
    high = f - square
    low = (((f - high) - square) - fma(half, f, -square)) + q
    product = high * per_e
    rest = fma(low, per_e, fma(high, per_e_low, fma(high, per_e, -product)))
    total = k_high + product
    rest = rest + (k_low + ((k_high - total) + product))
    return log_or_special(x, type(x)(0), total + rest)


@helper
def real_log2(x):
    k, f, q = log_parts(x)
    return log_in_base(x, k, type(x)(0), constant(x, of.LOG2_E), constant(x, of.LOG2_E_LOW), f, q)


@helper
def real_log10(x):
    k, f, q = log_parts(x)
    high = k * constant(x, of.LOG10_2)
    low = fma(k, constant(x, of.LOG10_2_LOW), fma(k, constant(x, of.LOG10_2), -high))
    return log_in_base(x, high, low, constant(x, of.LOG10_E), constant(x, of.LOG10_E_LOW), f, q)


@helper
def real_log1p(x):
    """log of 1 + x as rounded, and what rounding lost over 1 + x."""
    one = type(x)(1)
    u = one + x
    above = u - one
    lost = (one - (u - above)) + (x - above)
    k, f, q = log_parts(u)
    far = constant(x, LIFT)
    lost = lost * power_of_two(-choose(k < far, k, far))
    tail = fma(k, constant(x, of.LN2_LOW), q) + lost * fma(-f, fma(-f, one - f, one), one)
    value = fma(k, constant(x, of.LN2), f - fma(type(x)(0.5) * f, f, -tail))
    value = choose((x > -one) & (x < type(x)(np.inf)), value, choose(x == -one, type(x)(-np.inf), x))
    return choose(x == type(x)(0), x, choose(x < -one, type(x)(np.nan), value))


@helper
def real_erf_slope(x):
    """2 / sqrt(pi) * exp(-x * x), with what the rounding of x * x loses as long as it counts."""
    square = x * x
    value = real_exp(-square)
    value = choose(square < constant(x, EXP_BOUND), fma(-fma(x, x, -square), value, value), value)
    return constant(x, of.TWO_OVER_ROOT_PI) * value


@helper
def real_erf(x):
    """x times a polynomial up to 1, beyond 1 - erfc(x), which is exp of a polynomial."""
    a = absolute(x)
    bound = constant(x, ERF_BOUND)
    k, r, q = exp_parts(polynomial(choose(a > bound, bound, a), of.ERFC))
    far = type(x)(1) - (type(x)(1) + (r + q)) * power_of_two(k)
    return copysign(choose(a < type(x)(1), fma(a, polynomial(x * x, of.ERF), a), far), x)


@helper
def log2_in_two(x):
    """log2(x) of a positive normal x as the sum of two numbers, to 65 bits: log(m) = 2 arctanh(s)."""
    m, k = lifted_parts(x)
    f = m - type(x)(1)
    t = f + type(x)(2)
    over = type(x)(1) / t
    s = f * over
    s_low = (fma(-s, t, f) - s * (f - (t - type(x)(2)))) * over
    z = s * s
    z_low = fma(s, s, -z) + type(x)(2) * s * s_low
    third = constant(x, of.THIRD)
    u = z * third
    u_low = fma(z, third, -u) + fma(z, constant(x, of.THIRD_LOW), z_low * third)
    v = z * z * polynomial(z, of.POW)
    w = u + v
    w_low = ((u - w) + v) + u_low
    p = s * w
    p_low = fma(s, w, -p) + fma(s, w_low, s_low * w)
    high = s + p
    low = ((s - high) + p) + (p_low + s_low)
    per_e, per_e_low = type(x)(2) * constant(x, of.LOG2_E), type(x)(2) * constant(x, of.LOG2_E_LOW)
    a = high * per_e
    a_low = fma(high, per_e, -a) + fma(high, per_e_low, low * per_e)
    total = k + a
    return total, ((k - total) + a) + a_low


@helper
def power_of_positive(x, y, n):
    """x**(y - n) for positive finite x, small whole n and any y; y - n as rounded would be another exponent."""
    if isinstance(x, np.float32):  # in float64 throughout, but not to all its digits
        wide = np.float64(x)
        k, f, q = log_parts(wide)
        times = np.float64(y) - np.float64(n)
        exponent = clip(times * (k + constant(wide, of.LOG2_E) * (f - fma(0.5 * f, f, -q))), np.float64(300))
        k = nearest(exponent)
        r = (exponent - k) * constant(wide, of.LN2)
        return np.float32((1.0 + fma(r * r, polynomial(r, of.EXP_SHORT), r)) * power_of_two(k))
    log, log_low = log2_in_two(x)
    exponent = y * log
    low = fma(y, log, -exponent) + y * log_low
    if n != 0:
        product = log * type(x)(-n)
        exponent, lost = exact_sum(exponent, product)
        low = low + lost + (fma(log, type(x)(-n), -product) - type(x)(n) * log_low)
    low = choose(absolute(exponent) < 1100.0, low, 0.0)
    exponent = clip(exponent, np.float64(1100))
    k = nearest(exponent)
    part = (exponent - k) + low
    r = part * constant(x, of.LN2)
    r_low = fma(part, constant(x, of.LN2), -r) + part * constant(x, of.LN2_LOW)
    half = nearest(k * 0.5)
    return (1.0 + (r + fma(r * r, polynomial(r, of.EXP), r_low))) * power_of_two(half) * power_of_two(k - half)


@helper
def real_power_less(x, y, n):
    """x**(y - n)."""
    a = absolute(x)
    none, one, infinity = type(x)(0), type(x)(1), type(x)(np.inf)
    exponent = y - type(x)(n)
    value = power_of_positive(a, y, n)
    value = choose(a == none, choose(exponent < none, infinity, none), value)
    value = choose(a == infinity, choose(exponent < none, none, infinity), value)
    value = choose(a == one, one, value)
    whole = nearest(y) == y
    half = type(x)(0.5) * y
    odd = whole & ((nearest(half) != half) != (n % 2 != 0))
    value = choose(odd, copysign(value, x), value)
    value = choose((x < none) & (a != infinity) & (nearest(y) != y), type(x)(np.nan), value)
    value = choose(np.isnan(x), x, choose(np.isnan(y), y, value))
    return choose((x == one) | (exponent == none), one, value)


@helper
def real_power(x, y):
    return real_power_less(x, y, 0)


@helper
def real_cbrt(x):
    """2**j * cbrt(2**i * m), i in (-1, 0, 1): a polynomial in m, and one step of Halley's method."""
    a = absolute(x)
    m, k = lifted_parts(a)
    j = nearest(k * constant(x, of.THIRD))
    i = k - type(x)(3) * j
    none, half, one, two = type(x)(0), type(x)(0.5), type(x)(1), type(x)(2)
    t = m * choose(i > none, two, choose(i < none, half, one))
    root, over = constant(x, of.CBRT_2), half * constant(x, of.CBRT_2) * constant(x, of.CBRT_2)
    r = polynomial(m, of.CBRT) * choose(i > none, root, choose(i < none, over, one))
    square = r * r
    cube = square * r
    excess = fma(fma(r, r, -square), r, fma(square, r, -t))
    value = fma(-r, excess / (two * cube + t), r) * power_of_two(j)
    return choose((a > none) & (a < type(x)(np.inf)), copysign(value, x), x)


@helper
def real_erfinv(x):
    """x times a polynomial in w = -log(1 - x * x), of large w in its root; for float32, through float64."""
    one = type(x)(1)
    w = -real_log((one - x) * (one + x))
    centre = polynomial(np.float64(w) - 2.5, of.ERFINV)
    tail = polynomial(np.float64(np.sqrt(w)) - 3.25, of.ERFINV_TAIL)
    value = np.float32(np.float64(x) * choose(w > type(x)(5), tail, centre))
    return choose(absolute(x) == one, copysign(type(x)(np.inf), x), value)
