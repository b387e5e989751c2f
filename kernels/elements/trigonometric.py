"""Element functions: trigonometric, hyperbolic and their inverses. Conventions: see arithmetic.py.

Derivatives of the inverse functions have branch cuts. There `x - type(x)(-1)` says x + 1 in a way that keeps
the sign of a zero imaginary part, which tells the side of the cut.

A helper `<f>_near` is what generated loops call for the element function `f` first: see real_trigonometric.py.
"""

from __future__ import annotations

import numpy as np

from .arithmetic import scale
from .real_exponential import real_tanh
from .real_trigonometric import (
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
    real_sinh,
    sine,
    sine_near,
    tangent,
    tangent_near,
)
from .registry import element, helper


@element
def sin(x):
    if isinstance(x, (float, np.float32)):
        return sine(x)
    return np.sin(x)


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
    return np.cos(x)


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
    return np.tan(x)


@helper
def tan_near(x):
    return tangent_near(x)


@element
def tan_vjp(g, out):
    return scale(g, type(out)(1) + out * out)


@element
def arcsin(x):
    if isinstance(x, (float, np.float32)):
        return real_arcsin(x)
    return np.arcsin(x)


@helper
def arcsin_slope(x):
    if isinstance(x, (float, np.float32)):
        return np.reciprocal(np.sqrt((type(x)(1) - x) * (type(x)(1) + x)))
    return np.reciprocal(np.sqrt(-((x - type(x)(1)) * (x - type(x)(-1)))))


@element
def arcsin_vjp(g, x):
    return scale(g, arcsin_slope(x))


@element
def arccos(x):
    if isinstance(x, (float, np.float32)):
        return real_arccos(x)
    return np.arccos(x)


@element
def arccos_vjp(g, x):
    return scale(g, -arcsin_slope(x))


@element
def arctan(x):
    if isinstance(x, (float, np.float32)):
        return real_arctan(x)
    return np.arctan(x)


@element
def arctan_vjp(g, x):
    return scale(g, np.reciprocal(type(x)(1) + x * x))


@element
def arctan2(x, y):
    """The angle of the point with ordinate x and abscissa y."""
    if isinstance(x, (float, np.float32)):
        return real_arctan2(x, y)
    return np.arctan2(x, y)


@element
def arctan2_vjp_x(g, x, y):
    """y / (x*x + y*y), scaled against overflow; zero at the origin and at infinity."""
    size = np.maximum(np.abs(x), np.abs(y))
    u = x / size
    v = y / size
    return scale(g, type(x)(0) if size == 0 or np.isinf(size) else v / (u * u + v * v) / size)


@element
def arctan2_vjp_y(g, x, y):
    """-x / (x*x + y*y), likewise."""
    size = np.maximum(np.abs(x), np.abs(y))
    u = x / size
    v = y / size
    return scale(g, type(x)(0) if size == 0 or np.isinf(size) else -u / (u * u + v * v) / size)


@element
def sinh(x):
    if isinstance(x, (float, np.float32)):
        return real_sinh(x)
    return np.sinh(x)


@element
def sinh_vjp(g, x):
    return scale(g, cosh(x))


@element
def cosh(x):
    if isinstance(x, (float, np.float32)):
        return real_cosh(x)
    return np.cosh(x)


@element
def cosh_vjp(g, x):
    return scale(g, sinh(x))


@element
def tanh(x):
    """Complex: -i tan(i x), as Numba's own overflows at large real parts."""
    if isinstance(x, (complex, np.complex64)):
        turned = np.tan(type(x)(complex(-x.imag, x.real)))
        return type(x)(complex(turned.imag, -turned.real))
    return real_tanh(x)


@element
def tanh_vjp(g, out):
    return scale(g, type(out)(1) - out * out)


@element
def arcsinh(x):
    if isinstance(x, (float, np.float32)):
        return real_arcsinh(x)
    return np.arcsinh(x)


@element
def arcsinh_vjp(g, x):
    return scale(g, np.reciprocal(np.sqrt(x * x - type(x)(-1))))


@element
def arccosh(x):
    """Complex: i arccos(x) or -i arccos(x), as Numba's own errs on the lower side of the cut."""
    if isinstance(x, (complex, np.complex64)):
        turned = np.arccos(x)
        return type(x)(complex(np.abs(turned.imag), np.copysign(turned.real, x.imag)))
    return real_arccosh(x)


@element
def arccosh_vjp(g, x):
    return scale(g, np.reciprocal(np.sqrt(x - type(x)(1)) * np.sqrt(x - type(x)(-1))))


@element
def arctanh(x):
    if isinstance(x, (float, np.float32)):
        return real_arctanh(x)
    return np.arctanh(x)


@element
def arctanh_vjp(g, x):
    return scale(g, np.reciprocal((type(x)(1) - x) * (type(x)(1) + x)))
