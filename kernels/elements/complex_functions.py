"""Exponential, hyperbolic and other functions of complex numbers, and what the inverse ones give for nan.

Infinite and nan parts are those of C99's annex G, and so NumPy's; an infinite factor beside a part that is 0 does
not make it nan, and a product that is finite is so though one of its factors overflows.
"""

from __future__ import annotations

import numpy as np

from . import polynomials as of
from .real_exponential import real_exp, real_expm1, real_log1p, real_tanh
from .real_trigonometric import cosine, real_arcsinh, real_arctan2, real_cosh, real_sinh, sine, tangent
from .registry import helper
from .scalars import absolute, choose, constant, copysign, fma

OVERFLOWING = (80.0, 700.0)
"""Beyond it exp may overflow; of half of it the square root of the largest number is not reached."""
FLAT_TANH = (10.0, 22.0)
"""Beyond it tanh is 1 but for exp(-2 |x|)."""
HUGE = (8e37, 4e307)
"""Half of a larger number does not overflow when it is added to another, ..."""
ROOT_HUGE = (9e18, 6e153)
"""... and the square of a number beyond this does."""
ROOT_TINY = (1e-18, 1e-153)
"""The square of a smaller number is not normal."""
LOG_4 = (1.3862943611198906, 1.3862943611198906)


@helper
def turned(x):
    """i x, without a product that infinities could make nan."""
    return type(x)(complex(-x.imag, x.real))


@helper
def turned_back(x):
    """-i x."""
    return type(x)(complex(x.imag, -x.real))


@helper
def exp_times(u, x):
    """exp(u) * x for |x| up to 1, where exp(u) may overflow."""
    if u > constant(u, OVERFLOWING):
        half = real_exp(u * type(u)(0.5))
        return (half * x) * half
    return real_exp(u) * x


@helper
def complex_reciprocal(x):
    """Smith's quotient, in which parts that are 0 have NumPy's signs: they tell the side of a cut."""
    u, v = x.real, x.imag
    if absolute(u) >= absolute(v):
        ratio = v / u
        under = u + v * ratio
        return type(x)(complex(type(u)(1) / under, -ratio / under))
    ratio = u / v
    under = v + u * ratio
    return type(x)(complex(ratio / under, type(u)(-1) / under))


@helper
def complex_quotient(x, y):
    """Smith's algorithm (Communications of the ACM 5, 1962): squares of the parts of y may overflow."""
    a, b, u, v = x.real, x.imag, y.real, y.imag
    if absolute(u) >= absolute(v):
        if u == 0 and v == 0:
            return type(x)(complex(a / absolute(u), b / absolute(u)))
        ratio = v / u
        scale = type(u)(1) / (u + v * ratio)
        return type(x)(complex((a + b * ratio) * scale, (b - a * ratio) * scale))
    ratio = u / v
    scale = type(u)(1) / (v + u * ratio)
    return type(x)(complex((a * ratio + b) * scale, (b * ratio - a) * scale))


@helper
def log_of_complex(x):
    """log |x| and the angle."""
    return type(x)(complex(log_of_size(x), np.arctan2(x.imag, x.real)))


@helper
def log_of_size(x):
    """log |x|; near the unit circle, where |x|, rounded, would keep few digits of it, by |x|**2 - 1."""
    size = np.abs(x)
    if size > type(size)(0.5) and size < type(size)(2):
        u, v = absolute(x.real), absolute(x.imag)
        larger, smaller = choose(u > v, u, v), choose(u > v, v, u)
        beyond = (larger - type(u)(1)) * (larger + type(u)(1)) + smaller * smaller
        return real_log1p(beyond) * type(u)(0.5)
    return np.log(size)


@helper
def log2_of_complex(x):
    return log_times(x, constant(x.real, of.LOG2_E))


@helper
def log10_of_complex(x):
    return log_times(x, constant(x.real, of.LOG10_E))


@helper
def log_times(x, factor):
    """log x for another base."""
    found = log_of_complex(x)
    return type(x)(complex(found.real * factor, found.imag * factor))


@helper
def log1p_of_complex(x):
    """Of 1 + x, rounded."""
    return log_of_complex(type(x)(complex(type(x.real)(1) + x.real, x.imag)))


