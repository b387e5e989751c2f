"""Special functions of real operands, under the names that scipy.special has for them; floating.

Operands broadcast against one another and are promoted as in NumPy 2: see `elementwise`. Where there is no value
results are SciPy's: nan, or an infinity. Functions with an element function (`gammaln`, `digamma`) run on every
device and in fused steps; the others are steps of their own on the CPU, most of them SciPy's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.array import array, as_array
from ..arrays.calls import binary, recorded, unary
from ..arrays.emit import cast, emit
from ..arrays.public import public
from ..core.avals import inexact
from .common import ArrayLike, operands, require
from .elementwise import floating, floating2
from .logical import where


def _floating3(name: str, *xs: ArrayLike) -> array:
    found = operands(name, *xs, floating=True)
    require(name, found[0].dtype, "f")
    return emit(name, *found)


# --- gamma and beta --------------------------------------------------------------------------------------


@public(unary, numpy="scipy.special.gammaln", within="special")
def gammaln(a: ArrayLike) -> array:
    """Logarithm of the magnitude of the gamma function; inf at its poles, 0, -1, ...

    Its derivative is `digamma` (DLMF 5.2.2).

    Example:
        >>> import fastvjp
        >>> fastvjp.special.gammaln(fastvjp.array([1.0, 5.0]))
        array([0, 3.17805], dtype=float32)
    """
    return floating("gammaln", a, "f")


@public(unary, numpy="scipy.special.loggamma", within="special")
def loggamma(a: ArrayLike) -> array:
    """As `gammaln`, but nan below 0, where the logarithm of the gamma function is complex.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.loggamma(fastvjp.array([5.0, -0.5]))
        array([3.17805, nan], dtype=float32)
    """
    x = as_array(a, "loggamma")
    return where(x < 0, float("nan"), gammaln(x))


@public(unary, numpy="scipy.special.gamma", within="special")
def gamma(a: ArrayLike) -> array:
    """The gamma function, the integral of t**(a - 1) exp(-t) over t > 0; nan at -1, -2, ...

    Its derivative is `gamma(a) * digamma(a)`.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.gamma(fastvjp.array([1.0, 5.0]))
        array([1, 24], dtype=float32)
    """
    return floating("gamma", a, "f")


@public(unary, numpy=("scipy.special.psi", "scipy.special.digamma"), within="special")
def digamma(a: ArrayLike) -> array:
    """The derivative of the logarithm of the gamma function; nan at its poles -1, -2, ...

    Example:
        >>> import fastvjp
        >>> fastvjp.special.digamma(fastvjp.array([1.0, 2.0]))
        array([-0.577216, 0.422784], dtype=float32)
    """
    x = as_array(a, "digamma")
    x = cast(x, inexact(x.dtype))
    require("digamma", x.dtype, "f")
    return emit("polygamma", x, n=0)


psi = digamma


@public(numpy="scipy.special.polygamma", within="special")
def polygamma(n: int, x: ArrayLike) -> array:
    """The derivative of order n of `digamma`, for a whole number n >= 0.

    Raises:
        TypeError: n is no number: several orders are several calls.
        ValueError: n is negative or no whole number.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.polygamma(1, fastvjp.array([1.0, 2.0]))
        array([1.64493, 0.644934], dtype=float32)
    """
    order = number("polygamma", "n", n)
    if order < 0 or order != int(order):
        raise ValueError(f"[polygamma] Expected a whole number n >= 0, got {n}.")
    return _polygamma(x, int(order))


@recorded()
def _polygamma(x: ArrayLike, n: int) -> array:
    given = as_array(x, "polygamma")
    given = cast(given, inexact(given.dtype))
    require("polygamma", given.dtype, "f")
    return emit("polygamma", given, n=n)


def number(name: str, parameter: str, value: Any) -> float:
    """A real number that is the same for all elements, and constant; TypeError naming the function else."""
    try:
        if isinstance(value, array) or np.ndim(value):
            raise TypeError
        return float(value)
    except TypeError:
        raise TypeError(
            f"[{name}] Expected {parameter} to be one number, got {type(value).__name__}. It is a constant: there "
            f"is no derivative by it. Hint: one call for each value, joined by fastvjp.stack."
        ) from None


@public(binary, numpy="scipy.special.betaln", within="special")
def betaln(a: ArrayLike, b: ArrayLike) -> array:
    """Logarithm of the magnitude of the beta function.

    Its derivative by `a` is `digamma(a) - digamma(a + b)`, computed so that no digits cancel.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.betaln(fastvjp.array([1.0, 2.0]), 3.0)
        array([-1.09861, -2.48491], dtype=float32)
    """
    return floating2("betaln", a, b, "f")


@public(binary, numpy="scipy.special.beta", within="special")
def beta(a: ArrayLike, b: ArrayLike) -> array:
    """The beta function, gamma(a) gamma(b) / gamma(a + b).

    Example:
        >>> import fastvjp
        >>> fastvjp.special.beta(fastvjp.array([1.0, 2.0]), 3.0)
        array([0.333333, 0.0833333], dtype=float32)
    """
    return floating2("beta", a, b, "f")


@public(binary, numpy="scipy.special.binom", within="special")
def binom(n: ArrayLike, k: ArrayLike) -> array:
    """The binomial coefficient, gamma(n + 1) / gamma(k + 1) / gamma(n - k + 1).

    Example:
        >>> import fastvjp
        >>> fastvjp.special.binom(fastvjp.array([4.0, 5.0]), 2.0)
        array([6, 10], dtype=float32)
    """
    return floating2("binom", n, k, "f")


# --- their incomplete integrals --------------------------------------------------------------------------


@public(binary, numpy="scipy.special.gammainc", within="special")
def gammainc(a: ArrayLike, x: ArrayLike) -> array:
    """The integral of t**(a - 1) exp(-t) / gamma(a) over 0 < t < x: the gamma distribution function.

    Its derivative by `x` is that density. That by `a`, for which there is no closed form, is an integral, computed
    by the double exponential rule to 1e-13, mostly 3e-15 of itself; up to the third order.

    Raises:
        NotImplementedError: derivatives by `a` of order 4.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.gammainc(fastvjp.array([1.0, 2.0]), 1.0)
        array([0.632121, 0.264241], dtype=float32)
    """
    return floating2("gammainc", a, x, "f")


@public(binary, numpy="scipy.special.gammaincc", within="special")
def gammaincc(a: ArrayLike, x: ArrayLike) -> array:
    """`1 - gammainc(a, x)`, which keeps its digits where it is small.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.gammaincc(fastvjp.array([1.0, 2.0]), 1.0)
        array([0.367879, 0.735759], dtype=float32)
    """
    return floating2("gammaincc", a, x, "f")


@public(recorded(3), numpy="scipy.special.betainc", within="special")
def betainc(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> array:
    """The integral of t**(a - 1) (1 - t)**(b - 1) / beta(a, b) over 0 < t < x: the beta distribution function.

    Its derivative by `x` is that density. Those by `a` and `b`, for which there is no closed form, are integrals,
    computed by the double exponential rule to 1e-13 of themselves; up to the third order.

    Raises:
        NotImplementedError: derivatives by `a` and `b` of order 4.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.betainc(fastvjp.array([1.0, 2.0]), 2.0, 0.5)
        array([0.75, 0.5], dtype=float32)
    """
    return _floating3("betainc", a, b, x)


@public(recorded(3), numpy="scipy.special.betaincc", within="special")
def betaincc(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> array:
    """`1 - betainc(a, b, x)`, which keeps its digits where it is small.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.betaincc(fastvjp.array([1.0, 2.0]), 2.0, 0.5)
        array([0.25, 0.5], dtype=float32)
    """
    return _floating3("betaincc", a, b, x)
