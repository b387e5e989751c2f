"""First and second derivatives of the element functions against closed forms in mpmath, by ULPs.

In the tails, where they are tiny, near poles, and at huge and at denormal arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from mpmath import cbrt, cos, cosh, erfinv, exp, log, mp, mpf, pi, psi, sign, sin, sinh, sqrt, tan, tanh
from support.samples import exponents, near_one, uniform
from support.ulps import worst

import fastvjp as fv
from fastvjp.arrays.array import array
from fastvjp.arrays.emit import emit

Exact = Callable[..., Any]
FIRST, SECOND = 4.0, 8.0
"""ULPs that derivatives may be off by."""
ROUNDED = {"erfinv": (60, 120), "cbrt": (4, 10)}
"""Some follow from the rounded result y: of erfinv by exp(y * y), of which an ULP of y up to 5.9 is 2 * y * y, 70;
of cbrt by y**-5, of which half an ULP of y is up to 5 (9.5 is the largest error in 10 million arguments)."""
COUNT = 40
"""Random arguments of each kind."""


class Row(NamedTuple):
    """A function, its derivatives, and where they are asked for."""

    fun: Callable[[Any], Any]
    first: Exact
    second: Exact
    domain: str = "all"


def sech2(x: Any) -> Any:
    return 1 / cosh(x) ** 2


def logistic(x: Any) -> Any:
    return 1 / (1 + exp(-x))


def bessel(n: int, x: Any) -> Any:
    """sin(x) / x, and minus its derivative."""
    if abs(x) < mpf(10) ** -9:  # of which more terms are out of reach
        return 1 - x * x / 6 if n == 0 else x / 3 - x**3 / 30
    return sin(x) / x if n == 0 else (sin(x) / x - cos(x)) / x


ROWS = {
    "exp": Row(np.exp, exp, exp),
    "expm1": Row(np.expm1, exp, exp),
    "exp2": Row(np.exp2, lambda x: 2**x * log(2), lambda x: 2**x * log(2) ** 2),
    "log": Row(np.log, lambda x: 1 / x, lambda x: -1 / x**2, "positive"),
    "log1p": Row(np.log1p, lambda x: 1 / (1 + x), lambda x: -1 / (1 + x) ** 2, "positive"),
    "log2": Row(np.log2, lambda x: 1 / x / log(2), lambda x: -1 / x**2 / log(2), "positive"),
    "log10": Row(np.log10, lambda x: 1 / x / log(10), lambda x: -1 / x**2 / log(10), "positive"),
    "sqrt": Row(np.sqrt, lambda x: 1 / sqrt(x) / 2, lambda x: -1 / (4 * x * sqrt(x)), "positive"),
    "rsqrt": Row(fv.rsqrt, lambda x: -1 / sqrt(x) / x / 2, lambda x: 3 / (4 * x * x * sqrt(x)), "positive"),
    "cbrt": Row(np.cbrt, lambda x: cbrt(abs(x)) ** -2 / 3, lambda x: -sign(x) * 2 * cbrt(abs(x)) ** -5 / 9),
    "square": Row(np.square, lambda x: 2 * x, lambda x: mpf(2)),
    "reciprocal": Row(np.reciprocal, lambda x: -1 / x**2, lambda x: 2 / x**3),
    "sin": Row(np.sin, cos, lambda x: -sin(x)),
    "cos": Row(np.cos, lambda x: -sin(x), lambda x: -cos(x)),
    "tan": Row(np.tan, lambda x: 1 / cos(x) ** 2, lambda x: 2 * tan(x) / cos(x) ** 2),
    "arcsin": Row(np.arcsin, lambda x: 1 / sqrt(1 - x * x), lambda x: x / sqrt(1 - x * x) ** 3, "unit"),
    "arccos": Row(np.arccos, lambda x: -1 / sqrt(1 - x * x), lambda x: -x / sqrt(1 - x * x) ** 3, "unit"),
    "arctan": Row(np.arctan, lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2),
    "sinh": Row(np.sinh, cosh, sinh),
    "cosh": Row(np.cosh, sinh, cosh),
    "tanh": Row(np.tanh, sech2, lambda x: -2 * tanh(x) * sech2(x)),
    "arcsinh": Row(np.arcsinh, lambda x: 1 / sqrt(1 + x * x), lambda x: -x / sqrt(1 + x * x) ** 3),
    "arccosh": Row(np.arccosh, lambda x: 1 / sqrt(x * x - 1), lambda x: -x / sqrt(x * x - 1) ** 3, "above"),
    "arctanh": Row(np.arctanh, lambda x: 1 / (1 - x * x), lambda x: 2 * x / (1 - x * x) ** 2, "unit"),
    "sigmoid": Row(fv.sigmoid, lambda x: sech2(x / 2) / 4, lambda x: -tanh(x / 2) * sech2(x / 2) / 4),
    "softplus": Row(lambda x: np.logaddexp(x, 0.0), logistic, lambda x: sech2(x / 2) / 4),
    "log_sigmoid": Row(lambda x: -np.logaddexp(-x, 0.0), lambda x: logistic(-x), lambda x: -sech2(x / 2) / 4),
    "erf": Row(fv.erf, lambda x: 2 / sqrt(pi) * exp(-x * x), lambda x: -4 / sqrt(pi) * x * exp(-x * x), "erf"),
    "erfinv": Row(
        fv.erfinv,
        lambda x: sqrt(pi) / 2 * exp(erfinv(x) ** 2),
        lambda x: pi / 2 * erfinv(x) * exp(2 * erfinv(x) ** 2),
        "unit",
    ),
    "gammaln": Row(fv.special.gammaln, lambda x: psi(0, x), lambda x: psi(1, x), "gamma"),
    "digamma": Row(fv.special.digamma, lambda x: psi(1, x), lambda x: psi(2, x), "gamma"),
    "sinc": Row(
        lambda x: emit("spherical_bessel", x, n=0),
        lambda x: -bessel(1, x),
        lambda x: (2 * bessel(1, x) / x - bessel(0, x)) if abs(x) > mpf(10) ** -9 else -(1 - 3 * x * x / 10) / 3,
        "near",
    ),
}


def arguments(domain: str, dtype: np.dtype, rng: np.random.Generator) -> np.ndarray:
    """Random ones, of all sizes that there are."""
    f = np.finfo(dtype)
    far = float(np.log(f.max))
    kinds = {
        "all": [exponents(-1100), uniform((-1.1 * far, 1.1 * far), (-3, 3), (-30, 30))],
        "erf": [exponents(-1100, 2), uniform((-1, 1), (-0.97 * far**0.5, 0.97 * far**0.5))],
        "near": [exponents(-1100, 0), uniform((-1.5, 1.5))],
        "unit": [exponents(-1100, 0), uniform((-1, 1)), near_one],
        "above": [exponents(1, signed=False), uniform((1, 3)), lambda *_: [1 + abs(near_one(rng, dtype)[0])]],
        "gamma": [exponents(-100 if f.bits == 64 else -30, 20, signed=False), uniform((0, 2), (0, 30))],
        "positive": [exponents(-1100, signed=False), uniform((0, 1), (0, 30))],
    }
    drawn = [rng.choice(sample(rng, dtype)[0], COUNT) for sample in kinds[domain]]
    x = np.concatenate(drawn).astype(dtype)
    return x[(np.abs(x) != 1) & (x != 0)]


def derivatives(fun: Callable[..., Any], *xs: np.ndarray) -> list[np.ndarray]:
    """The first ones by vjp and by jvp, and the second ones, of all operands, in one kernel."""
    one, none = np.ones_like(xs[0]), np.zeros_like(xs[0])

    def together(*xs: array) -> Any:
        def first(*xs: array) -> Any:
            return fv.vjp(fun, xs, [one])[1]

        pushed = [fv.jvp(fun, xs, [one if i == k else none for i in range(len(xs))])[1][0] for k in range(len(xs))]
        seconds = [fv.vjp(first, xs, [one if i == k else none for i in range(len(xs))])[1] for k in range(len(xs))]
        return [*first(*xs), *pushed, *[x for row in seconds for x in row]]

    return [np.asarray(x) for x in fv.compile(together)(*map(fv.array, xs))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ROWS)
def test_of_one_operand(name: str, dtype: str) -> None:
    seed = np.random.SeedSequence().entropy
    row = ROWS[name]
    x = arguments(row.domain, np.dtype(dtype), np.random.default_rng(seed))
    first, second = ROUNDED.get(name, (FIRST, SECOND))
    found = derivatives(row.fun, x)
    with mp.workprec(1200 if row.domain == "all" else 300):
        exact = [[f(mpf(a)) for a in x.tolist()] for f in (row.first, row.second)]
        for got, wanted, bound, what in zip(
            found, (exact[0], *exact), (first, first, second), ("vjp", "jvp", "second"), strict=True
        ):
            off, at = worst(got, wanted, x.tolist())
            assert off <= bound, f"{what} of {name} at {at} is off by {off} ULP; seed {seed}"


# --- of two operands -------------------------------------------------------------------------------------


class Pair(NamedTuple):
    """A function of x and y, its derivatives by x and y, and the second ones by xx, xy and yy."""

    fun: Callable[[Any, Any], Any]
    first: tuple[Exact, Exact]
    second: tuple[Exact | None, ...]


def cubed(x: Any, y: Any) -> Any:
    return sqrt(x * x + y * y) ** 3


def squared(x: Any, y: Any) -> Any:
    return x * x + y * y


PAIRS = {
    "hypot": Pair(
        np.hypot,
        (lambda x, y: x / sqrt(squared(x, y)), lambda x, y: y / sqrt(squared(x, y))),
        (
            lambda x, y: y * y / cubed(x, y),
            lambda x, y: -x * y / cubed(x, y),
            lambda x, y: x * x / cubed(x, y),
        ),
    ),
    "arctan2": Pair(
        np.arctan2,
        (lambda x, y: y / squared(x, y), lambda x, y: -x / squared(x, y)),
        (
            lambda x, y: -2 * x * y / squared(x, y) ** 2,
            None,  # x*x - y*y cancels
            lambda x, y: 2 * x * y / squared(x, y) ** 2,
        ),
    ),
    "divide": Pair(
        np.divide,
        (lambda x, y: 1 / y, lambda x, y: -x / y**2),
        (lambda x, y: mpf(0), lambda x, y: -1 / y**2, lambda x, y: 2 * x / y**3),
    ),
    "power": Pair(
        np.power,
        (lambda x, y: y * x ** (y - 1), lambda x, y: x**y * log(x)),
        (
            lambda x, y: y * (y - 1) * x ** (y - 2),
            None,  # 1 + y * log(x) cancels
            lambda x, y: x**y * log(x) ** 2,
        ),
    ),
    "logaddexp": Pair(
        np.logaddexp,
        (lambda x, y: logistic(x - y), lambda x, y: logistic(y - x)),
        (
            lambda x, y: sech2((x - y) / 2) / 4,
            lambda x, y: -sech2((x - y) / 2) / 4,
            lambda x, y: sech2((x - y) / 2) / 4,
        ),
    ),
}


def sides(dtype: np.dtype, rng: np.random.Generator) -> list[np.ndarray]:
    """Two numbers of near sizes, whatever size, and two of any: results are neither denormal nor too large."""
    top = int(np.finfo(dtype).maxexp)
    alike = [np.exp2(rng.uniform(-top / 3, top / 3, COUNT))] * 2 * rng.uniform(0.1, 1, (2, COUNT))
    apart = np.exp2(rng.uniform(-top / 8, top / 8, (2, COUNT)))
    both = np.concatenate([alike, apart], axis=1)
    return list((both * rng.choice([-1, 1], both.shape)).astype(dtype))


def differences(dtype: np.dtype, rng: np.random.Generator) -> list[np.ndarray]:
    """Whole numbers, whose difference is exact, up to where derivatives are 0."""
    far = int(1.1 * np.log(np.finfo(dtype).max))
    return list(rng.integers(-far, far + 1, (2, 2 * COUNT)).astype(dtype))


def powers(dtype: np.dtype, rng: np.random.Generator) -> list[np.ndarray]:
    """Bases of all sizes and exponents whose rounded y - 1 would be another; where 1/x and x**y are in range."""
    top = int(np.finfo(dtype).maxexp)
    x = np.exp2(rng.uniform(-top / 3, top / 3, COUNT))
    return [x.astype(dtype), rng.uniform(-0.9, 0.9, COUNT).astype(dtype)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PAIRS)
def test_of_two_operands(name: str, dtype: str) -> None:
    seed = np.random.SeedSequence().entropy
    row = PAIRS[name]
    draw = {"logaddexp": differences, "power": powers}.get(name, sides)
    xs = draw(np.dtype(dtype), np.random.default_rng(seed))
    found = derivatives(row.fun, *xs)
    xx, xy, yy = row.second
    shown = ("vjp x", "vjp y", "jvp x", "jvp y", "xx", "xy", "yx", "yy")
    with mp.workprec(1200):
        at = list(zip(*(x.tolist() for x in xs), strict=True))
        for got, f, what in zip(found, (*row.first, *row.first, xx, xy, xy, yy), shown, strict=True):
            if f is None:
                continue
            off, where = worst(got, [f(mpf(x), mpf(y)) for x, y in at], at)
            bound = FIRST if "jvp" in what or "vjp" in what else SECOND
            assert off <= bound, f"{what} of {name} at {where} is off by {off} ULP; seed {seed}"


# --- where there is no derivative, or an infinite one ----------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_hypot_at_the_edges(dtype: str) -> None:
    """0 at the origin, as a norm's; on an axis and where |x| = |y|; tiny, huge and infinite sides."""
    f = np.finfo(dtype)
    least, huge, inf, eps = f.smallest_subnormal, f.max, np.inf, float(f.eps)
    x = np.array([0.0, -0.0, 3, 0, 1, -1, least, huge, inf, 1, inf, -inf, inf], dtype)
    y = np.array([0.0, 0.0, 0, -2, 1, 1, -least, huge, 1, inf, inf, inf, np.nan], dtype)
    half = np.sqrt(0.5)
    by_x, by_y, pushed_x, pushed_y, xx, xy, yx, yy = derivatives(np.hypot, x, y)
    wanted = [0, 0, 1, 0, half, -half, half, half, 1, 0, half, -half, 1]
    np.testing.assert_allclose(by_x, wanted, rtol=2 * eps)
    np.testing.assert_allclose(by_y, [0, 0, 0, -1, half, half, -half, half, 0, 1, half, half, 0], rtol=2 * eps)
    np.testing.assert_array_equal(pushed_x, by_x)
    np.testing.assert_array_equal(pushed_y, by_y)
    np.testing.assert_allclose(xx[:6], [0, 0, 0, 0.5, half / 2, half / 2], rtol=4 * eps)
    np.testing.assert_allclose(yy[:6], [0, 0, 1 / 3, 0, half / 2, half / 2], rtol=4 * eps)
    np.testing.assert_allclose(xy[:6], [0, 0, 0, 0, -half / 2, half / 2], rtol=4 * eps)
    np.testing.assert_array_equal(xy, yx)
    assert not xx[-5:].any() and 0 < xx[7] < 4 / huge
    assert not np.isnan([*by_x, *by_y, *xx, *xy, *yy]).any()