@helper
def sqrt_of_complex(x):
    """By the part of |x| that is as far from cancelling as it can; what overflows is scaled down first.

    Values at infinity and nan are those of C99's annex G.
    """
    u, v = x.real, x.imag
    if np.isinf(v):
        return type(x)(complex(absolute(v), v))
    if u == 0 and v == 0:
        return type(x)(complex(0, v))
    if np.isinf(u):
        rest = v - v
        if u > 0:
            return type(x)(complex(u, copysign(rest, v)))
        return type(x)(complex(absolute(rest), copysign(u, v)))
    large = absolute(u) > constant(u, HUGE) or absolute(v) > constant(u, HUGE)
    scale = choose(large, type(u)(0.25), type(u)(1))
    a, b = absolute(u) * scale, v * scale
    root = np.sqrt((a + np.abs(type(x)(complex(a, b)))) * type(u)(0.5))
    other, back = absolute(b) / (root + root), choose(large, type(u)(2), type(u)(1))
    if u >= 0 or np.isnan(u):
        return type(x)(complex(root * back, copysign(other * back, v)))
    return type(x)(complex(other * back, copysign(root * back, v)))


@helper
def log_of_large(x):
    """log of twice a number whose size may overflow."""
    half = type(x)(complex(x.real * type(x.real)(0.5), x.imag * type(x.real)(0.5)))
    return np.log(np.abs(half)) + constant(x.real, LOG_4)


@helper
def arcsinh_of_complex(x):
    """By two square roots, after Kahan (Branch cuts for complex elementary functions, 1987)."""
    u, v = x.real, x.imag
    if absolute(u) > constant(u, HUGE) or absolute(v) > constant(u, HUGE):
        return type(x)(complex(copysign(log_of_large(x), u), np.arctan2(v, absolute(u))))
    one = type(u)(1)
    s, t = sqrt_of_complex(type(x)(complex(one + v, -u))), sqrt_of_complex(type(x)(complex(one - v, u)))
    real = real_arcsinh(s.real * t.imag - t.real * s.imag)
    return type(x)(complex(real, np.arctan2(v, s.real * t.real - s.imag * t.imag)))


@helper
def arccos_of_complex(x):
    """Likewise."""
    u, v = x.real, x.imag
    if absolute(u) > constant(u, HUGE) or absolute(v) > constant(u, HUGE):
        return type(x)(complex(np.arctan2(absolute(v), u), copysign(log_of_large(x), -v)))
    one = type(u)(1)
    s, t = sqrt_of_complex(type(x)(complex(one - u, -v))), sqrt_of_complex(type(x)(complex(one + u, v)))
    imaginary = real_arcsinh(t.real * s.imag - t.imag * s.real)
    return type(x)(complex(type(u)(2) * np.arctan2(s.real, t.real), imaginary))


@helper
def arctanh_of_complex(x):
    """Likewise; nan parts are the caller's."""
    u, v = x.real, x.imag
    a, one, half = absolute(u), type(u)(1), type(u)(0.5)
    if a > constant(u, ROOT_HUGE) or absolute(v) > constant(u, ROOT_HUGE):
        size = np.abs(type(x)(complex(u * half, v * half)))
        real = type(u)(0) if np.isinf(size) else absolute(u) / type(u)(4) / size / size
        return type(x)(complex(copysign(real, u), copysign(constant(u, of.PI_2), v)))
    if a == one and absolute(v) < constant(u, ROOT_TINY):
        if v == 0:
            return type(x)(complex(copysign(type(u)(np.inf), u), v))
        real = half * (constant(u, of.LN2) + constant(u, of.LN2_LOW) - np.log(absolute(v)))
        return type(x)(complex(copysign(real, u), half * np.arctan2(copysign(type(v)(2), v), -absolute(v))))
    square = v * v
    real = real_log1p(type(u)(4) * a / ((one - a) * (one - a) + square)) / type(u)(4)
    angle = half * np.arctan2(type(u)(2) * v, (one - a) * (one + a) - square)
    return type(x)(complex(copysign(real, u), angle))


@helper
def complex_exp(x):
    u, v = x.real, x.imag
    if v == 0:
        return type(x)(complex(real_exp(u), v))
    if np.isinf(u) and not np.isfinite(v):
        return type(x)(complex(u, np.nan) if u > 0 else complex(0, copysign(type(u)(0), v)))
    return type(x)(complex(exp_times(u, cosine(v)), exp_times(u, sine(v))))


