"""Exponentials, logarithms and their kin.

Operands broadcast against one another and are promoted as in NumPy 2: see `elementwise`.
"""

from __future__ import annotations

import numpy as np

from ..arrays.array import array
from ..arrays.calls import binary, unary
from ..arrays.public import public
from .common import ArrayLike
from .elementwise import floating, floating2


@public(unary, numpy=np.exp, method=True)
def exp(a: ArrayLike) -> array:
    """Exponential function, floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.exp(fastvjp.array([0.0, 1.0]))
        array([1, 2.71828], dtype=float32)
    """
    return floating("exp", a)


@public(unary, numpy=np.expm1)
def expm1(a: ArrayLike) -> array:
    """`exp(a) - 1`, floating, accurate near 0.

    Example:
        >>> import fastvjp
        >>> fastvjp.expm1(fastvjp.array([0.0, 1e-6]))
        array([0, 1e-06], dtype=float32)
    """
    return floating("expm1", a)


@public(unary, numpy=np.log, method=True)
def log(a: ArrayLike) -> array:
    """Natural logarithm, floating: -inf at 0, nan for negative real numbers.

    Example:
        >>> import fastvjp
        >>> fastvjp.log(fastvjp.array([1.0, 10.0]))
        array([0, 2.30259], dtype=float32)
    """
    return floating("log", a)


@public(unary, numpy=np.log1p, method=True)
def log1p(a: ArrayLike) -> array:
    """`log(1 + a)`, floating, accurate near 0.

    Example:
        >>> import fastvjp
        >>> fastvjp.log1p(fastvjp.array([0.0, 1e-6]))
        array([0, 1e-06], dtype=float32)
    """
    return floating("log1p", a)


@public(unary, numpy=np.log2, method=True)
def log2(a: ArrayLike) -> array:
    """Logarithm to base 2, floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.log2(fastvjp.array([1.0, 8.0]))
        array([0, 3], dtype=float32)
    """
    return floating("log2", a)


@public(unary, numpy=np.log10, method=True)
def log10(a: ArrayLike) -> array:
    """Logarithm to base 10, floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.log10(fastvjp.array([1.0, 100.0]))
        array([0, 2], dtype=float32)
    """
    return floating("log10", a)


@public(binary, numpy=np.logaddexp)
def logaddexp(a: ArrayLike, b: ArrayLike) -> array:
    """`log(exp(a) + exp(b))` of real operands, floating, without overflow.

    Example:
        >>> import fastvjp
        >>> fastvjp.logaddexp(fastvjp.array([0.0, 100.0]), 0)
        array([0.693147, 100], dtype=float32)
    """
    return floating2("logaddexp", a, b, "f")


@public(binary, numpy="scipy.special.xlogy")
def xlogy(a: ArrayLike, b: ArrayLike) -> array:
    """`a * log(b)` of real operands, floating, and 0 where `a` is, unless `b` is nan: so that 0 log(0) is 0.

    The derivative by `b` is 0 where `a` is; that by `a` is `log(b)` everywhere.

    Example:
        >>> import fastvjp
        >>> fastvjp.xlogy(fastvjp.array([0.0, 2.0]), fastvjp.array([0.0, 1.0]))
        array([0, 0], dtype=float32)
    """
    return floating2("xlogy", a, b, "f")


@public(unary, numpy="scipy.special.expit")
def sigmoid(a: ArrayLike) -> array:
    """Logistic function `1 / (1 + exp(-a))`, floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.sigmoid(fastvjp.array([0.0, 100.0]))
        array([0.5, 1], dtype=float32)
    """
    return floating("sigmoid", a)


@public(unary, numpy="scipy.special.erf")
def erf(a: ArrayLike) -> array:
    """Error function `2 / sqrt(pi) * integral of exp(-t*t) from 0 to a` of a real operand, floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.erf(fastvjp.array([0.0, 1.0]))
        array([0, 0.842701], dtype=float32)
    """
    return floating("erf", a, "f")


@public(unary, numpy="scipy.special.erfinv")
def erfinv(a: ArrayLike) -> array:
    """Inverse of `erf` on [-1, 1], floating; nan outside.

    Example:
        >>> import fastvjp
        >>> fastvjp.erfinv(fastvjp.array([0.0, 0.5]))
        array([0, 0.476936], dtype=float32)
    """
    return floating("erfinv", a, "f")
