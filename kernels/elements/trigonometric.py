"""Element functions: trigonometric, hyperbolic and their inverses. Conventions: see arithmetic.py.

Derivatives of the inverse functions have branch cuts. There `x - type(x)(-1)` says x + 1 in a way that keeps
the sign of a zero imaginary part, which tells the side of the cut.

A helper `<f>_near` is what generated loops call for the element function `f` first: see real_trigonometric.py.
"""

from __future__ import annotations

import numpy as np

from .arithmetic import scale
from .complex_functions import (
    complex_arccos,
    complex_arcsinh,
    complex_arctanh,
    complex_cosh,
    complex_sinh,
    complex_tanh,
    complex_tanh_slope,
    turned,
    turned_back,
)
from .real_exponential import real_tanh, real_tanh_slope
from .real_trigonometric import (
    FLAT,
    bessel_recurrence,
    bessel_series,
    cosine,
    cosine_near,
    real_arccos,
    real_arccosh,
    real_arcsin,
    real_arcsinh,
    real_arctan,
    real_arctan2,
    real_arctanh,
    real_cosh,
    real_hypot,
    real_hypot_slope,
    real_inversion,
    real_sinh,
    real_third_side,
    sine,
    sine_near,
    tangent,
    tangent_near,
)
from .registry import element, helper
from .scalars import absolute, choose, constant, copysign, fma


@element
def sin(x):
    if isinstance(x, (float, np.float32)):
        return sine(x)
    return turned_back(complex_sinh(turned(x)))


@helper
def sin_near(x):
    return sine_near(x)


@element
def sin_vjp(g, x):
    return scale(g, cos(x))


@helper
def sin_vjp_near(g, x):
    return scale(g, cosine_near(x))


@element
def cos(x):
    if isinstance(x, (float, np.float32)):
        return cosine(x)
    return complex_cosh(turned(x))


@helper
def cos_near(x):
    return cosine_near(x)


@element
def cos_vjp(g, x):
    return scale(g, -sin(x))


@helper
def cos_vjp_near(g, x):
    return scale(g, -sine_near(x))


@element
def tan(x):
    if isinstance(x, (float, np.float32)):
        return tangent(x)
    return turned_back(complex_tanh(turned(x)))


@helper
def tan_near(x):
    return tangent_near(x)


@element
def tan_vjp(g, x, out):
    """Far from the real line 1 + tan(x)**2 has no digits left."""
    if isinstance(x, (complex, np.complex64)):
        return scale(g, tanh_slope(turned(x)))
    return scale(g, type(out)(1) + out * out)


@element
def spherical_bessel(x, n):
    """j_n: sin(x) / x for n = 0. Their derivatives are made of them, so that none is a quotient near 0."""
    near = np.abs(x) < n + 1
    return choose(near, bessel_series(x, n), bessel_recurrence(x, n, sin(x), cos(x)))


@element
def spherical_bessel_vjp(g, x, n):
    above = spherical_bessel(x, n + 1)
    if n == 0:
        return scale(g, -above)
    below = spherical_bessel(x, n - 1)
    return scale(g, (type(x)(n) * below - type(x)(n + 1) * above) * type(x)(1 / (2 * n + 1)))


# --- right triangles -------------------------------------------------------------------------------------


@element
def hypot(x, y):
    return real_hypot(x, y)


@element
def hypot_vjp_x(g, x, y):
    return scale(g, real_hypot_slope(x, y))


@element
def hypot_vjp_y(g, x, y):
    return scale(g, real_hypot_slope(y, x))


@element
def hypot_slope(x, y):
    """x / hypot(x, y), a cosine; 0 at the origin."""
    return real_hypot_slope(x, y)


@element
def hypot_slope_vjp_x(g, x, y):
    return scale(g, real_hypot_slope(y, x) * real_inversion(y, x))


@element
def hypot_slope_vjp_y(g, x, y, out):
    return scale(g, -out * real_inversion(y, x))


@element
def inversion(x, y):
    """x / (x * x + y * y), the real part of 1 / (x - i y), of which derivatives are powers; 0 at the origin."""
    return real_inversion(x, y)


@element
def inversion_vjp_x(g, x, y, out):
    other = real_inversion(y, x)
    return scale(g, (other - out) * (other + out))


@element
def inversion_vjp_y(g, x, y, out):
    return scale(g, type(x)(-2) * out * real_inversion(y, x))