@helper
def complex_expm1(x):
    """exp(u) * cos(v) - 1 without the loss of digits near 0."""
    u, v = x.real, x.imag
    if u > constant(u, OVERFLOWING):
        return complex_exp(x)
    if np.isinf(u) and not np.isfinite(v):
        return type(x)(complex(-1, copysign(type(v)(0), v)))
    half = sine(v * type(v)(0.5))
    real = real_expm1(u) * cosine(v) - (half * half + half * half)
    return type(x)(complex(real, real_exp(u) * sine(v) if v != 0 else v))


@helper
def complex_log1p(x):
    """Near 0 by log1p of |1 + x|**2 - 1, where NumPy's loses the digits of the real part."""
    u, v = x.real, x.imag
    half = type(u)(0.5)
    if absolute(u) < half and absolute(v) < half:
        square = fma(v, v, u * (type(u)(2) + u))
        return type(x)(complex(half * real_log1p(square), real_arctan2(v, type(u)(1) + u)))
    return np.log1p(x)


@helper
def complex_sinh(x):
    u, v = x.real, x.imag
    if v == 0:
        return type(x)(complex(real_sinh(u), v))
    if not np.isfinite(v) and (u == 0 or np.isinf(u)):
        return type(x)(complex(u if u == 0 else absolute(u), np.nan))
    a, c, s = absolute(u), cosine(v), sine(v)
    if a > constant(u, OVERFLOWING):
        half = type(u)(0.5)
        return type(x)(complex(copysign(half, u) * exp_times(a, c), half * exp_times(a, s)))
    return type(x)(complex(real_sinh(u) * c, real_cosh(u) * s))


@helper
def complex_cosh(x):
    u, v = x.real, x.imag
    if v == 0:
        return type(x)(complex(real_cosh(u), copysign(type(u)(1), u) * v))
    if not np.isfinite(v) and (u == 0 or np.isinf(u)):
        return type(x)(complex(np.nan, 0) if u == 0 else complex(absolute(u), np.nan))
    a, c, s = absolute(u), cosine(v), sine(v)
    if a > constant(u, OVERFLOWING):
        half = type(u)(0.5)
        return type(x)(complex(half * exp_times(a, c), copysign(half, u) * exp_times(a, s)))
    return type(x)(complex(real_cosh(u) * c, real_sinh(u) * s))


@helper
def complex_tanh(x):
    """Kahan's formula, in tan of the imaginary and sinh of the real part; far out the start of its series."""
    u, v = x.real, x.imag
    one = type(u)(1)
    if v == 0 or (u == 0 and not np.isfinite(v)):
        return type(x)(complex(real_tanh(u), v if v == 0 else np.nan))
    a = absolute(u)
    if np.isinf(u) and not np.isfinite(v):
        return type(x)(complex(copysign(one, u), copysign(type(v)(0), v)))
    if a > constant(u, FLAT_TANH) and np.isfinite(v):
        return type(x)(complex(copysign(one, u), type(u)(4) * real_exp(-(a + a)) * (sine(v) * cosine(v))))
    t, s = tangent(v), real_sinh(u)
    steep = one + t * t
    under = one + steep * s * s
    return type(x)(complex(steep * np.sqrt(one + s * s) * s / under, t / under))


@helper
def complex_tanh_slope(x):
    """1 / cosh(x)**2, of cosh by its parts: exponential functions would cancel near the poles of tanh."""
    u, v = x.real, x.imag
    a, c, s = absolute(u), cosine(v), sine(v)
    if np.isinf(u):
        return type(x)(complex(0, 0))
    if a > constant(u, FLAT_TANH):
        size = type(u)(4) * real_exp(-(a + a))
        return type(x)(complex(size * ((c - s) * (c + s)), copysign(size, -u) * (type(u)(2) * c * s)))
    half = real_sinh(u)
    over = complex_reciprocal(type(x)(complex(np.sqrt(type(u)(1) + half * half) * c, half * s)))
    return over * over


@helper
def complex_arctanh(x):
    u, v = x.real, x.imag
    if np.isnan(u) or np.isnan(v):
        if np.isinf(v):
            return type(x)(complex(0, copysign(constant(v, of.PI_2), v)))
        return type(x)(complex(copysign(type(u)(0), u) if u == 0 or np.isinf(u) else np.nan, np.nan))
    return np.arctanh(x)


@helper
def complex_arcsinh(x):
    if np.isnan(x.real) and x.imag == 0:
        return x
    return np.arcsinh(x)


@helper
def complex_arccos(x):
    if x.real == 0 and np.isnan(x.imag):
        return type(x)(complex(constant(x.real, of.PI_2), np.nan))
    return np.arccos(x)
