"""Random numbers of distributions.

What they share: `shape` is that of the result, to which parameters broadcast, by default that to which they do
among each other; `dtype` is a floating one, by default that of the parameters, float32 if these are Python numbers
or integers; `key` is a key, by default the next one of `fastvjp.random.state`. A result is a function of key and
parameters, and differentiable by these. Numbers of MLX's distributions in float32 are MLX's.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from ..arrays.array import array, as_array, as_arrays
from ..arrays.calls import recorded
from ..arrays.emit import cast, emit, filled, reshaped
from ..arrays.public import public
from ..core.avals import (
    COMPUTED,
    as_dtype,
    complex64,
    float32,
    float64,
    int32,
    kind_of,
    promote,
)
from ..core.dtypes import finfo
from ..core.scalars import WEAK
from .arithmetic import abs, add, divide, maximum, minimum, multiply, negative, rsqrt, subtract
from .broadcasting import broadcast_to
from .common import ArrayLike, axis_of, broadcast
from .creation import Shape, shape_of
from .decompositions import cholesky
from .exponential import erf, erfinv, exp, log, log1p
from .indexing import getitem
from .joining import concatenate
from .linalg import matmul
from .logical import equal, isinf, less, where
from .random import WITHIN, next_key, split, words
from .reductions import argmax, max, sum
from .rounding import floor
from .scans import cumprod, cumsum
from .searching import searchsorted
from .sorting import argsort
from .special import betaincinv, gammaincc, gammaincinv
from .taking import take

D = TypeVar("D", bound=Callable[..., array])


@functools.cache
def below_one(dtype: np.dtype) -> float:
    """The largest number of a floating dtype that is less than 1."""
    return 1 - float(finfo(dtype).epsneg)


WORDS = 4294967296.0
"""How many words there are."""


def _given(
    name: str, parameters: Sequence[ArrayLike], shape: Shape | None, dtype: Any
) -> tuple[list[array], tuple[int, ...], np.dtype]:
    """Parameters in the dtype, the shape and the dtype of the result."""
    where_ = f"random.{name}"
    arrays = [None if type(x) in WEAK else as_array(x, where_) for x in parameters]
    if dtype is None:
        dtype = promote(float32, *[x.dtype for x in arrays if x is not None and kind_of(x.dtype) in "fc"])
    wanted = as_dtype(dtype, where_)
    if kind_of(wanted) != "f":
        raise ValueError(f"[{where_}] Expected float16, bfloat16, float32 or float64, got {wanted}.")
    common: tuple[int, ...] = ()
    for x in arrays:
        common = common if x is None else broadcast(common, x.shape, where_)
    sizes = common if shape is None else shape_of(shape, where_)
    if broadcast(sizes, common, where_) != sizes:
        raise ValueError(f"[{where_}] Parameters of shape {common} do not broadcast to the shape {sizes}.")
    return [as_array(x, where_, wanted) for x in parameters], sizes, wanted


def _narrowed(draw: D) -> D:
    """Decorator of a distribution: numbers of 16 bits are those of float32, rounded once.

    Drawn in 16 bits, from the few uniform numbers that there are, they would lack most of both tails.
    """
    place = list(inspect.signature(draw).parameters).index("dtype")

    @functools.wraps(draw)
    def narrowed(*args: Any, **kwargs: Any) -> array:
        given = args[place] if len(args) > place else kwargs.get("dtype")
        wanted = None if given is None else as_dtype(given, f"random.{draw.__name__}")
        if wanted is None or wanted not in COMPUTED:
            return draw(*args, **kwargs)
        if len(args) > place:
            return cast(draw(*args[:place], COMPUTED[wanted], *args[place + 1 :], **kwargs), wanted)
        return cast(draw(*args, **{**kwargs, "dtype": COMPUTED[wanted]}), wanted)

    return narrowed  # type: ignore[return-value]


@recorded()
def _unit(key: array, shape: tuple[int, ...], dtype: np.dtype) -> array:
    """Uniform in [0, 1): of 32 bits in float32 and below, of 53 in float64."""
    if dtype != float64:
        return cast(minimum(multiply(cast(words(key, shape), float32), 1 / WORDS), below_one(dtype)), dtype)
    pairs = cast(words(key, (2, *shape)), float64)
    high, low = (floor(multiply(getitem(pairs, i), part)) for i, part in ((0, 1 / 32), (1, 1 / 64)))
    return multiply(add(multiply(high, float(1 << 26)), low), 2.0**-53)


def _between(key: array, low: Any, high: Any, shape: tuple[int, ...], dtype: np.dtype) -> array:
    return add(multiply(subtract(high, low), _unit(key, shape, dtype)), low)


@recorded()
def _symmetric(key: array, shape: tuple[int, ...], dtype: np.dtype) -> array:
    """Uniform in (-1, 1)."""
    low = as_array(-below_one(dtype), "random", dtype)
    return _between(key, low, as_array(1.0, "random", dtype), shape, dtype)


def _located(x: array, loc: array, scale: array) -> array:
    return add(multiply(scale, x), loc)


@public(within=WITHIN)
def uniform(
    low: ArrayLike = 0,
    high: ArrayLike = 1,
    shape: Shape | None = None,
    dtype: Any = None,
    key: ArrayLike | None = None,
) -> array:
    """Uniform numbers from `low` up to, but without, `high`: of 32 random bits, of 53 in float64.

    Args:
        low: lower end.
        high: upper end.
        shape: of the result.
        dtype: of the result.
        key: a key.

    Raises:
        ValueError: a dtype that is not floating, a shape to which parameters do not broadcast, no key.

    Example:
        >>> import fastvjp
        >>> fastvjp.random.uniform(shape=(2,), key=fastvjp.random.key(0))
        array([0.216295, 0.804124], dtype=float32)
    """
    (first, last), sizes, wanted = _given("uniform", [low, high], shape, dtype)
    return _between(next_key(key, "uniform"), first, last, sizes, wanted)


@public(within=WITHIN)
@_narrowed
def normal(
    shape: Shape | None = None,
    dtype: Any = None,
    loc: ArrayLike | None = None,
    scale: ArrayLike | None = None,
    key: ArrayLike | None = None,
) -> array:
    """Normally distributed numbers: `loc + scale * sqrt(2) * erfinv(u)` of uniform u in (-1, 1).

    Args:
        shape: of the result.
        dtype: of the result; complex ones are allowed, with independent parts of variance 1/2.
        loc: mean, 0 by default.
        scale: standard deviation, 1 by default.
        key: a key.

    Raises:
        ValueError: an integer dtype, a shape to which parameters do not broadcast, no key.

    Example:
        >>> import fastvjp
        >>> fastvjp.random.normal((2,), key=fastvjp.random.key(0))
        array([-0.784766, 0.856445], dtype=float32)
    """
    if dtype is not None and as_dtype(dtype, "random.normal").kind == "c":
        return _complex_normal(shape, as_dtype(dtype, "random.normal"), loc, scale, key)
    parameters, sizes, wanted = _given("normal", [x for x in (loc, scale) if x is not None], shape, dtype)
    x = erfinv(_symmetric(next_key(key, "normal"), sizes, wanted))
    factor: Any = as_array(math.sqrt(2.0), "random.normal", wanted)
    if scale is not None:
        factor = multiply(factor, parameters[-1])
    x = multiply(factor, x)
    return x if loc is None else add(parameters[0], x)


def _complex_normal(shape: Any, dtype: np.dtype, loc: Any, scale: Any, key: ArrayLike | None) -> array:
    part = float32 if dtype == complex64 else float64
    given = [
        as_array(x, "random.normal", dtype) for x in (0 if loc is None else loc, 1 if scale is None else scale)
    ]
    common = broadcast(given[0].shape, given[1].shape, "random.normal")
    sizes = common if shape is None else shape_of(shape, "random.normal")
    parts = erfinv(_symmetric(next_key(key, "normal"), (*sizes, 2), part))
    x = add(getitem(parts, (..., 0)), multiply(getitem(parts, (..., 1)), 1j))
    return _located(cast(x, dtype), *given)


@public(within=WITHIN)
@_narrowed
def truncated_normal(
    lower: ArrayLike,
    upper: ArrayLike,
    shape: Shape | None = None,
    dtype: Any = None,
    key: ArrayLike | None = None,
) -> array:
    """Standard normal numbers under the condition that they lie between two bounds.

    Args:
        lower: lower bound.
        upper: upper bound.
        shape: of the result.
        dtype: of the result.
        key: a key.

    Raises:
        ValueError: a dtype that is not floating, a shape to which parameters do not broadcast, no key.

    Example:
        >>> import fastvjp
        >>> fastvjp.random.truncated_normal(0.0, 1.0, (2,), key=fastvjp.random.key(0))
        array([0.186137, 0.753694], dtype=float32)
    """
    (low, high), sizes, wanted = _given("truncated_normal", [lower, upper], shape, dtype)
    root = as_array(math.sqrt(2.0), "random.truncated_normal", wanted)
    ends = erf(divide(low, root)), erf(divide(high, root))
    u = _between(next_key(key, "truncated_normal"), *ends, sizes, wanted)
    return maximum(minimum(high, multiply(root, erfinv(u))), low)


@public(within=WITHIN)
@_narrowed
def gumbel(shape: Shape | None = None, dtype: Any = None, key: ArrayLike | None = None) -> array:
    """Numbers of the standard Gumbel distribution: `-log(-log(u))` of uniform u.

    Args:
        shape: of the result.
        dtype: of the result.
        key: a key.

    Raises:
        ValueError: a dtype that is not floating, or no key.

    Example:
        >>> import fastvjp
        >>> fastvjp.random.gumbel((2,), key=fastvjp.random.key(0))
        array([-0.425993, 1.52325], dtype=float32)
    """
    _, sizes, wanted = _given("gumbel", [], shape, dtype)
    return negative(log(negative(log(_unit(next_key(key, "gumbel"), sizes, wanted)))))


@public(within=WITHIN)
@_narrowed
def laplace(
    shape: Shape | None = None,
    dtype: Any = None,
    loc: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    key: ArrayLike | None = None,
) -> array:
    """Numbers of the Laplace distribution, by the inverse of its distribution function.

    Args:
        shape: of the result.
        dtype: of the result.
        loc: mean.
        scale: mean distance from it.
        key: a key.

    Raises:
        ValueError: a dtype that is not floating, a shape to which parameters do not broadcast, no key.

    Example:
        >>> import fastvjp
        >>> fastvjp.random.laplace((2,), key=fastvjp.random.key(0))
        array([0.837963, -0.937127], dtype=float32)
    """
    parameters, sizes, wanted = _given("laplace", [loc, scale], shape, dtype)
    u = _symmetric(next_key(key, "laplace"), sizes, wanted)
    return _located(multiply(np.sign(u), log1p(negative(abs(u)))), *parameters)


@public(within=WITHIN)
@_narrowed
def exponential(
    scale: ArrayLike = 1.0, shape: Shape | None = None, dtype: Any = None, key: ArrayLike | None = None
) -> array:
    """Numbers of the exponential distribution: `-scale * log(1 - u)` of uniform u.

    Args:
        scale: mean, the inverse of the rate.
        shape: of the result.
        dtype: of the result.
        key: a key.

    Raises:
        ValueError: a dtype that is not floating, a shape to which parameters do not broadcast, no key.

    Example:
        >>> import fastvjp
        >>> fastvjp.random.exponential(2.0, (2,), key=fastvjp.random.key(0))
        array([0.487446, 3.26055], dtype=float32)
    """
    (factor,), sizes, wanted = _given("exponential", [scale], shape, dtype)
    return negative(multiply(factor, log1p(negative(_unit(next_key(key, "exponential"), sizes, wanted)))))


@public(within=WITHIN)
@_narrowed
def multivariate_normal(
    mean: ArrayLike,
    cov: ArrayLike,
    shape: Shape | None = None,
    dtype: Any = None,
    key: ArrayLike | None = None,
) -> array:
    """Vectors of the multivariate normal distribution: the mean and the Cholesky factor times a standard vector.

    MLX takes the symmetric root instead, so that its numbers are others.

    Args:
        mean: array of shape (..., n).
        cov: covariance matrices of shape (..., n, n), positive definite.
        shape: of the batch, to which the leading axes of both broadcast: that of the result is (*shape, n).
        dtype: of the result.
        key: a key.

    Raises:
        ValueError: shapes that do not fit, a dtype that is not floating, no key.
        LinAlgError: a covariance that is not positive definite.

    Example:
        >>> import fastvjp
        >>> fastvjp.random.multivariate_normal(fastvjp.zeros(2), fastvjp.eye(2), key=fastvjp.random.key(0)).shape
        (2,)
    """
    name = "multivariate_normal"
    m, c = as_arrays([mean, cov], f"random.{name}")
    if m.ndim < 1 or c.shape[-2:] != m.shape[-1:] * 2:
        raise ValueError(
            f"[random.{name}] Expected a mean of shape (..., n) and a covariance of shape (..., n, n), "
            f"got {m.shape} and {c.shape}."
        )
    n = m.shape[-1]
    _, _, wanted = _given(name, [getitem(m, (..., 0)), getitem(c, (..., 0, 0))], None, dtype)
    m, c = cast(m, wanted), cast(c, wanted)
    batch = broadcast(m.shape[:-1], c.shape[:-2], f"random.{name}")
    sizes = shape_of(shape, f"random.{name}") if shape else batch
    if broadcast(sizes, batch, f"random.{name}") != sizes:
        raise ValueError(f"[random.{name}] Batches of shape {batch} do not broadcast to the shape {sizes}.")
    x = normal((*sizes, n), wanted, key=next_key(key, name))
    return add(m, getitem(matmul(cholesky(c), getitem(x, (..., None))), (..., 0)))


# --- by the inverse of the distribution function, so that derivatives by parameters are implicit ones ------


@public(within=WITHIN)
@_narrowed
def gamma(a: ArrayLike, shape: Shape | None = None, dtype: Any = None, key: ArrayLike | None = None) -> array:
    """Numbers of the gamma distribution: `special.gammaincinv(a, u)` of uniform u.

    The derivative by `a` is that at constant u (Figurnov, Mohamed and Mnih 2018). For another scale multiply.

    Args:
        a: the distribution's shape, above 0.
        shape: of the result.
        dtype: of the result.
        key: a key.

    Raises:
        ValueError: a dtype that is not floating, a shape to which parameters do not broadcast, no key.

    Example:
        >>> import fastvjp
        >>> fastvjp.random.gamma(2.0, (2,), key=fastvjp.random.key(0))
        array([0.869272, 3.02207], dtype=float32)
    """
    (x,), sizes, wanted = _given("gamma", [a], shape, dtype)
    return gammaincinv(broadcast_to(x, sizes), _inside(next_key(key, "gamma"), sizes, wanted))


def _inside(key: array, shape: tuple[int, ...], dtype: np.dtype) -> array:
    """Uniform in (0, 1)."""
    least = 2.0**-33 if dtype == float32 else 2.0**-54
    return maximum(_unit(key, shape, dtype), least)


@public(within=WITHIN)
@_narrowed
def beta(
    a: ArrayLike, b: ArrayLike, shape: Shape | None = None, dtype: Any = None, key: ArrayLike | None = None
) -> array:
    """Numbers of the beta distribution: `special.betaincinv(a, b, u)` of uniform u; derivatives as of `gamma`.

    Args:
        a: first parameter, above 0.
        b: second parameter, above 0.
        shape: of the result.
        dtype: of the result.
        key: a key.

    Raises:
        ValueError: a dtype that is not floating, a shape to which parameters do not broadcast, no key.

    Example:
        >>> import fastvjp
        >>> fastvjp.random.beta(2.0, 3.0, (2,), key=fastvjp.random.key(0))
        array([0.222516, 0.585856], dtype=float32)
    """
    (x, y), sizes, wanted = _given("beta", [a, b], shape, dtype)
    return betaincinv(x, y, _inside(next_key(key, "beta"), sizes, wanted))


@public(within=WITHIN)
@_narrowed
def dirichlet(
    alpha: ArrayLike, shape: Shape | None = None, dtype: Any = None, key: ArrayLike | None = None
) -> array:
    """Vectors of the Dirichlet distribution: each number is a part of what those before leave of 1.

    The parts are beta distributed, and have the derivatives of `beta`.

    Args:
        alpha: array of shape (..., n), above 0.
        shape: of the batch, to which the leading axes of `alpha` broadcast: that of the result is (*shape, n).
        dtype: of the result.
        key: a key.

    Raises:
        ValueError: a dtype that is not floating, shapes that do not fit, no key.

    Example:
        >>> import fastvjp
        >>> fastvjp.random.dirichlet(fastvjp.ones(3), key=fastvjp.random.key(0))
        array([0.114729, 0.711868, 0.173403], dtype=float32)
    """
    a = as_array(alpha, "random.dirichlet")
    if a.ndim == 0:
        raise ValueError("[random.dirichlet] Expected an array of at least one axis, got a scalar.")
    batch = a.shape[:-1] if shape is None else shape_of(shape, "random.dirichlet")
    (x,), _, wanted = _given("dirichlet", [a], (*batch, a.shape[-1]), dtype)
    behind = cumsum(x, -1, reverse=True, inclusive=False)
    first, others = getitem(x, (..., slice(-1))), getitem(behind, (..., slice(-1)))
    parts = betaincinv(first, others, _inside(next_key(key, "dirichlet"), (*batch, a.shape[-1] - 1), wanted))
    one = filled((*batch, 1), parts, 1)
    left = concatenate([one, cumprod(subtract(1, parts), -1)], -1)
    return multiply(left, concatenate([parts, one], -1))


@public(within=WITHIN)
@_narrowed
def student_t(df: ArrayLike, shape: Shape | None = None, dtype: Any = None, key: ArrayLike | None = None) -> array:
    """Numbers of Student's t distribution: a normal one over the root of an independent gamma one.

    Args:
        df: degrees of freedom, above 0.
        shape: of the result.
        dtype: of the result.
        key: a key.

    Raises:
        ValueError: a dtype that is not floating, a shape to which parameters do not broadcast, no key.

    Example:
        >>> import fastvjp
        >>> fastvjp.random.student_t(3.0, (2,), key=fastvjp.random.key(0))
        array([-0.0512346, -1.03423], dtype=float32)
    """
    (freedom,), sizes, wanted = _given("student_t", [df], shape, dtype)
    keys = split(next_key(key, "student_t"))
    half = divide(freedom, 2)
    spread = divide(gamma(half, sizes, wanted, getitem(keys, 1)), half)
    return multiply(normal(sizes, wanted, key=getitem(keys, 0)), rsqrt(spread))


@public(within=WITHIN)
def poisson(lam: ArrayLike, shape: Shape | None = None, dtype: Any = int32, key: ArrayLike | None = None) -> array:
    """Numbers of the Poisson distribution, by the inverse of its distribution function; they have no gradient.

    Args:
        lam: mean, at least 0.
        shape: of the result.
        dtype: integer dtype of the result.
        key: a key.

    Raises:
        ValueError: another dtype, a shape to which `lam` does not broadcast, no key.

    Example:
        >>> import fastvjp
        >>> fastvjp.random.poisson(4.0, (3,), key=fastvjp.random.key(0))
        array([4, 2, 5], dtype=int32)
    """
    wanted = as_dtype(dtype, "random.poisson")
    if wanted.kind not in "iu":
        raise ValueError(f"[random.poisson] Expected an integer dtype, got {wanted}.")
    (mean,), sizes, _ = _given("poisson", [lam], shape, float64)
    mean, u = broadcast_to(mean, sizes), _inside(next_key(key, "poisson"), sizes, float64)
    above = np.ceil(emit("pdtrik", u, maximum(mean, 1e-300)))
    below = maximum(subtract(above, 1), 0)  # the sum of chances up to k is gammaincc(k + 1, mean)
    enough = np.greater_equal(gammaincc(add(below, 1), mean), u)
    return cast(where(enough, below, above), wanted)


# --- whole numbers, choices ---------------------------------------------------------------------------------


@public(within=WITHIN)
def randint(
    low: ArrayLike,
    high: ArrayLike,
    shape: Shape | None = None,
    dtype: Any = int32,
    key: ArrayLike | None = None,
) -> array:
    """Integers from `low` up to, but without, `high`; they have no gradient.

    Args:
        low: least integer.
        high: end of the half-open interval.
        shape: of the result.
        dtype: integer dtype of the result, or bool.
        key: a key.

    Raises:
        ValueError: another dtype, a shape to which parameters do not broadcast, no key.

    Example:
        >>> import fastvjp
        >>> fastvjp.random.randint(0, 10, (3,), key=fastvjp.random.key(0))
        array([9, 3, 6], dtype=int32)
    """
    wanted = as_dtype(dtype or int32, "random.randint")
    if wanted.kind not in "biu":
        raise ValueError(f"[random.randint] Expected an integer dtype or bool, got {wanted}.")
    # float32 has too few numbers for long intervals, float64 up to 2**53
    ends = [x for x in (low, high) if type(x) in WEAK]
    short = len(ends) == 2 and float(ends[1] - ends[0]) <= 1 << 20
    (first, last), sizes, floating = _given("randint", [low, high], shape, float32 if short else float64)
    u = floor(_between(next_key(key, "randint"), first, last, sizes, floating))
    return cast(maximum(minimum(u, subtract(last, 1)), first), wanted)


@public(within=WITHIN)
def bernoulli(p: ArrayLike = 0.5, shape: Shape | None = None, key: ArrayLike | None = None) -> array:
    """Bools that are true with a probability; they have no gradient.

    Args:
        p: the probability of True.
        shape: of the result.
        key: a key.

    Raises:
        ValueError: a shape to which `p` does not broadcast, or no key.

    Example:
        >>> import fastvjp
        >>> fastvjp.random.bernoulli(0.5, (3,), key=fastvjp.random.key(0))
        array([False, True, False], dtype=bool)
    """
    (chance,), sizes, _ = _given("bernoulli", [p], shape, None)
    drawn = cast(words(next_key(key, "bernoulli"), sizes), chance.dtype)
    above = float(np.nextafter(np.float32(WORDS), np.float32(np.inf)))  # so that p = 1 is always true
    return less(drawn, multiply(chance, above))


@public(within=WITHIN)
def categorical(
    logits: ArrayLike,
    axis: int = -1,
    shape: Shape | None = None,
    num_samples: int | None = None,
    key: ArrayLike | None = None,
) -> array:
    """Positions along an axis, with probabilities `softmax(logits)`; they have no gradient.

    Args:
        logits: logarithms of probabilities, up to a constant for each distribution.
        axis: along which the distributions lie.
        shape: of the result, to which that of `logits` without the axis broadcasts.
        num_samples: in its place: how many of each distribution, along a new last axis.
        key: a key.

    Returns:
        int64 array.

    Raises:
        ValueError: both `shape` and `num_samples`, a shape that does not fit, no key.

    Example:
        >>> import fastvjp
        >>> fastvjp.random.categorical(fastvjp.array([0.0, 2.0]), shape=(3,), key=fastvjp.random.key(0))
        array([1, 1, 1], dtype=int64)
    """
    x = as_array(logits, "random.categorical")
    along = axis_of(axis, x.ndim, "random.categorical")
    rest = (*x.shape[:along], *x.shape[along + 1 :])
    if shape is not None and num_samples is not None:
        raise ValueError("[random.categorical] Expected at most one of shape and num_samples.")
    if num_samples is not None:
        sizes, rest = (*rest, num_samples), (*rest, 1)
        x = getitem(x, (..., None))
    else:
        sizes = rest if shape is None else shape_of(shape, "random.categorical")
    if broadcast(sizes, rest, "random.categorical") != sizes:
        raise ValueError(f"[random.categorical] Distributions of shape {rest} do not broadcast to {sizes}.")
    drawn = next_key(key, "categorical")
    n = x.shape[along]
    if x.size == n > 0 and sizes:
        return _by_inverse(reshaped(x, (n,)), drawn, sizes)
    place = along + len(sizes) - len(rest)
    noise = negative(log(negative(log(_unit(drawn, (*sizes[:place], n, *sizes[place:]), float32)))))
    return argmax(add(noise, x), place)


def _by_inverse(x: array, key: array, shape: tuple[int, ...]) -> array:
    """Of one distribution, by its distribution function: without a number for each choice of each result."""
    x = cast(x, promote(float32, x.dtype))
    top = max(x)
    weights = where(isinf(top), cast(equal(x, top), x.dtype), exp(subtract(x, top)))
    before = cumsum(weights, 0, inclusive=False)
    u = multiply(_unit(key, shape, float32), sum(weights))
    return subtract(searchsorted(before, u, "right"), 1)


@public(within=WITHIN)
def permutation(x: ArrayLike, axis: int = 0, key: ArrayLike | None = None) -> array:
    """The integers up to `x` in random order; or the parts of an array along an axis.

    Args:
        x: a number of integers, or an array, whose elements carry their gradient along.
        axis: of the array.
        key: a key.

    Raises:
        ValueError: the axis out of range, or no key.

    Example:
        >>> import fastvjp
        >>> fastvjp.random.permutation(4, key=fastvjp.random.key(0))
        array([1, 3, 2, 0], dtype=int64)
    """
    if isinstance(x, int):
        return argsort(words(next_key(key, "permutation"), (x,)))
    given = as_array(x, "random.permutation")
    n = given.shape[axis_of(axis, given.ndim, "random.permutation")]
    return take(given, argsort(words(next_key(key, "permutation"), (n,))), axis)
