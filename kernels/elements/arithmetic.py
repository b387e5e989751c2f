"""Element functions: arithmetic, rounding, choice.

Conventions of all element functions:

- The operands of a forward function are `x`, then `y` (`select` has a condition `c` before them); any other
  parameter is static. A backward function `f_vjp` (of the only operand) or `f_vjp_x`, `f_vjp_y` takes the
  cotangent `g` and, by name, what it needs of the operands, the result `out` and the static parameters.
- The caller casts each result to the primitive's dtype. Constants are written `type(x)(2)` so that float32
  stays float32 in between; a plain 2 would make it float64.
- For complex numbers a backward function returns g * conj(df/dx).
- A cotangent of zero gives zero, whatever the derivative: `scale` multiplies so.
- Linear functions have no backward function: their rule in `fastvjp/rules` names another primitive.

They run compiled and, on NumPy scalars, as plain Python; `isinstance` is decided at compile time.
"""

from __future__ import annotations

import numpy as np

from .complex_functions import complex_exp, complex_reciprocal
from .real_exponential import real_cbrt, real_log, real_power, real_power_less
from .registry import element, helper
from .scalars import choose, copysign, nearest

OUT_OF_RANGE = -(1 << 62)
"""What `normalize_index` returns for an index outside the axis: no array is so long."""


@element(result="given", cheap=True)
def astype(x, dtype):
    """Stands for the cast `dtype(x)`, which the code generator writes itself."""
    return dtype(x)


@element(cheap=True)
def copy(x):
    return x


# --- products --------------------------------------------------------------------------------------------


@element(cheap=True)
def scale(x, y):
    """The cotangent x times the conjugate of a derivative y; zero where x is, even if y is inf or nan."""
    return choose(x != 0, x * np.conj(y), type(x)(0))


@element
def scale_vjp_x(g, y):
    return scale(g, np.conj(y))


@element
def scale_vjp_y(g, x):
    """x * conj(g), zero where either is: where x is zero, so is the result for every y."""
    return choose(x != 0, np.conj(scale(g, x)), type(x)(0))


@element(cheap=True)
def add(x, y):
    return x + y


@element(cheap=True)
def subtract(x, y):
    return x - y


@element(cheap=True)
def negative(x):
    return -x


@element(cheap=True)
def multiply(x, y):
    return x * y


@element(cheap=True)
def multiply_vjp_x(g, y):
    return scale(g, y)


@element(cheap=True)
def multiply_vjp_y(g, x):
    return scale(g, x)


@element
def divide(x, y):
    return np.divide(x, y)


@element
def divide_vjp_x(g, y):
    return scale(g, np.reciprocal(y))


@element
def divide_vjp_y(g, y, out):
    return scale(g, -np.divide(out, y))


@element
def reciprocal(x):
    if isinstance(x, (complex, np.complex64)):
        return complex_reciprocal(x)
    return np.reciprocal(x)


@element
def reciprocal_vjp(g, out):
    return scale(g, -out * out)


# --- powers ----------------------------------------------------------------------------------------------


@element(cheap=True)
def square(x):
    return x * x


@element
def square_vjp(g, x):
    return scale(g, x + x)


@element
def sqrt(x):
    return np.sqrt(x)


@element
def sqrt_vjp(g, out):
    return scale(g, np.divide(type(out)(0.5), out))


@element
def rsqrt(x):
    return np.reciprocal(np.sqrt(x))


@element
def rsqrt_vjp(g, x, out):
    return scale(g, np.divide(type(out)(-0.5) * out, x))


@element
def cbrt(x):
    return real_cbrt(x)


@element
def cbrt_vjp(g, out):
    return scale(g, type(out)(1 / 3) / out / out)


@element
def power(x, y):
    """A complex number to a small whole power is a product, as in NumPy: exact for whole numbers."""
    if isinstance(x, (complex, np.complex64)):
        if x == 0 and y.real > 0:
            return type(x)(0)
        if y.imag == 0 and y.real == np.rint(y.real) and np.abs(y.real) < 100:
            return integer_power(x, int(y.real))
        return complex_exp(y * np.log(x))
    if isinstance(x, (float, np.float32)):
        return real_power(x, y)
    return whole_power(x, y)


@helper
def whole_power(x, y):
    """Power of integers, which wraps as their product does; np.power would round through float64."""
    result = type(x)(1)
    while y > type(y)(0):
        if y & type(y)(1):
            result = type(x)(result * x)
        x = type(x)(x * x)
        y = type(y)(y >> type(y)(1))
    return result


@element
def power_vjp_x(g, x, y):
    """x**0 is constant, at x == 0 too."""
    return power_less_vjp_x(g, x, y, 0)


@element
def power_vjp_y(g, x, y, out):
    """0**y is constant for y > 0, and taken to be so at y == 0; and what is 0 at infinity stays 0."""
    return power_less_vjp_y(g, x, y, out, 0)


@element
def power_less(x, y, n):
    """x**(y - n), of which derivatives of a power are made; y - n as rounded would be another exponent."""
    if isinstance(x, (float, np.float32)):
        return real_power_less(x, y, n)
    return power(x, y - type(y)(n))


