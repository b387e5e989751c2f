"""Element functions: comparisons, tests, logic, bits; no derivatives. Conventions: see arithmetic.py."""

from __future__ import annotations

import numpy as np

from .registry import element


@element(result="bool", cheap=True)
def equal(x, y):
    return x == y


@element(result="bool", cheap=True)
def not_equal(x, y):
    return x != y


@element(result="bool", cheap=True)
def less(x, y):
    """Complex numbers compare by real, then by imaginary part, as in NumPy."""
    return np.less(x, y)


@element(result="bool", cheap=True)
def less_equal(x, y):
    return np.less_equal(x, y)


@element(result="bool", cheap=True)
def greater(x, y):
    return np.greater(x, y)


@element(result="bool", cheap=True)
def greater_equal(x, y):
    return np.greater_equal(x, y)


@element(result="bool", cheap=True)
def isnan(x):
    return np.isnan(x)


@element(result="bool", cheap=True)
def isinf(x):
    return np.isinf(x)


@element(result="bool", cheap=True)
def isfinite(x):
    return np.isfinite(x)


@element(result="bool", cheap=True)
def signbit(x):
    return np.signbit(x)


@element(result="bool", cheap=True)
def logical_not(x):
    return np.logical_not(x)


@element(result="bool", cheap=True)
def logical_and(x, y):
    return np.logical_and(x, y)


@element(result="bool", cheap=True)
def logical_or(x, y):
    return np.logical_or(x, y)


@element(differentiable=False)
def bitwise_and(x, y):
    return x & y


@element(differentiable=False)
def bitwise_or(x, y):
    return x | y


@element(differentiable=False)
def bitwise_xor(x, y):
    return x ^ y


@element(differentiable=False)
def bitwise_invert(x):
    return ~x


@element(differentiable=False)
def left_shift(x, y):
    """Nothing is left by a shift of the width or more, or below 0. (Compiled, integers are 64 bits wide.)"""
    return x << y if 0 <= y < 64 else type(x)(0)


@element(differentiable=False)
def right_shift(x, y):
    """Likewise leaves copies of the sign bit."""
    return x >> y if 0 <= y < 64 else (type(x)(-1) if x < 0 else type(x)(0))
