"""Functions of scipy.special that have no public name of ours, or another signature there."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import ops
from ..arrays.array import array, as_arrays
from ..arrays.public import NUMPY, PUBLIC, implements
from ..fft import WITHOUT_MEANING
from ..ops import special
from ..ops.elementwise import as_floating
from ..transforms.checkpoint import stop_gradient


@implements("scipy.special.logsumexp")
def _logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """With `return_sign` the logarithm of the size of the sum, and its sign; of complex numbers without it."""
    if b is None and not return_sign:
        return ops.logsumexp(a, axis, keepdims)
    x, weights = as_arrays([a, 1.0 if b is None else b], "logsumexp")
    largest = stop_gradient(ops.max(ops.real(x), axis, True))
    largest = ops.where(ops.isfinite(largest), largest, 0.0)
    total = ops.sum(weights * ops.exp(x - largest), axis, keepdims)
    largest = largest if keepdims else ops.reshape(largest, total.shape)
    if not return_sign:
        return ops.log(total) + largest
    return ops.log(ops.abs(total)) + largest, ops.sign(total)


implements("scipy.special.softmax")(ops.softmax)
implements("scipy.special.log_softmax")(ops.log_softmax)


for _name, _transform in PUBLIC.items():
    if _name.startswith("fft.") and _name not in ("fft.stft", "fft.istft"):

        def _transformed(*args: Any, _transform: Callable[..., Any] = _transform, **options: Any) -> Any:
            return _transform(*args, **{name: x for name, x in options.items() if name not in WITHOUT_MEANING})

        implements(f"scipy.{_name}")(_transformed)


# --- composed of others ------------------------------------------------------------------------------------

for _name in ("log1p", "expm1", "cbrt", "exp2"):
    implements(f"scipy.special.{_name}")(NUMPY[getattr(np, _name)])
implements("scipy.special.kn")(special.kv)


def _series(x: array, coefficients: Sequence[float]) -> array:
    """A power series, the constant first."""
    found: Any = coefficients[-1]
    for c in reversed(coefficients[:-1]):
        found = found * x + c
    return found


def _split(x: array, bound: float) -> tuple[array, array, array]:
    """Whether |x| is below a bound; x where it is, else 0; x where it is not, else 1: neither gives a nan."""
    near = ops.abs(x) < bound
    return near, ops.where(near, x, 0.0), ops.where(near, 1.0, x)


@implements("scipy.special.exprel")
def _exprel(x: Any) -> array:
    """(exp(x) - 1) / x."""
    near, small, large = _split(as_floating(x, "exprel"), 0.5)
    far = ops.where(large == np.inf, np.inf, ops.expm1(large) / large)
    return ops.where(near, _series(small, [1 / math.factorial(k + 1) for k in range(18)]), far)


def _log1prel(x: array) -> array:
    """log(1 + x) / x: near 0 by the area tangent of x / (2 + x) (DLMF 4.6.4)."""
    near, small, large = _split(x, 0.3)
    ratio = small / (2.0 + small)
    area = _series(ratio * ratio, [1 / (2 * k + 1) for k in range(14)])
    return ops.where(near, area * 2.0 / (2.0 + small), ops.log1p(large) / large)


def _box_cox(x: array, base: array, log: Callable[[array], array], lmbda: array) -> array:
    """(base**lmbda - 1) / lmbda, log(x), which is the base's logarithm, where lmbda is 0 (Box and Cox 1964)."""
    edge = ops.logical_and(base == 0, lmbda != 0)
    logarithm = log(ops.where(edge, 1.0, x))
    t = lmbda * logarithm
    near = ops.logical_and(ops.logical_or(ops.abs(t) < 0.5, lmbda == 0), ops.logical_not(edge))
    by = ops.where(near, 1.0, lmbda)
    power = (ops.power(ops.where(edge, base, 1.0), by) - 1.0) / by
    far = ops.where(edge, power, ops.expm1(ops.where(near, 0.0, t)) / by)
    return ops.where(near, logarithm * _exprel(ops.where(ops.abs(t) < 0.5, t, 0.0)), far)


@implements("scipy.special.boxcox")
def _boxcox(x: Any, lmbda: Any) -> array:
    x, lmbda = as_arrays([x, lmbda], "boxcox")
    return _box_cox(x, x, ops.log, lmbda)


