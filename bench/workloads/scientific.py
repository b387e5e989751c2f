"""GradBench's gmm, ode and kmeans from their mathematical statements; points pairwise, in motion, transported."""

from __future__ import annotations

import math
from typing import Any

import numpy

from .base import Made, Workload
from .elementwise import BOTH


def gmm(np: Any, alpha: Any, means: Any, logs: Any, lower: Any, x: Any, places: Any, strict: Any, eye: Any) -> Any:
    """Log likelihood of a Gaussian mixture with a Wishart prior (gamma 1, m 0), up to constants.

    The inverse square root of a component's covariance has diagonal exp(logs), and `lower` below it.
    """
    size, width = x.shape
    scales = np.exp(logs)
    root = lower[:, places] * strict + scales[:, :, None] * eye
    z = (x - means[:, None, :]) @ np.swapaxes(root, 1, 2)
    log_dets = np.sum(logs, axis=1)
    terms = (alpha + log_dets)[:, None] - 0.5 * np.sum(z * z, axis=2)
    prior = 0.5 * (np.sum(scales * scales) + np.sum(lower * lower))
    likelihood = np.sum(np.logsumexp(terms, axis=0)) - size * np.logsumexp(alpha, axis=0)
    return likelihood - 0.5 * size * width * math.log(2 * math.pi) + prior


def ode(np: Any, x: Any, one: Any, steps: int) -> Any:
    """Last component at time 2 of y[0]' = x[0], y[i]' = x[i] y[i-1], y(0) = 0, by Runge and Kutta's method."""
    h = 2.0 / steps
    y = 0.0 * x

    def slope(y: Any) -> Any:
        return x * np.concatenate([one, y[:-1]])

    for _ in range(steps):
        k1 = slope(y)
        k2 = slope(y + (0.5 * h) * k1)
        k3 = slope(y + (0.5 * h) * k2)
        k4 = slope(y + h * k3)
        y = y + (h / 6.0) * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return y[-1]


def kmeans(np: Any, centres: Any, points: Any) -> Any:
    """Sum of squared distances of points from the nearest centre."""
    distances = np.sum((points[:, None, :] - centres) ** 2, axis=2)
    return np.sum(np.min(distances, axis=1))


def pairwise(np: Any, x: Any, log_width: Any) -> Any:
    """Log density of points under the kernel density estimate they make."""
    squares = np.sum((x[:, None, :] - x[None, :, :]) ** 2, axis=2)
    return np.mean(np.log(np.sum(np.exp(-0.5 * squares * np.exp(-2.0 * log_width)), axis=1))) - log_width


def rigid(np: Any, turns: Any, shifts: Any, points: Any, seen: Any) -> Any:
    """Squared distance of what is seen from points, each turned by a rotation vector of its own and shifted.

    Rotations by Cayley's map: (I - K)^-1 (I + K) x = x + 2 / (1 + w w) (K x + K K x) with K x = w cross x.
    """
    zero = 0.0 * turns[:, 0]
    a, b, c = turns[:, 0], turns[:, 1], turns[:, 2]
    rows = [np.stack(row, axis=1) for row in ([zero, -c, b], [c, zero, -a], [-b, a, zero])]
    k = np.stack(rows, axis=1)
    scale = 2.0 / (1.0 + np.sum(turns * turns, axis=1))
    turned = points + scale[:, None, None] * ((k + k @ k) @ points)
    return np.sum((turned + shifts[:, :, None] - seen) ** 2)


def sinkhorn(np: Any, costs: Any, steps: int) -> Any:
    """Cost of transport between uniform weights, regularised by entropy (Cuturi 2013), in logarithms."""
    rows, columns = 0.0 * costs[:, 0], 0.0 * costs[0]
    for _ in range(steps):
        rows = -np.logsumexp(columns[None, :] - costs, axis=1)
        columns = -np.logsumexp(rows[:, None] - costs, axis=0)
    return np.sum(np.exp(rows[:, None] + columns[None, :] - costs) * costs)


