"""Random arguments for element functions, where their accuracy is hardest to keep."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

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


def sizes(rng: np.random.Generator, dtype: np.dtype) -> list[np.ndarray]:
    """Two numbers of one size, any that there is."""
    (x,) = exponents(-1100)(rng, dtype)
    return [x, x * rng.uniform(-1, 1, COUNT)]


EXPONENTIAL = [uniform((-1, 1), (-20, 20)), range_of_exp, exponents(-40, 3)]
LOGARITHM = [uniform((0.5, 2), (0.99, 1.01), (0, 10)), exponents(-1100, signed=False)]
SATURATING = [uniform((-1, 1), (-7, 7)), exponents(-1100, 4)]
ANGLE = [uniform((-1, 1), (-100, 100)), exponents(-1100), exponents(-20, 30), multiples_of_half_pi]
UNIT = [uniform((-1, 1)), exponents(-1100, 0), near_one]
ALL = [uniform((-1, 1), (-10, 10)), exponents(-1100)]
TAIL = [uniform((-1, 1), (-5, 5), (-12, 12)), exponents(-1100, 3)]
GAMMA = [uniform((0, 0.5), (0.5, 1.25), (1.25, 1.75), (1.75, 3), (3, 8), (8, 50)), exponents(-1100, signed=False)]

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
    "cbrt": [exponents(-1100), uniform((-9, 9))],
    "hypot": [points, sizes],
    "rsqrt": [exponents(-1100, signed=False)],
    "erfc": TAIL,
    "erfcx": [uniform((-4, 0.5), (0.5, 2), (2, 30)), exponents(-1100, 60, signed=False)],
    "ndtr": TAIL,
    "log_ndtr": [uniform((-1, 1), (-5, 5)), exponents(-1100, 3)],
    "gammaln": GAMMA,
    "digamma": GAMMA,
}
