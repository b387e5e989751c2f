"""Special functions of real operands, under the names that scipy.special has for them; floating.

Operands broadcast against one another and are promoted as in NumPy 2: see `elementwise`. Where there is no value
results are SciPy's: nan, or an infinity. Functions with an element function (`gammaln`, `digamma`) run on every
device and in fused steps; the others are steps of their own on the CPU, most of them SciPy's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.array import array, as_array
from ..arrays.calls import binary, recorded, unary
from ..arrays.emit import cast, emit
from ..arrays.public import public
from ..core.avals import inexact
from .common import ArrayLike, operands, require
from .elementwise import as_floating, floating, floating2
from .exponential import logaddexp, xlogy
from .logical import where


def _of_several(name: str, *xs: ArrayLike) -> array:
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


@public(unary, numpy="scipy.special.rgamma", within="special")
def rgamma(a: ArrayLike) -> array:
    """`1 / gamma(a)`, 0 at the poles of the gamma function, with its derivatives there.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.rgamma(fastvjp.array([3.0, 0.0]))
        array([0.5, 0], dtype=float32)
    """
    return floating("rgamma", a, "f")


@public(binary, numpy="scipy.special.poch", within="special")
def poch(z: ArrayLike, m: ArrayLike) -> array:
    """Pochhammer's symbol, `gamma(z + m) / gamma(z)`; the derivative is nan where `z + m` or `z` is 0, -1, ...

    Example:
        >>> import fastvjp
        >>> fastvjp.special.poch(fastvjp.array([1.0, 2.5]), 2.0)
        array([2, 8.75], dtype=float32)
    """
    return floating2("poch", z, m, "f")


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
    return _of_several("betainc", a, b, x)


@public(recorded(3), numpy="scipy.special.betaincc", within="special")
def betaincc(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> array:
    """`1 - betainc(a, b, x)`, which keeps its digits where it is small.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.betaincc(fastvjp.array([1.0, 2.0]), 2.0, 0.5)
        array([0.25, 0.5], dtype=float32)
    """
    return _of_several("betaincc", a, b, x)


@public(binary, numpy="scipy.special.gammaincinv", within="special")
def gammaincinv(a: ArrayLike, y: ArrayLike) -> array:
    """The x for which `gammainc(a, x)` is y: the quantiles of the gamma distribution.

    Its derivatives follow from those of `gammainc`.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.gammaincinv(fastvjp.array([1.0, 2.0]), 0.5)
        array([0.693147, 1.67835], dtype=float32)
    """
    return floating2("gammaincinv", a, y, "f")


@public(recorded(3), numpy="scipy.special.betaincinv", within="special")
def betaincinv(a: ArrayLike, b: ArrayLike, y: ArrayLike) -> array:
    """The x for which `betainc(a, b, x)` is y: the quantiles of the beta distribution.

    Its derivatives follow from those of `betainc`.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.betaincinv(fastvjp.array([1.0, 2.0]), 2.0, 0.5)
        array([0.292893, 0.5], dtype=float32)
    """
    return _of_several("betaincinv", a, b, y)


# --- error functions and the normal distribution ---------------------------------------------------------


@public(unary, numpy="scipy.special.erfc", within="special")
def erfc(a: ArrayLike) -> array:
    """`1 - erf(a)`, which keeps its digits where it is small.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.erfc(fastvjp.array([0.0, 3.0]))
        array([1, 2.20905e-05], dtype=float32)
    """
    return floating("erfc", a, "f")


@public(unary, numpy="scipy.special.erfcx", within="special")
def erfcx(a: ArrayLike) -> array:
    """`exp(a * a) * erfc(a)`. Its derivatives are scaled integrals of erfc (DLMF 7.18), which do not cancel.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.erfcx(fastvjp.array([0.0, 3.0]))
        array([1, 0.179001], dtype=float32)
    """
    x = as_array(a, "erfcx")
    x = cast(x, inexact(x.dtype))
    require("erfcx", x.dtype, "f")
    return emit("scaled_ierfc", x, n=0)


@public(unary, numpy="scipy.special.ndtr", within="special")
def ndtr(a: ArrayLike) -> array:
    """The distribution function of the normal distribution.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.ndtr(fastvjp.array([0.0, -3.0]))
        array([0.5, 0.0013499], dtype=float32)
    """
    return floating("ndtr", a, "f")


@public(unary, numpy="scipy.special.log_ndtr", within="special")
def log_ndtr(a: ArrayLike) -> array:
    """Its logarithm, also where `ndtr` is 0; with derivatives that lose no digits there.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.log_ndtr(fastvjp.array([0.0, -100.0]))
        array([-0.693147, -5005.52], dtype=float32)
    """
    return floating("log_ndtr", a, "f")


@public(unary, numpy="scipy.special.ndtri", within="special")
def ndtri(a: ArrayLike) -> array:
    """The inverse of `ndtr` on [0, 1]; nan outside.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.ndtri(fastvjp.array([0.5, 0.975]))
        array([0, 1.95996], dtype=float32)
    """
    return floating("ndtri", a, "f")


@public(binary, numpy="scipy.special.owens_t", within="special")
def owens_t(h: ArrayLike, a: ArrayLike) -> array:
    """Owen's function: of a standard normal pair (X, Y) the probability that X > h and 0 < Y < a X.

    Its derivatives: D. B. Owen, Tables for computing bivariate normal probabilities (1956).

    Example:
        >>> import fastvjp
        >>> fastvjp.special.owens_t(fastvjp.array([0.0, 1.0]), 1.0)
        array([0.125, 0.0667419], dtype=float32)
    """
    return floating2("owens_t", h, a, "f")


@public(unary, numpy="scipy.special.erfi", within="special")
def erfi(a: ArrayLike) -> array:
    """The imaginary error function, `-1j * erf(1j * a)`; of complex operands, too.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.erfi(fastvjp.array([0.0, 1.0]))
        array([0, 1.65043], dtype=float32)
    """
    return floating("erfi", a)


@public(unary, numpy="scipy.special.dawsn", within="special")
def dawsn(a: ArrayLike) -> array:
    """Dawson's integral, `sqrt(pi) / 2 * exp(-a**2) * erfi(a)`.

    Its derivative, `1 - 2 * a * dawsn(a)`, is computed without cancellation beyond 7 (DLMF 7.12.1).

    Example:
        >>> import fastvjp
        >>> fastvjp.special.dawsn(fastvjp.array([0.0, 1.0]))
        array([0, 0.53808], dtype=float32)
    """
    return floating("dawsn", a, "f")


@public(unary, numpy="scipy.special.wofz", within="special")
def wofz(a: ArrayLike) -> array:
    """Faddeeva's function, `exp(-a**2) * erfc(-1j * a)`, complex also of real numbers.

    Its derivative is `2j / sqrt(pi) - 2 * a * wofz(a)` (DLMF 7.10.3), without cancellation beyond 7.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.wofz(fastvjp.array([0.0, 1.0]))
        array([1+0j, 0.367879+0.607158j], dtype=complex64)
    """
    x = as_floating(a, "wofz")
    return emit("wofz", cast(x, np.result_type(x.dtype, np.complex64)))


@public(binary, numpy="scipy.special.stdtr", within="special")
def stdtr(df: ArrayLike, t: ArrayLike) -> array:
    """The distribution function of Student's t distribution, for `df` degrees of freedom.

    Its derivative by `t` is the density; that by `df` follows from `betainc`'s.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.stdtr(3.0, fastvjp.array([0.0, 2.0]))
        array([0.5, 0.930337], dtype=float32)
    """
    return floating2("stdtr", df, t, "f")


# --- logistic functions and entropies --------------------------------------------------------------------


@public(unary, numpy="scipy.special.logit", within="special")
def logit(a: ArrayLike) -> array:
    """`log(a / (1 - a))`, the inverse of `expit`; nan outside of [0, 1].

    Example:
        >>> import fastvjp
        >>> fastvjp.special.logit(fastvjp.array([0.5, 0.9]))
        array([0, 2.19722], dtype=float32)
    """
    x = as_array(a, "logit")
    x = cast(x, inexact(x.dtype))
    require("logit", x.dtype, "f")
    return emit("log_ratio", x, 1 - x)


@public(unary, numpy="scipy.special.log_expit", within="special")
def log_expit(a: ArrayLike) -> array:
    """The logarithm of the logistic function.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.log_expit(fastvjp.array([0.0, -100.0]))
        array([-0.693147, -100], dtype=float32)
    """
    return -logaddexp(-as_array(a, "log_expit"), 0.0)


@public(binary, numpy="scipy.special.xlog1py", within="special")
def xlog1py(a: ArrayLike, b: ArrayLike) -> array:
    """`a * log1p(b)`, and 0 where `a` is, unless `b` is nan.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.xlog1py(fastvjp.array([0.0, 2.0]), -0.5)
        array([0, -1.38629], dtype=float32)
    """
    return floating2("xlog1py", a, b, "f")


@public(unary, numpy="scipy.special.entr", within="special")
def entr(a: ArrayLike) -> array:
    """`-a * log(a)`, 0 at 0 and -inf below.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.entr(fastvjp.array([0.5, 0.0, -1.0]))
        array([0.346574, 0, -inf], dtype=float32)
    """
    x = as_array(a, "entr")
    return where(x < 0, -float("inf"), 0.0 - xlogy(x, x))


@public(binary, numpy="scipy.special.rel_entr", within="special")
def rel_entr(a: ArrayLike, b: ArrayLike) -> array:
    """`a * log(a / b)`, the term of a relative entropy: 0 where `a` is and `b` is not below 0; inf if undefined.

    The logarithm keeps its digits where `a` and `b` are near.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.rel_entr(fastvjp.array([0.5, 0.0]), 0.25)
        array([0.346574, 0], dtype=float32)
    """
    return floating2("rel_entr", a, b, "f")


@public(binary, numpy="scipy.special.kl_div", within="special")
def kl_div(a: ArrayLike, b: ArrayLike) -> array:
    """`a * log(a / b) - a + b`, by Loader's formula (2000), which keeps its digits where `a` and `b` are near.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.kl_div(fastvjp.array([0.5, 1.0]), 1.0)
        array([0.153426, 0], dtype=float32)
    """
    return floating2("kl_div", a, b, "f")


# --- Bessel functions ------------------------------------------------------------------------------------


def _bessel(name: str, example: str, what: str) -> Callable[[ArrayLike], array]:
    """The public function of this name, of one operand."""

    def function(a: ArrayLike) -> array:
        return floating(name, a, "f")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{what}

    Example:
        >>> import fastvjp
        >>> fastvjp.special.{name}(fastvjp.array([1.0]))
        array([{example}], dtype=float32)
    """
    return public(unary, numpy=f"scipy.special.{name}", within="special")(function)