@implements("scipy.special.boxcox1p")
def _boxcox1p(x: Any, lmbda: Any) -> array:
    x, lmbda = as_arrays([x, lmbda], "boxcox1p")
    return _box_cox(x, 1.0 + x, ops.log1p, lmbda)


@implements("scipy.special.inv_boxcox")
def _inv_boxcox(y: Any, lmbda: Any) -> array:
    """The x of y = boxcox(x, lmbda)."""
    y, lmbda = as_arrays([y, lmbda], "inv_boxcox")
    return ops.exp(y * _log1prel(lmbda * y))


@implements("scipy.special.inv_boxcox1p")
def _inv_boxcox1p(y: Any, lmbda: Any) -> array:
    """The x of y = boxcox1p(x, lmbda)."""
    y, lmbda = as_arrays([y, lmbda], "inv_boxcox1p")
    return ops.expm1(y * _log1prel(lmbda * y))


@implements("scipy.special.cosm1")
def _cosm1(x: Any) -> array:
    """cos(x) - 1, by the sine of half the angle (DLMF 4.21.2)."""
    half = ops.sin(as_floating(x, "cosm1") * 0.5)
    return -2.0 * half * half


@implements("scipy.special.huber")
def _huber(delta: Any, r: Any) -> array:
    """Half the square of r up to delta, and linear beyond (Huber 1964)."""
    delta, r = as_arrays([delta, r], "huber")
    size = ops.abs(r)
    found = ops.where(size <= delta, 0.5 * r * r, delta * (size - 0.5 * delta))
    return ops.where(delta < 0, np.inf, found)


@implements("scipy.special.pseudo_huber")
def _pseudo_huber(delta: Any, r: Any) -> array:
    """delta**2 (sqrt(1 + (r / delta)**2) - 1), a smooth one."""
    delta, r = as_arrays([delta, r], "pseudo_huber")
    positive = ops.where(delta > 0, delta, 1.0)
    found = r * r / (1.0 + ops.sqrt(1.0 + ops.square(r / positive)))
    return ops.where(delta < 0, np.inf, ops.where(delta > 0, found, 0.0))


@implements("scipy.special.factorial")
def _factorial(n: Any, exact: bool = False, extend: str = "zero") -> array:
    """gamma(n + 1), and 0 below 0."""
    if exact or extend != "zero":
        raise TypeError(
            "[scipy.special.factorial] Only exact=False, extend='zero' is recorded. Hint: special.gamma."
        )
    x = as_floating(n, "factorial")
    return ops.where(x < 0, 0.0, special.gamma(ops.where(x < 0, 1.0, x + 1.0)))


@implements("scipy.special.comb")
def _comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> array:
    """The binomial coefficient, 0 where k is below 0 or above N."""
    if exact:
        raise TypeError(
            "[scipy.special.comb] exact=True is not recorded, as it gives integers. Hint: exact=False."
        )
    n, k = as_arrays([N, k], "comb")
    if repetition:
        n = n + k - 1
    inside = ops.logical_and(ops.logical_and(k >= 0, k <= n), n >= 0)
    return ops.where(inside, special.binom(ops.where(inside, n, 1.0), ops.where(inside, k, 1.0)), 0.0)


@implements("scipy.special.multigammaln")
def _multigammaln(a: Any, d: int) -> array:
    """The logarithm of the multivariate gamma function (DLMF 35.3.4)."""
    x = as_floating(a, "multigammaln")
    steps = np.arange(d) / 2
    terms = special.gammaln(ops.expand_dims(x, -1) - array(steps, x.dtype))
    return ops.sum(terms, -1) + d * (d - 1) / 4 * math.log(math.pi)


# --- distribution functions, by incomplete integrals -------------------------------------------------------


@implements("scipy.special.gdtr")
def _gdtr(a: Any, b: Any, x: Any) -> array:
    """Of the gamma distribution of rate a and shape b."""
    a, b, x = as_arrays([a, b, x], "gdtr")
    return special.gammainc(b, a * x)


@implements("scipy.special.gdtrc")
def _gdtrc(a: Any, b: Any, x: Any) -> array:
    a, b, x = as_arrays([a, b, x], "gdtrc")
    return special.gammaincc(b, a * x)


