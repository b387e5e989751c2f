"""Element functions: comparisons, tests, logic, bits; no derivatives. Conventions: see arithmetic.py."""

from __future__ import annotations

import numpy as np

from .registry import element


@element
def equal(x, y):
    return x == y


@element
def not_equal(x, y):
    return x != y


@element
def less(x, y):
    """Complex numbers compare by real, then by imaginary part, as in NumPy."""
    return np.less(x, y)


@element
def less_equal(x, y):
    return np.less_equal(x, y)


@element
def greater(x, y):
    return np.greater(x, y)


@element
def greater_equal(x, y):
    return np.greater_equal(x, y)


@element
def isnan(x):
    return np.isnan(x)


@element
def isinf(x):
    return np.isinf(x)


@element
def isfinite(x):
    return np.isfinite(x)


@element
def logical_not(x):
    return np.logical_not(x)


@element
def logical_and(x, y):
    return np.logical_and(x, y)


@element
def logical_or(x, y):
    return np.logical_or(x, y)


@element
def bitwise_and(x, y):
    return x & y


@element
def bitwise_or(x, y):
    return x | y


@element
def bitwise_xor(x, y):
    return x ^ y


@element
def bitwise_invert(x):
    return ~x


@element
def left_shift(x, y):
    """Nothing is left by a shift of the width or more, or below 0. (Compiled, integers are 64 bits wide.)"""
    return x << y if 0 <= y < 64 else type(x)(0)


@element
def right_shift(x, y):
    """Likewise leaves copies of the sign bit."""
    return x >> y if 0 <= y < 64 else (type(x)(-1) if x < 0 else type(x)(0))