j0 = _bessel("j0", "0.765198", "The Bessel function of the first kind of order 0.")
j1 = _bessel("j1", "0.440051", "The Bessel function of the first kind of order 1.")
y0 = _bessel("y0", "0.088257", "The Bessel function of the second kind of order 0.")
y1 = _bessel("y1", "-0.781213", "The Bessel function of the second kind of order 1.")
i0 = _bessel("i0", "1.26607", "The modified Bessel function of the first kind of order 0.")
i1 = _bessel("i1", "0.565159", "The modified Bessel function of the first kind of order 1.")
i0e = _bessel("i0e", "0.46576", "`exp(-abs(a)) * i0(a)`.")
i1e = _bessel("i1e", "0.20791", "`exp(-abs(a)) * i1(a)`.")
k0 = _bessel("k0", "0.421024", "The modified Bessel function of the second kind of order 0.")
k1 = _bessel("k1", "0.601907", "The modified Bessel function of the second kind of order 1.")
k0e = _bessel("k0e", "1.14446", "`exp(a) * k0(a)`.")
k1e = _bessel("k1e", "1.63615", "`exp(a) * k1(a)`.")
expi = _bessel("expi", "1.89512", "The exponential integral Ei, of exp(t) / t from -inf to `a`.")
exp1 = _bessel("exp1", "0.219384", "The exponential integral E1, of exp(-t) / t from `a` to inf.")


