"""Linear algebra: Gaussian processes and normal distributions, and many matrices of 3 x 3."""

from __future__ import annotations

import math
from typing import Any

import numpy

from .base import Made, Workload
from .elementwise import BOTH


def gp(np: Any, scales: Any, x: Any, y: Any, eye: Any) -> Any:
    """Log marginal likelihood of a Gaussian process (Rasmussen and Williams 2006, algorithm 2.1).

    The logarithms of height, length and noise are what is fitted.
    """
    height, length, noise = scales[0], scales[1], scales[2]
    squares = np.sum((x[:, None, :] - x[None, :, :]) ** 2, axis=2)
    covariance = np.exp(2.0 * height - 0.5 * squares * np.exp(-2.0 * length)) + np.exp(2.0 * noise) * eye
    lower = np.linalg.cholesky(covariance)
    z = np.solve_lower(lower, y)
    constant = 0.5 * math.log(2 * math.pi) * len(y)
    return -0.5 * np.sum(z * z) - np.sum(np.log(np.diag(lower))) - constant


def mvn(np: Any, mean: Any, root: Any, x: Any, eye: Any) -> Any:
    """Log density of points, each in a column of x, under a normal distribution of covariance R R^T + 1."""
    size, count = x.shape
    lower = np.linalg.cholesky(root @ np.swapaxes(root, 0, 1) + eye)
    z = np.solve_lower(lower, x - mean[:, None])
    log_det = np.sum(np.log(np.diag(lower)))
    return -0.5 * np.sum(z * z) - count * (log_det + 0.5 * size * math.log(2 * math.pi))


def inverses(np: Any, x: Any) -> Any:
    """Inverses of many small matrices."""
    return np.linalg.inv(x)


def choleskys(np: Any, x: Any) -> Any:
    """Cholesky factors of many small matrices, which are given as any whose symmetric part they are twice."""
    return np.linalg.cholesky(x + np.swapaxes(x, 1, 2))


def systems(np: Any, a: Any, b: Any) -> Any:
    """Solutions of many small linear systems."""
    return np.linalg.solve(a, b)


def make_gp(rng: Any, n: int, d: int) -> Made:
    x = rng.uniform(-2.0, 2.0, (n, d))
    y = numpy.sin(x.sum(axis=1, keepdims=True)) + 0.3 * rng.normal(size=(n, 1))
    return [numpy.log([1.2, 0.8, 0.5])], [x, y, numpy.eye(n)]


def make_mvn(rng: Any, d: int, n: int) -> Made:
    return [rng.normal(size=d), rng.normal(size=(d, d)) * 0.5], [rng.normal(size=(d, n)), numpy.eye(d)]


def make_matrices(rng: Any, count: int, n: int) -> Made:
    return [rng.normal(size=(count, n, n)) + 8 * numpy.eye(n)], []


def make_definite(rng: Any, count: int, n: int) -> Made:
    x = rng.normal(size=(count, n, n))
    return [x @ numpy.swapaxes(x, 1, 2) + numpy.eye(n)], []


def make_systems(rng: Any, count: int, n: int) -> Made:
    matrices, _ = make_matrices(rng, count, n)
    return [*matrices, rng.normal(size=(count, n, 1))], []


FEW, MANY = {"count": 10, "n": 3}, ({"count": 100_000, "n": 3},)

WORKLOADS = [
    Workload("gp", gp, make_gp, {"n": 10, "d": 2}, ({"n": 50, "d": 2}, {"n": 500, "d": 2}), ("float64",)),
    Workload("mvn", mvn, make_mvn, {"d": 3, "n": 20}, ({"d": 10, "n": 10_000},), BOTH),
    Workload("inverses", inverses, make_matrices, FEW, MANY, BOTH),
    Workload("choleskys", choleskys, make_definite, FEW, MANY, BOTH),
    Workload("systems", systems, make_systems, FEW, MANY, BOTH),
]
