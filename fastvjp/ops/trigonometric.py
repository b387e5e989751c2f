"""Trigonometric and hyperbolic functions.

Operands broadcast against one another and are promoted as in NumPy 2: see `elementwise`.
"""

from __future__ import annotations

import math

import numpy as np

from ..arrays.array import array
from ..arrays.calls import binary, unary
from ..arrays.emit import cast
from ..arrays.public import public
from ..core.avals import inexact
from .arithmetic import multiply
from .common import ArrayLike, as_array, require
from .elementwise import floating, floating2


@public(unary, numpy=np.sin, method=True)
def sin(a: ArrayLike) -> array:
    """Sine of an angle in radians, floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.sin(fastvjp.array([0.0, 1.0]))
        array([0, 0.841471], dtype=float32)
    """
    return floating("sin", a)


@public(unary, numpy=np.cos, method=True)
def cos(a: ArrayLike) -> array:
    """Cosine of an angle in radians, floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.cos(fastvjp.array([0.0, 1.0]))
        array([1, 0.540302], dtype=float32)
    """
    return floating("cos", a)


@public(unary, numpy=np.tan)
def tan(a: ArrayLike) -> array:
    """Tangent of an angle in radians, floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.tan(fastvjp.array([0.0, 1.0]))
        array([0, 1.55741], dtype=float32)
    """
    return floating("tan", a)


@public(unary, numpy=np.arcsin)
def arcsin(a: ArrayLike) -> array:
    """Inverse sine in [-pi/2, pi/2], floating; nan for real numbers outside [-1, 1].

    Example:
        >>> import fastvjp
        >>> fastvjp.arcsin(fastvjp.array([0.0, 1.0]))
        array([0, 1.5708], dtype=float32)
    """
    return floating("arcsin", a)


@public(unary, numpy=np.arccos)
def arccos(a: ArrayLike) -> array:
    """Inverse cosine in [0, pi], floating; nan for real numbers outside [-1, 1].

    Example:
        >>> import fastvjp
        >>> fastvjp.arccos(fastvjp.array([0.0, 1.0]))
        array([1.5708, 0], dtype=float32)
    """
    return floating("arccos", a)


@public(unary, numpy=np.arctan)
def arctan(a: ArrayLike) -> array:
    """Inverse tangent in [-pi/2, pi/2], floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.arctan(fastvjp.array([0.0, 1.0]))
        array([0, 0.785398], dtype=float32)
    """
    return floating("arctan", a)


@public(binary, numpy=np.arctan2)
def arctan2(a: ArrayLike, b: ArrayLike) -> array:
    """Angle in [-pi, pi] of the point with abscissa `b` and ordinate `a`, both real, floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.arctan2(fastvjp.array([0.0, 1.0]), fastvjp.array([-1.0, 0.0]))
        array([3.14159, 1.5708], dtype=float32)
    """
    return floating2("arctan2", a, b, "f")


@public(binary, numpy=np.hypot)
def hypot(a: ArrayLike, b: ArrayLike) -> array:
    """The longest side `sqrt(a*a + b*b)` of a right triangle, both operands real, floating, without overflow.

    Its derivatives at the origin are 0, as those of a norm.

    Example:
        >>> import fastvjp
        >>> fastvjp.hypot(fastvjp.array([3.0, 1e30]), fastvjp.array([4.0, 0.0]))
        array([5, 1e+30], dtype=float32)
    """
    return floating2("hypot", a, b, "f")


@public(unary, numpy=np.sinh)
def sinh(a: ArrayLike) -> array:
    """Hyperbolic sine, floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.sinh(fastvjp.array([0.0, 1.0]))
        array([0, 1.1752], dtype=float32)
    """
    return floating("sinh", a)


@public(unary, numpy=np.cosh)
def cosh(a: ArrayLike) -> array:
    """Hyperbolic cosine, floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.cosh(fastvjp.array([0.0, 1.0]))
        array([1, 1.54308], dtype=float32)
    """
    return floating("cosh", a)


@public(unary, numpy=np.tanh)
def tanh(a: ArrayLike) -> array:
    """Hyperbolic tangent, floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.tanh(fastvjp.array([0.0, 1.0]))
        array([0, 0.761594], dtype=float32)
    """
    return floating("tanh", a)


@public(unary, numpy=np.arcsinh)
def arcsinh(a: ArrayLike) -> array:
    """Inverse hyperbolic sine, floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.arcsinh(fastvjp.array([0.0, 1.0]))
        array([0, 0.881374], dtype=float32)
    """
    return floating("arcsinh", a)


@public(unary, numpy=np.arccosh)
def arccosh(a: ArrayLike) -> array:
    """Inverse hyperbolic cosine, at least 0, floating; nan for real numbers below 1.

    Example:
        >>> import fastvjp
        >>> fastvjp.arccosh(fastvjp.array([1.0, 2.0]))
        array([0, 1.31696], dtype=float32)
    """
    return floating("arccosh", a)


@public(unary, numpy=np.arctanh)
def arctanh(a: ArrayLike) -> array:
    """Inverse hyperbolic tangent, floating; nan for real numbers outside [-1, 1].

    Example:
        >>> import fastvjp
        >>> fastvjp.arctanh(fastvjp.array([0.0, 0.5]))
        array([0, 0.549306], dtype=float32)
    """
    return floating("arctanh", a)


asin, acos, atan, atan2 = arcsin, arccos, arctan, arctan2
asinh, acosh, atanh = arcsinh, arccosh, arctanh


@public(unary, numpy=(np.degrees, np.rad2deg))
def degrees(a: ArrayLike) -> array:
    """Angles from radians to degrees, real, floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.degrees(fastvjp.array([0.0, 3.14159265]))
        array([0, 180], dtype=float32)
    """
    return _rescale("degrees", a, 180 / math.pi)


@public(unary, numpy=(np.radians, np.deg2rad))
def radians(a: ArrayLike) -> array:
    """Angles from degrees to radians, real, floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.radians(fastvjp.array([0.0, 180.0]))
        array([0, 3.14159], dtype=float32)
    """
    return _rescale("radians", a, math.pi / 180)


def _rescale(name: str, a: ArrayLike, factor: float) -> array:
    x = as_array(a, name)
    require(name, x._var.aval.dtype, "biuf")
    return multiply(cast(x, inexact(x._var.aval.dtype)), factor)
