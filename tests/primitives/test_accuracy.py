"""Accuracy of the element functions against mpmath, in units in the last place; special values against NumPy."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf

import fastvjp as mx
from fastvjp.kernels.elements import registry

BOUND = 2.0
"""ULPs that no element function may be off by: the promise of docs/accuracy.md."""
COUNT = 250
"""Random arguments per interval."""

Interval = tuple[float, float]
Sample = Callable[[np.random.Generator, np.dtype], list[np.ndarray]]


def uniform(*intervals: Interval) -> Sample:
    return lambda rng, dtype: [np.concatenate([rng.uniform(a, b, COUNT) for a, b in intervals])]


def exponents(low: int, high: int | None = None, signed: bool = True) -> Sample:
    """Numbers of all magnitudes from 2**low up to 2**high or the largest, with spacings that shrink to 0."""

    def draw(rng: np.random.Generator, dtype: np.dtype) -> list[np.ndarray]:
        top = np.finfo(dtype).maxexp - 1 if high is None else high
        bottom = max(low, np.finfo(dtype).minexp - np.finfo(dtype).nmant)
        values = np.exp2(rng.uniform(bottom, top, COUNT))
        return [values * rng.choice([-1, 1], COUNT) if signed else values]

    return draw


def range_of_exp(rng: np.random.Generator, dtype: np.dtype) -> list[np.ndarray]:
    largest = np.log(np.finfo(dtype).max)
    return [rng.uniform(-1.2 * largest, largest, COUNT)]


def multiples_of_half_pi(rng: np.random.Generator, dtype: np.dtype) -> list[np.ndarray]:
    return [np.rint(rng.uniform(-1e6, 1e6, COUNT)) * np.pi / 2]


def near_one(rng: np.random.Generator, dtype: np.dtype) -> list[np.ndarray]:
    return [rng.choice([-1, 1], COUNT) * (1 - np.exp2(rng.uniform(-np.finfo(dtype).nmant, -1, COUNT)))]


def powers(rng: np.random.Generator, dtype: np.dtype) -> list[np.ndarray]:
    """Bases and exponents with results over the whole range, denormal ones too."""
    largest = float(np.log(np.finfo(dtype).max))
    x = np.concatenate([np.exp(rng.uniform(-largest, largest, COUNT)), rng.uniform(0.9, 1.1, COUNT)])
    y = rng.uniform(-1.02, 1, 2 * COUNT) * largest / np.abs(np.log(x))
    return [x, y]


def points(rng: np.random.Generator, dtype: np.dtype) -> list[np.ndarray]:
    scale = np.exp2(rng.uniform(-60, 60, (2, COUNT)))
    return list(np.concatenate([rng.normal(size=(2, COUNT)), rng.normal(size=(2, COUNT)) * scale], axis=1))


EXPONENTIAL = [uniform((-1, 1), (-20, 20)), range_of_exp, exponents(-40, 3)]
LOGARITHM = [uniform((0.5, 2), (0.99, 1.01), (0, 10)), exponents(-1100, signed=False)]
SATURATING = [uniform((-1, 1), (-7, 7)), exponents(-1100, 4)]
ANGLE = [uniform((-1, 1), (-100, 100)), exponents(-1100), exponents(-20, 30), multiples_of_half_pi]
UNIT = [uniform((-1, 1)), exponents(-1100, 0), near_one]
ALL = [uniform((-1, 1), (-10, 10)), exponents(-1100)]

SAMPLES: dict[str, list[Sample]] = {
    "exp": EXPONENTIAL,
    "expm1": EXPONENTIAL,
    "sinh": EXPONENTIAL,
    "cosh": EXPONENTIAL,
    "sigmoid": [*SATURATING, range_of_exp],
    "tanh": SATURATING,
    "erf": SATURATING,
    "erfinv": UNIT[:2],
    "log": LOGARITHM,
    "log2": LOGARITHM,
    "log10": LOGARITHM,
    "log1p": [uniform((-0.999, 1)), exponents(-1100, signed=False), exponents(-60, -1)],
    "sin": ANGLE,
    "cos": ANGLE,
    "tan": ANGLE,
    "arcsin": UNIT,
    "arccos": UNIT,
    "arctan": ALL,
    "arcsinh": ALL,
    "arccosh": [uniform((1, 3)), exponents(1, signed=False)],
    "arctanh": UNIT,
    "power": [powers],
    "arctan2": [points],
    "sqrt": [exponents(-1100, signed=False)],
    "rsqrt": [exponents(-1100, signed=False)],
}

EXACT: dict[str, Callable[..., Any]] = {
    "log2": lambda x: mpmath.log(x) / mpmath.log(2),
    "log10": mpmath.log10,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "arcsin": mpmath.asin,
    "arccos": mpmath.acos,
    "arctan": mpmath.atan,
    "arctan2": mpmath.atan2,
    "arcsinh": mpmath.asinh,
    "arccosh": mpmath.acosh,
    "arctanh": mpmath.atanh,
    "rsqrt": lambda x: 1 / mpmath.sqrt(x),
}

SPECIAL = [0.0, 5e-324, 1e-310, 1e-45, 1e-40, 1e-20, 0.5, 1, 2, 3, 7.5, 60, 100, 800, 1e10, 1e38, 1e300, np.inf]
SPECIAL = np.array([*SPECIAL, *(-x for x in SPECIAL), np.nan, 2.0**24 - 1, 2.0**53 - 1, 1 - 2.0**53])


def evaluate(name: str, xs: list[np.ndarray]) -> np.ndarray:
    return np.asarray(getattr(mx, name)(*map(mx.array, xs)))


def error(got: float, exact: Any, dtype: np.dtype) -> float:
    """Distance in ULPs; an overflow is right where the largest number is within one."""
    f = np.finfo(dtype)
    if exact == 0:
        return 0 if got == 0 else np.inf
    if not np.isfinite(got):
        return 0 if abs(exact) > mpf(float(f.max)) * (1 - mpf(float(f.eps))) else np.inf
    exponent = max(mpmath.frexp(abs(exact))[1] - 1, int(f.minexp))
    return float(abs(mpf(got) - exact) / mpf(2) ** (exponent - f.nmant))


def worst(name: str, dtype: Any, seed: Any) -> tuple[float, tuple[float, ...]]:
    """Largest error over random arguments, and where it was."""
    rng, dtype = np.random.default_rng(seed), np.dtype(dtype)
    exact = EXACT.get(name) or getattr(mpmath, name)
    found: tuple[float, tuple[float, ...]] = (0, ())
    with mp.workprec(160), np.errstate(all="ignore"):
        for sample in SAMPLES[name]:
            xs = [np.asarray(x, dtype) for x in sample(rng, dtype)]
            for got, *x in zip(evaluate(name, xs).tolist(), *(x.tolist() for x in xs), strict=True):
                found = max(found, (error(got, exact(*map(mpf, x)), dtype), tuple(x)))
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SAMPLES)
def test_ulp(name: str, dtype: str) -> None:
    seed = np.random.SeedSequence().entropy
    off, at = worst(name, dtype, seed)
    bound = 4 if (name, dtype) == ("erfinv", "float64") else BOUND
    assert off <= bound, f"{name}({at}) is off by {off} ULP; seed {seed}"


@functools.cache
def reference(name: str) -> Callable[..., np.ndarray]:
    import scipy.special

    def erfinv(x: np.ndarray) -> np.ndarray:
        return np.copysign(scipy.special.erfinv(x), x)  # with the sign of a zero

    special = {"sigmoid": scipy.special.expit, "erf": scipy.special.erf, "erfinv": erfinv}
    return special.get(name) or getattr(np, name, None) or (lambda x: 1 / np.sqrt(x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SAMPLES)
def test_special_values(name: str, dtype: str) -> None:
    with np.errstate(all="ignore"):
        xs = [SPECIAL.astype(dtype)]
        if len(registry.parameters(name)) == 2:
            xs = [x.ravel() for x in np.meshgrid(xs[0], xs[0])]
        expected = reference(name)(*(x.astype(np.float64) for x in xs)).astype(dtype)
        got = evaluate(name, xs)
        near = np.abs(got - expected) <= 3 * np.spacing(np.abs(expected))
    same = (got == expected) | (np.isnan(got) & np.isnan(expected)) | near
    same &= (np.signbit(got) == np.signbit(expected)) | np.isnan(expected)
    assert same.all(), [(*x, g, e) for *x, g, e, s in zip(*xs, got, expected, same, strict=True) if not s]


def test_worst_angle() -> None:
    """The float64 nearest to a multiple of pi / 2, and others far out."""
    x = np.array([6381956970095103 * 2.0**797, 1e22, 2.0**1023, -1e300])
    with mp.workprec(1300):
        for name in ("sin", "cos", "tan"):
            for got, a in zip(evaluate(name, [x]).tolist(), x.tolist(), strict=True):
                assert error(got, getattr(mpmath, name)(mpf(a)), x.dtype) < BOUND


def test_whole_results_are_exact() -> None:
    n = np.arange(-300, 300)
    assert (evaluate("log2", [2.0**n]) == n).all()
    tens = np.arange(23)
    assert (evaluate("log10", [10.0**tens]) == tens).all()
    assert (evaluate("power", [np.full(16, 10.0), np.arange(16.0)]) == 10.0 ** np.arange(16)).all()


def test_the_check_fails_on_a_wrong_function() -> None:
    """What is 3 ULP off is found."""
    with mp.workprec(160):
        assert error(1.0 + 3 * 2.0**-52, mpmath.exp(0), np.dtype(np.float64)) == 3


if __name__ == "__main__":  # the table of docs/accuracy.md
    for function in SAMPLES:
        offs = [max(worst(function, d, seed)[0] for seed in range(25)) for d in ("float32", "float64")]
        print(f"| {function} | {offs[0]:.2f} | {offs[1]:.2f} |", flush=True)