def _of_order(name: str, example: str, what: str) -> Callable[[float, ArrayLike], array]:
    """The public function of this name, of an order, which is one number, and an operand."""

    def function(v: float, z: ArrayLike) -> array:
        x = as_array(z, name)
        x = cast(x, inexact(x.dtype))
        require(name, x.dtype, "f")
        return emit(name, x, order=number(name, "the order", v))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{what} The order is one number, and constant.

    Raises:
        TypeError: the order is no number.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.{name}(2, fastvjp.array([1.0]))
        array([{example}], dtype=float32)
    """
    aliases = {"jv": ("jv", "jn"), "yv": ("yv",)}.get(name, (name,))
    return public(numpy=tuple(f"scipy.special.{alias}" for alias in aliases), within="special")(function)


jv = _of_order("jv", "0.114903", "The Bessel function of the first kind of any real order.")
yv = _of_order("yv", "-1.65068", "The Bessel function of the second kind of any real order.")
iv = _of_order("iv", "0.135748", "The modified Bessel function of the first kind of any real order.")
ive = _of_order("ive", "0.0499388", "`exp(-abs(z)) * iv(v, z)`.")
kv = _of_order("kv", "1.62484", "The modified Bessel function of the second kind of any real order.")
kve = _of_order("kve", "4.41677", "`exp(z) * kv(v, z)`.")


@public(numpy="scipy.special.zeta", within="special")
def zeta(x: float, q: ArrayLike) -> array:
    """Hurwitz's zeta function, the sum of (q + k)**-x over k = 0, 1, ...; x is one number, and constant.

    Raises:
        TypeError: x is no number.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.zeta(2, fastvjp.array([1.0]))
        array([1.64493], dtype=float32)
    """
    given = as_array(q, "zeta")
    given = cast(given, inexact(given.dtype))
    require("zeta", given.dtype, "f")
    return emit("zeta", given, order=number("zeta", "x", x))


# --- hypergeometric functions ----------------------------------------------------------------------------


@public(binary, numpy="scipy.special.hyp0f1", within="special")
def hyp0f1(v: ArrayLike, z: ArrayLike) -> array:
    """The confluent hypergeometric limit function 0F1(; v; z), with a derivative by `z` (DLMF 16.3.1).

    Raises:
        NotImplementedError: a derivative by `v`.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.hyp0f1(1.5, fastvjp.array([0.0, 1.0]))
        array([1, 1.81343], dtype=float32)
    """
    return floating2("hyp0f1", v, z, "f")


@public(recorded(3), numpy="scipy.special.hyp1f1", within="special")
def hyp1f1(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> array:
    """Kummer's confluent hypergeometric function 1F1(a; b; x), with a derivative by `x` (DLMF 16.3.1).

    Raises:
        NotImplementedError: a derivative by `a` or `b`.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.hyp1f1(0.5, 1.5, fastvjp.array([0.0, 1.0]))
        array([1, 1.46265], dtype=float32)
    """
    return _of_several("hyp1f1", a, b, x)


@public(recorded(3), numpy="scipy.special.hyperu", within="special")
def hyperu(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> array:
    """Tricomi's confluent hypergeometric function U(a, b, x), with a derivative by `x` (DLMF 13.3.22).

    Raises:
        NotImplementedError: a derivative by `a` or `b`.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.hyperu(0.5, 1.5, fastvjp.array([1.0, 4.0]))
        array([1, 0.5], dtype=float32)
    """
    return _of_several("hyperu", a, b, x)


@public(recorded(4), numpy="scipy.special.hyp2f1", within="special")
def hyp2f1(a: ArrayLike, b: ArrayLike, c: ArrayLike, z: ArrayLike) -> array:
    """Gauss's hypergeometric function 2F1(a, b; c; z), with a derivative by `z` (DLMF 15.5.1).

    Raises:
        NotImplementedError: a derivative by `a`, `b` or `c`.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.hyp2f1(0.5, 1.0, 1.5, fastvjp.array([0.0, 0.25]))
        array([1, 1.09861], dtype=float32)
    """
    return _of_several("hyp2f1", a, b, c, z)


# --- elliptic integrals ------------------------------------------------------------------------------------


@public(unary, numpy="scipy.special.ellipk", within="special")
def ellipk(m: ArrayLike) -> array:
    """The complete elliptic integral of the first kind, of (1 - m sin(t)**2)**-0.5 over 0 < t < pi / 2.

    Its derivatives are hypergeometric functions (DLMF 19.5.1), which lose no digits at 0.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.ellipk(fastvjp.array([0.0, 0.5]))
        array([1.5708, 1.85407], dtype=float32)
    """
    return floating("ellipk", m, "f")


@public(unary, numpy="scipy.special.ellipkm1", within="special")
def ellipkm1(p: ArrayLike) -> array:
    """`ellipk(1 - p)`, which keeps its digits where p is small.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.ellipkm1(fastvjp.array([0.5, 1e-20]))
        array([1.85407, 24.4121], dtype=float32)
    """
    return floating("ellipkm1", p, "f")


@public(unary, numpy="scipy.special.ellipe", within="special")
def ellipe(m: ArrayLike) -> array:
    """The complete elliptic integral of the second kind, of (1 - m sin(t)**2)**0.5 over 0 < t < pi / 2.

    Its derivatives are hypergeometric functions (DLMF 19.5.2), which lose no digits at 0.

    Example:
        >>> import fastvjp
        >>> fastvjp.special.ellipe(fastvjp.array([0.0, 0.5]))
        array([1.5708, 1.35064], dtype=float32)
    """
    return floating("ellipe", m, "f")


@public(binary, numpy="scipy.special.ellipkinc", within="special")
def ellipkinc(phi: ArrayLike, m: ArrayLike) -> array:
    """The incomplete elliptic integral of the first kind, of (1 - m sin(t)**2)**-0.5 over 0 < t < phi.

    Its derivatives by `m` are such integrals of other powers, computed as Carlson's (DLMF 19.29).

    Example:
        >>> import fastvjp
        >>> fastvjp.special.ellipkinc(fastvjp.array([0.0, 1.0]), 0.5)
        array([0, 1.08322], dtype=float32)
    """
    return floating2("ellipkinc", phi, m, "f")


@public(binary, numpy="scipy.special.ellipeinc", within="special")
def ellipeinc(phi: ArrayLike, m: ArrayLike) -> array:
    """The incomplete elliptic integral of the second kind, of (1 - m sin(t)**2)**0.5 over 0 < t < phi.

    Its derivatives by `m` are such integrals of other powers, computed as Carlson's (DLMF 19.29).

    Example:
        >>> import fastvjp
        >>> fastvjp.special.ellipeinc(fastvjp.array([0.0, 1.0]), 0.5)
        array([0, 0.92733], dtype=float32)
    """
    return floating2("ellipeinc", phi, m, "f")
