"""Scalar operations that Python lacks, for float32 and float64; native/scalar_instructions.py compiles them.

They are what branch-free element functions are made of: every one becomes vector instructions in a loop.
A constant or a list of coefficients is a pair, of what float32 takes and what float64 takes.
"""

from __future__ import annotations

import math

import numpy as np

from .registry import operation


@operation
def constant(x, pair):
    """The constant of x's type."""
    return np.float32(pair[0]) if isinstance(x, np.float32) else np.float64(pair[1])


@operation
def choose(c, x, y):
    """Select x or y, both computed already: never a branch."""
    return x if c else y


@operation
def fma(x, y, z):
    """x * y + z, rounded once."""
    if isinstance(x, np.float32):
        return np.float32(np.float64(x) * np.float64(y) + np.float64(z))
    if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z)) or x == 0 or y == 0:
        return x * y + z
    from fractions import Fraction  # for plain Python alone

    exact = Fraction(float(x)) * Fraction(float(y)) + Fraction(float(z))
    if exact == 0:
        return x * y + z
    try:
        return np.float64(float(exact))
    except OverflowError:
        return np.float64(math.inf if exact > 0 else -math.inf)


@operation
def polynomial(x, pair):
    """Value at x of the polynomial with these coefficients, the highest first, by Estrin's scheme."""
    terms = [type(x)(c) for c in reversed(pair[0] if isinstance(x, np.float32) else pair[1])]
    while len(terms) > 1:
        pairs = [fma(high, x, low) for low, high in zip(terms[::2], terms[1::2], strict=False)]
        terms, x = pairs + terms[len(pairs) * 2 :], x * x
    return terms[0]


@operation
def copysign(x, y):
    """Magnitude of x, sign of y."""
    return np.copysign(x, y)


@operation
def absolute(x):
    """Clear the sign."""
    return np.abs(x)


@operation
def nearest(x):
    """Nearest integer, halves to the even one."""
    return np.rint(x)


@operation
def power_of_two(k):
    """2**k for a whole k in the range of normal exponents; anything for another k."""
    return np.ldexp(type(k)(1), int(min(max(k, -9999), 9999))) if np.isfinite(k) else k


@operation
def is_odd(k):
    """Whether a whole k of moderate size is odd; anything for another k."""
    return bool(int(k) & 1) if np.isfinite(k) else False


@operation
def mantissa_exponent(x):
    """m in [sqrt(1/2), sqrt(2)) and a whole k with x == m * 2**k; anything unless x is positive and normal."""
    if not (np.isfinite(x) and x > 0):
        return x, x
    m, k = np.frexp(x)
    low = m < np.sqrt(type(x)(0.5))
    return type(x)(2 * m if low else m), type(x)(k - 1 if low else k)


@operation
def ordered(x):
    """A real floating number as an integer in the same order, -0 as 0 and nan the largest; else x itself."""
    if not isinstance(x, np.floating):
        return x
    signed = np.int32 if isinstance(x, np.float32) else np.int64
    bits, largest = (x + type(x)(0)).view(signed), np.iinfo(signed).max
    return signed(largest) if np.isnan(x) else bits ^ signed(largest) if bits < 0 else bits


# --- numbers of 16 bits, which are float32 while they are computed with -----------------------------------


def _single(x):
    """A real number as float32; a float64 is rounded to odd, so that rounding again is rounding once."""
    near = np.float32(x)
    if not isinstance(x, np.float64) or np.isnan(x) or near == x:
        return near
    bits = near.view(np.uint32)
    return ((bits - 1 if abs(near) > abs(x) else bits) | np.uint32(1)).view(np.float32)


@operation
def float16_bits(x):
    """Bits of the float16 nearest to x, of two the even one."""
    return np.float16(_single(x)).view(np.uint16)


@operation
def float16_of(bits):
    """The float16 of these bits, as float32."""
    return np.float32(np.uint16(bits).view(np.float16))


@operation
def float16(x):
    """The float16 nearest to x, as float32."""
    return np.float32(np.float16(_single(x)))


@operation
def bfloat16_bits(x):
    """Bits of the bfloat16 nearest to x, of two the even one."""
    import ml_dtypes

    return ml_dtypes.bfloat16(_single(x)).view(np.uint16)


@operation
def bfloat16_of(bits):
    """The bfloat16 of these bits, as float32."""
    import ml_dtypes

    return np.float32(np.uint16(bits).view(ml_dtypes.bfloat16))


@operation
def bfloat16(x):
    """The bfloat16 nearest to x, as float32."""
    import ml_dtypes

    return np.float32(ml_dtypes.bfloat16(_single(x)))