def test_third_derivative_of_hypot_on_an_axis() -> None:
    """By x, y and y it is -1 / (x * x) where y is 0: no rule may take a slope that is 0 for a constant."""

    def by_y(x: Any, y: Any) -> Any:
        return fv.grad(lambda y: np.hypot(x, y))(y)

    mixed = fv.grad(lambda x: fv.grad(lambda y: by_y(x, y))(fv.array(np.float64(0))))(np.float64(2.0))
    np.testing.assert_allclose(mixed, -0.25)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_roots_at_zero(dtype: Any) -> None:
    for root in (np.sqrt, np.cbrt):
        slope, pushed, second = derivatives(root, np.zeros(1, dtype))
        assert slope == pushed == np.inf and second == -np.inf
    assert derivatives(np.cbrt, -np.zeros(1, dtype))[0] == np.inf


def test_sinc_at_zero() -> None:
    """To any order: 1, 0, -pi**2 / 3, 0, pi**4 / 5."""
    fun: Callable[[Any], Any] = np.sinc
    found = []
    for _ in range(5):
        found.append(float(fun(np.float64(0.0))))
        fun = fv.grad(fun)
    np.testing.assert_allclose(found, [1, 0, -(np.pi**2) / 3, 0, np.pi**4 / 5], rtol=1e-14, atol=0)
    x = np.array([1e-170, 1e-8, 0.3, -2.5, 1e5])
    slope = fv.vjp(np.sinc, [x], [np.ones(5)])[1][0]
    t = np.pi * x
    wanted = np.where(np.abs(x) < 1e-6, -(np.pi**2) * x / 3, np.pi * (np.cos(t) / t - np.sin(t) / t / t))
    np.testing.assert_allclose(slope, wanted, rtol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_beyond_the_tails(dtype: str) -> None:
    """0, and never nan, where a derivative is smaller than any number, at infinity too."""
    far = np.array([1e4, -1e4, 1e30, -1e30, np.inf, -np.inf], dtype)
    for fun in (np.tanh, fv.sigmoid, fv.erf):
        assert not np.any(derivatives(fun, far)), fun
    assert not np.any(derivatives(np.arctan, far[-2:]))
    assert not np.any(derivatives(np.arcsinh, far[-2:]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logaddexp_is_logsumexp_of_two_at_infinity(dtype: str) -> None:
    """An element of inf has all of the cotangent, one of -inf none; neither value nor derivatives are nan."""
    inf = np.inf
    x = np.array([inf, -inf, inf, -inf, inf, 1, -inf], dtype)
    y = np.array([inf, -inf, -inf, inf, 1, inf, 1], dtype)
    of_two = derivatives(np.logaddexp, x, y)
    of_many = derivatives(lambda x, y: fv.logsumexp(fv.stack([x, y]), axis=0), x, y)
    for got, other in zip(of_two, of_many, strict=True):
        np.testing.assert_array_equal(got, other)
    np.testing.assert_array_equal(fv.logaddexp(x, y), np.logaddexp(x, y))
    np.testing.assert_array_equal(of_two[0], [1, 0, 1, 0, 1, 0, 0])
    np.testing.assert_array_equal(of_two[1], [1, 0, 0, 1, 0, 1, 1])
    assert not np.any(of_two[4:])
    by_two = derivatives(np.logaddexp2, x, y)
    np.testing.assert_array_equal(by_two, of_two)
    np.testing.assert_array_equal(fv.softmax(x[:2]), [np.nan, np.nan])  # as SciPy's: no share of inf is known


def test_the_check_fails_on_a_wrong_derivative() -> None:
    """What 1 - tanh(x)**2 gives far out is found."""
    x = np.array([12.0, 20.0])
    got = 1 - np.tanh(x) ** 2
    with mp.workprec(200):
        off, _ = worst(got, [sech2(mpf(a)) for a in x.tolist()], x.tolist())
    assert off > 1e6


# --- running logsumexp and extremes ----------------------------------------------------------------------


def test_running_logsumexp_far_apart_and_infinite() -> None:
    """Each element's share, without overflow; of infinities as logaddexp has it."""
    inf = np.inf
    for x in ([0.1, -400.0, 3.0, 800.0, 800.0], [-inf, -inf, 2.0, 1.0], [1.0, inf, 2.0, inf], [-inf, -inf]):
        v = np.array(x)
        for last in range(v.size):
            (out,), (g,) = fv.vjp(lambda v, n=last: np.logaddexp.accumulate(v)[n], [v], [1.0])
            np.testing.assert_allclose(out, np.logaddexp.accumulate(v)[last], rtol=1e-15)
            _, (whole,) = fv.vjp(lambda v, n=last: fv.logsumexp(v[: n + 1]), [v], [1.0])
            if np.isfinite(np.asarray(out)):
                np.testing.assert_allclose(g, whole, rtol=1e-13)
            else:
                assert not np.isnan(g).any() and not g[~np.isinf(v)].any()


def test_second_derivative_of_running_logsumexp(rng: np.random.Generator) -> None:
    v = rng.normal(size=5)
    hessian = fv.hessian(lambda v: fv.logcumsumexp(v, reverse=True)[1])(v)
    p = np.concatenate([[0], np.exp(v[1:] - np.logaddexp.reduce(v[1:]))])
    np.testing.assert_allclose(hessian, np.diag(p) - np.outer(p, p), rtol=1e-12, atol=1e-15)


def test_running_functions_of_those_before() -> None:
    """Without the element itself: what stands before the first is the least, or the largest, number."""
    x = np.array([2.0, 3.0, 1.0])
    np.testing.assert_array_equal(fv.cummax(x, inclusive=False), [-np.inf, 2, 3])
    np.testing.assert_array_equal(fv.cummin(x, inclusive=False, reverse=True), [1, 1, np.inf])
    np.testing.assert_allclose(fv.logcumsumexp(x, inclusive=False), [-np.inf, 2, np.logaddexp(2, 3)])
    np.testing.assert_array_equal(fv.cummax(np.array([[3, 4]], np.uint8), 1, inclusive=False), [[0, 3]])
    np.testing.assert_array_equal(fv.cummin(np.array([3, -4], np.int8), inclusive=False), [127, 3])
    np.testing.assert_array_equal(fv.cummax(np.array([False, True]), inclusive=False), [False, False])
    _, (g,) = fv.vjp(lambda x: fv.logcumsumexp(x, inclusive=False), [x], [np.array([5.0, 1.0, 0.0])])
    np.testing.assert_allclose(g, [1, 0, 0])
    _, (g,) = fv.vjp(fv.cummax, [np.array([1.0, 1.0, 0.0])], [np.array([1.0, 2.0, 4.0])])
    np.testing.assert_array_equal(g, [4, 3, 0])  # equal ones share
    with pytest.raises(TypeError, match="cummax"):
        fv.cummax(np.array([1j]))


@pytest.mark.parametrize("ufunc", [np.subtract, np.divide, np.hypot, np.logaddexp2, np.fmax])
@pytest.mark.parametrize("method", ["accumulate", "reduceat", "reduce"])
def test_methods_of_other_ufuncs_are_named(ufunc: Any, method: str) -> None:
    rest = ([0, 1],) if method == "reduceat" else ()
    call = getattr(ufunc, method)
    with pytest.raises(TypeError, match=rf"\[np.{ufunc.__name__}.{method}\] No such (method|function)"):
        fv.grad(lambda x: call(x, *rest).sum())(np.arange(1.0, 4))
    np.testing.assert_allclose(call(fv.arange(1.0, 4), *rest), call(np.arange(1.0, 4, dtype=np.float32), *rest))