@implements("scipy.special.chdtr")
def _chdtr(v: Any, x: Any) -> array:
    """Of the chi-square distribution of v degrees of freedom."""
    v, x = as_arrays([v, x], "chdtr")
    return special.gammainc(v * 0.5, x * 0.5)


@implements("scipy.special.chdtrc")
def _chdtrc(v: Any, x: Any) -> array:
    v, x = as_arrays([v, x], "chdtrc")
    return special.gammaincc(v * 0.5, x * 0.5)


def _snedecor(dfn: Any, dfd: Any, x: Any, near: Any, far: Any) -> array:
    """By I(dfn x / (dfd + dfn x)), or where that is above 1/2 by the integral of the rest, which keeps digits."""
    dfn, dfd, x = as_arrays([dfn, dfd, x], "fdtr")
    beyond = dfn * x > dfd
    odds = ops.where(beyond, 1.0, dfn * x / dfd)
    against = ops.where(beyond, dfd / (dfn * ops.where(beyond, x, 1.0)), 1.0)
    below = near(dfn * 0.5, dfd * 0.5, odds / (1.0 + odds))
    return ops.where(beyond, far(dfd * 0.5, dfn * 0.5, against / (1.0 + against)), below)


@implements("scipy.special.fdtr")
def _fdtr(dfn: Any, dfd: Any, x: Any) -> array:
    """Of the F distribution of dfn and dfd degrees of freedom."""
    return _snedecor(dfn, dfd, x, special.betainc, special.betaincc)


@implements("scipy.special.fdtrc")
def _fdtrc(dfn: Any, dfd: Any, x: Any) -> array:
    return _snedecor(dfn, dfd, x, special.betaincc, special.betainc)


@implements("scipy.special.pdtr")
def _pdtr(k: Any, m: Any) -> array:
    """Of the Poisson distribution of mean m; k, as the numbers of the next two, is rounded down and constant."""
    k, m = as_arrays([k, m], "pdtr")
    return special.gammaincc(_least(k, 0) + 1, m)


@implements("scipy.special.pdtrc")
def _pdtrc(k: Any, m: Any) -> array:
    k, m = as_arrays([k, m], "pdtrc")
    return special.gammainc(_least(k, 0) + 1, m)


def _least(k: array, bound: float) -> array:
    """Whole numbers, nan below the bound."""
    whole = ops.floor(k)
    return ops.where(whole < bound, np.nan, whole)


def _binomial(name: str, k: Any, n: Any, p: Any, integral: Any, edges: tuple[float, float]) -> array:
    """Of more than k of n by I(k + 1, n - k, p), or of the others; `edges` are those for k below 0 and for n."""
    k, n, p = as_arrays([k, n, p], name)
    k, n = ops.floor(k), ops.floor(n)
    inside = ops.logical_and(k >= 0, k < n)
    found = integral(ops.where(inside, k + 1, 1), ops.where(inside, n - k, 1), p)
    edge = ops.where(k < 0, edges[0], ops.where(k > n, np.nan, ops.full_like(p, edges[1])))
    outside = ops.logical_or(p < 0, p > 1)
    return ops.where(ops.logical_or(inside, outside), found, edge)


@implements("scipy.special.bdtr")
def _bdtr(k: Any, n: Any, p: Any) -> array:
    """Of the binomial distribution of n trials: the probability of k successes or fewer."""
    return _binomial("bdtr", k, n, p, special.betaincc, (np.nan, 1.0))


@implements("scipy.special.bdtrc")
def _bdtrc(k: Any, n: Any, p: Any) -> array:
    return _binomial("bdtrc", k, n, p, special.betainc, (1.0, 0.0))


@implements("scipy.special.nbdtr")
def _nbdtr(k: Any, n: Any, p: Any) -> array:
    """Of the negative binomial distribution: of k failures or fewer before the n-th success."""
    k, n, p = as_arrays([k, n, p], "nbdtr")
    return special.betainc(ops.floor(n), _least(k, 0) + 1, p)


@implements("scipy.special.nbdtrc")
def _nbdtrc(k: Any, n: Any, p: Any) -> array:
    k, n, p = as_arrays([k, n, p], "nbdtrc")
    return special.betaincc(ops.floor(n), _least(k, 0) + 1, p)