@element
def third_side(x, sign):
    """sqrt(1 + sign * x * x) of a `sign` that is 1 or -1: what slopes of inverse functions are made of."""
    if isinstance(x, (complex, np.complex64)):
        t = turned(x) if sign > 0 else x
        return np.sqrt(-(t - type(x)(1))) * np.sqrt(t - type(x)(-1))
    return real_third_side(x, sign)


@element
def third_side_vjp(g, x, out, sign):
    if isinstance(x, (complex, np.complex64)):
        return scale(g, np.divide(type(x)(sign) * x, out))
    if sign < 0:
        return scale(g, -x / out)
    return scale(g, choose(absolute(x) > constant(x, FLAT), copysign(type(x)(1), x), x / out))


# --- inverse ---------------------------------------------------------------------------------------------


@helper
def over_one_less_square(x):
    """1 / (1 - x * x)."""
    if isinstance(x, (complex, np.complex64)):
        return np.reciprocal(type(x)(1) - x) * np.reciprocal(type(x)(1) + x)
    return np.reciprocal((type(x)(1) - x) * (type(x)(1) + x))


@element
def arcsin(x):
    if isinstance(x, (float, np.float32)):
        return real_arcsin(x)
    return turned_back(complex_arcsinh(turned(x)))


@element
def arcsin_vjp(g, x):
    return scale(g, np.reciprocal(third_side(x, -1)))


@element
def arccos(x):
    if isinstance(x, (float, np.float32)):
        return real_arccos(x)
    return complex_arccos(x)


@element
def arccos_vjp(g, x):
    return scale(g, -np.reciprocal(third_side(x, -1)))


@element
def arctan(x):
    if isinstance(x, (float, np.float32)):
        return real_arctan(x)
    return turned_back(complex_arctanh(turned(x)))


@element
def arctan_vjp(g, x):
    """1 / (1 + x * x), of a large x as 1 / x / x."""
    if isinstance(x, (complex, np.complex64)):
        return scale(g, over_one_less_square(turned(x)))
    far = absolute(x) > constant(x, FLAT)
    over = np.reciprocal(choose(far, x, fma(x, x, type(x)(1))))
    return scale(g, choose(far, over * over, over))


@element
def arctan2(x, y):
    """The angle of the point with ordinate x and abscissa y."""
    if isinstance(x, (float, np.float32)):
        return real_arctan2(x, y)
    return np.arctan2(x, y)


@element
def arctan2_vjp_x(g, x, y):
    """y / (x*x + y*y); zero at the origin and at infinity."""
    return scale(g, real_inversion(y, x))


@element
def arctan2_vjp_y(g, x, y):
    """-x / (x*x + y*y), likewise."""
    return scale(g, real_inversion(-x, y))


# --- hyperbolic ------------------------------------------------------------------------------------------


@element
def sinh(x):
    if isinstance(x, (float, np.float32)):
        return real_sinh(x)
    return complex_sinh(x)


@element
def sinh_vjp(g, x):
    return scale(g, cosh(x))


@element
def cosh(x):
    if isinstance(x, (float, np.float32)):
        return real_cosh(x)
    return complex_cosh(x)


@element
def cosh_vjp(g, x):
    return scale(g, sinh(x))


@element
def tanh(x):
    if isinstance(x, (float, np.float32)):
        return real_tanh(x)
    return complex_tanh(x)


@element
def tanh_vjp(g, x):
    return scale(g, tanh_slope(x))


@element
def tanh_slope(x):
    """1 / cosh(x)**2."""
    if isinstance(x, (complex, np.complex64)):
        return complex_tanh_slope(x)
    return real_tanh_slope(x)


@element
def tanh_slope_vjp(g, x, out):
    return scale(g, type(x)(-2) * out * tanh(x))


@element
def arcsinh(x):
    if isinstance(x, (float, np.float32)):
        return real_arcsinh(x)
    return complex_arcsinh(x)


@element
def arcsinh_vjp(g, x):
    return scale(g, np.reciprocal(third_side(x, 1)))


@element
def arccosh(x):
    """Complex: i arccos(x) or -i arccos(x), as other forms err on the lower side of the cut."""
    if isinstance(x, (complex, np.complex64)):
        angle = complex_arccos(x)
        return type(x)(complex(np.abs(angle.imag), np.copysign(angle.real, x.imag)))
    return real_arccosh(x)


@element
def arccosh_vjp(g, x):
    return scale(g, np.reciprocal(np.sqrt(x - type(x)(1)) * np.sqrt(x - type(x)(-1))))


@element
def arctanh(x):
    if isinstance(x, (float, np.float32)):
        return real_arctanh(x)
    return complex_arctanh(x)


@element
def arctanh_vjp(g, x):
    return scale(g, over_one_less_square(x))