def spectral(np: Any, signals: Any, window: Any, levels: Any) -> Any:
    """Squared distance of the logarithms of power spectra of windowed signals from given ones."""
    spectra = np.fft.rfft(signals * window)
    power = np.real(spectra) ** 2 + np.imag(spectra) ** 2
    return np.mean((np.log(power + 1e-3) - levels) ** 2)


def poisson(np: Any, w: Any, intercept: Any, features: Any, counts: Any) -> Any:
    """Negative log likelihood of a Poisson regression, with its constant and a normal prior."""
    rates = features @ w + intercept
    return np.sum(np.exp(rates) - counts * rates + np.gammaln(counts + 1.0)) + 0.5 * np.sum(w * w)


def make_gmm(rng: Any, n: int, d: int, k: int) -> Made:
    place = numpy.zeros((d, d), numpy.int64)
    rows, columns = numpy.tril_indices(d, -1)
    place[rows, columns] = numpy.arange(len(rows))
    shapes = [k], [k, d], [k, d], [k, len(rows)]
    wrt = [rng.normal(size=shape) * 0.5 for shape in shapes]
    return wrt, [rng.normal(size=(n, d)), place, numpy.tri(d, k=-1), numpy.eye(d)]


def make_ode(rng: Any, n: int, steps: int) -> Made:
    return [rng.uniform(1.0, 2.0, n)], [numpy.ones(1)]


def make_kmeans(rng: Any, n: int, k: int, d: int) -> Made:
    return [rng.normal(size=(k, d))], [rng.normal(size=(n, d))]


def make_pairwise(rng: Any, n: int, d: int) -> Made:
    return [rng.normal(size=(n, d)), -0.5], []


def make_rigid(rng: Any, n: int) -> Made:
    wrt = [rng.normal(size=(n, 3)), rng.normal(size=(n, 3))]
    return wrt, [rng.normal(size=(n, 3, 2)), rng.normal(size=(n, 3, 2))]


def make_sinkhorn(rng: Any, n: int, steps: int) -> Made:
    return [rng.uniform(0.0, 5.0, (n, n))], []


def make_spectral(rng: Any, batch: int, n: int) -> Made:
    return [rng.normal(size=(batch, n))], [numpy.hanning(n), rng.normal(size=(batch, n // 2 + 1)) + 5.0]


def make_poisson(rng: Any, n: int, d: int) -> Made:
    features, w = rng.normal(size=(n, d)), rng.normal(size=d) / d
    counts = rng.poisson(numpy.exp(features @ w + 1.0)).astype(float)
    return [w, 1.0], [features, counts]


WORKLOADS = [
    Workload("gmm", gmm, make_gmm, {"n": 20, "d": 4, "k": 3}, ({"n": 1000, "d": 10, "k": 25},), ("float64",)),
    Workload("ode", ode, make_ode, {"n": 5, "steps": 4}, ({"n": 100, "steps": 20},), ("float64",), ("steps",)),
    Workload("kmeans", kmeans, make_kmeans, {"n": 50, "k": 3, "d": 2}, ({"n": 10_000, "k": 10, "d": 8},), BOTH),
    Workload(
        "pairwise", pairwise, make_pairwise, {"n": 20, "d": 3}, ({"n": 500, "d": 3},), BOTH,
        tolerance={"float32": 1e-3, "float64": 1e-9},  # the pulls of near points cancel
    ),
    Workload("rigid", rigid, make_rigid, {"n": 20}, ({"n": 20_000},), BOTH),
    Workload(
        "sinkhorn", sinkhorn, make_sinkhorn, {"n": 10, "steps": 3}, ({"n": 200, "steps": 20},), BOTH, ("steps",)
    ),
    Workload("poisson", poisson, make_poisson, {"n": 50, "d": 3}, ({"n": 100_000, "d": 10},), BOTH),
    Workload("spectral", spectral, make_spectral, {"batch": 2, "n": 32}, ({"batch": 64, "n": 4096},), BOTH),
]  # fmt: skip