@element
def power_less_vjp_x(g, x, y, n):
    slope = (y - type(y)(n)) * power_less(x, y, n + 1)
    return scale(g, choose((x == 0) & (y == n), type(x)(0), slope))


@element
def power_less_vjp_y(g, x, y, out, n):
    logarithm = real_log(x) if isinstance(x, (float, np.float32)) else np.log(x)
    return scale(g, choose((out == 0) | (x == 0) & (y.real >= n), type(x)(0), out * logarithm))


@element
def integer_power(x, n):
    """By repeated squaring, which unrolls as n is static; from x, as 1 * x upsets complex -0 and inf."""
    if n == 0:
        return type(x)(1)
    result = x
    base = x
    rest = (n if n > 0 else -n) - 1
    while rest > 0:
        if rest & 1:
            result = result * base
        base = base * base
        rest >>= 1
    return result if n > 0 else np.reciprocal(result)


@element
def integer_power_vjp(g, x, n):
    """The slope of x**0 is 0 * x**0, which has no pole."""
    return scale(g, type(x)(n) * integer_power(x, n - 1 if n != 0 else 0))


# --- larger and smaller ----------------------------------------------------------------------------------


@element(cheap=True)
def maximum(x, y):
    return np.maximum(x, y)


@element
def maximum_vjp_x(g, x, y):
    return choose(x == y, g * type(g)(0.5), choose(np.greater(x, y), g, type(g)(0)))


@element
def maximum_vjp_y(g, x, y):
    return choose(x == y, g * type(g)(0.5), choose(np.less(x, y), g, type(g)(0)))


@element(cheap=True)
def minimum(x, y):
    return np.minimum(x, y)


@element
def minimum_vjp_x(g, x, y):
    return choose(x == y, g * type(g)(0.5), choose(np.less(x, y), g, type(g)(0)))


@element
def minimum_vjp_y(g, x, y):
    return choose(x == y, g * type(g)(0.5), choose(np.greater(x, y), g, type(g)(0)))


@element(cheap=True)
def sign(x):
    """-1, 0 or 1; for complex numbers x / |x|, which has a limit if one part is infinite."""
    if isinstance(x, (complex, np.complex64)):
        u, v, size = x.real, x.imag, np.abs(x)
        if np.isinf(u) != np.isinf(v):
            u = np.copysign(1, u) if np.isinf(u) else 0
            v = np.copysign(1, v) if np.isinf(v) else 0
            size = 1
        return type(x)(complex(u / size, v / size)) if x != 0 else type(x)(0)
    if not isinstance(x, (float, np.float32)):
        return type(x)(1) if x > 0 else (type(x)(-1) if x < 0 else type(x)(0))
    return choose(x > 0, type(x)(1), choose(x < 0, type(x)(-1), choose(x == 0, type(x)(0), x)))


@element(result="real", cheap=True)
def abs(x):
    return np.abs(x)


@element
def abs_vjp(g, x):
    return scale(g, np.conj(sign(x)))


# --- integers --------------------------------------------------------------------------------------------


@element(differentiable=False)
def floor(x):
    return np.floor(x)


@element(differentiable=False)
def ceil(x):
    return np.ceil(x)


@element(differentiable=False)
def round(x):
    """To the nearest integer, halves to the even one."""
    if isinstance(x, (float, np.float32, complex, np.complex64)):
        return np.rint(x)
    return x


@element(differentiable=False)
def floor_divide(x, y):
    """0 for an integer y == 0. A float quotient is that of x less the remainder, so that the two agree."""
    if not isinstance(x, (float, np.float32)):
        return type(x)(0) if y == 0 else (-x if y == -1 else np.floor_divide(x, y))  # as lowest // -1 traps
    rest = np.fmod(x, y)
    apart = (rest != 0) & ((rest < 0) != (y < 0))
    quotient = (x - rest) / y - choose(apart, type(x)(1), type(x)(0))
    whole = choose(quotient != 0, nearest(quotient), copysign(type(x)(0), x / y))
    return choose(y == 0, x / y, choose(np.isnan(rest), rest, whole))


@element
def remainder(x, y):
    """With the sign of y; 0 for an integer y == 0. (lowest % -1 traps.)"""
    if not isinstance(x, (float, np.float32)):
        return type(x)(0) if y == 0 else (type(x)(0) if y == -1 else np.remainder(x, y))
    rest = np.fmod(x, y)
    rest_of_sign = choose((rest < 0) != (y < 0), rest + y, rest)
    return choose(rest == 0, copysign(type(x)(0), y), rest_of_sign)


@element
def remainder_vjp_y(g, x, y):
    return scale(g, -floor_divide(x, y))


@element(differentiable=False, cheap=True)
def normalize_index(x, size):
    """An int64 index from the front; OUT_OF_RANGE where it is none."""
    index = x + size if x < 0 else x
    return index if 0 <= index < size else type(x)(OUT_OF_RANGE)


@element(cheap=True)
def select(c, x, y):
    return choose(c, x, y)
