"""Small models, where Python and dispatch are all, and large elementwise ones, bound by memory."""

from __future__ import annotations

import math
from typing import Any

from .base import Made, Workload

BOTH = ("float32", "float64")


def rosenbrock(np: Any, x: Any) -> Any:
    """Sum of 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def chain(np: Any, x: Any, w: Any, b: Any) -> Any:
    """Sum of tanh(x w + b) exp(-x^2)."""
    return np.sum(np.tanh(x * w + b) * np.exp(-x * x))


def black_scholes(np: Any, spot: Any, strike: Any, time: Any, volatility: Any, rate: float = 0.03) -> Any:
    """Prices of European calls; the gradients are the Greeks."""
    spread = volatility * np.sqrt(time)
    d1 = (np.log(spot / strike) + (rate + 0.5 * volatility * volatility) * time) / spread
    d2 = d1 - spread

    def normal(d: Any) -> Any:
        return 0.5 + 0.5 * np.erf(d * math.sqrt(0.5))

    return spot * normal(d1) - strike * np.exp(-rate * time) * normal(d2)


def log_density(np: Any, theta: Any, x: Any, y: Any) -> Any:
    """Linear regression with five parameters, as a sampler sees it: hyper-mean, scales, intercept, slope."""
    mean, log_tau, intercept, slope, log_sigma = (theta[i] for i in range(5))
    priors = -0.5 * ((mean / 5.0) ** 2 + log_tau**2 + log_sigma**2)
    spread = np.exp(-2.0 * log_tau) * ((intercept - mean) ** 2 + slope**2)
    residual = (y - (intercept + slope * x)) * np.exp(-log_sigma)
    return priors - 0.5 * spread - 2.0 * log_tau - np.sum(0.5 * residual**2 + log_sigma)


def trees(np: Any, *arrays: Any) -> Any:
    """Half the squared distance of many small arrays from as many others: what arguments and results cost."""
    pairs = zip(arrays[: len(arrays) // 2], arrays[len(arrays) // 2 :], strict=True)
    return 0.5 * sum(np.sum((x - c) ** 2) for x, c in pairs)


def llsq(np: Any, x: Any, t: Any, s: Any) -> Any:
    """GradBench's llsq: half the squared distance of the polynomial with coefficients x from s, on points t."""
    fitted = x[-1]
    for j in range(x.shape[0] - 2, -1, -1):
        fitted = fitted * t + x[j]
    return 0.5 * np.sum((s - fitted) ** 2)


def stencil(np: Any, u: Any, k: Any, target: Any, steps: int) -> Any:
    """Heat with a conductivity field, on a shrinking square; squared distance from a target."""
    for i in range(steps):
        inner = u[1:-1, 1:-1]
        laplacian = u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * inner
        u = inner + k[i + 1 : -i - 1, i + 1 : -i - 1] * laplacian
    return np.mean((u - target) ** 2)


def make_rosenbrock(rng: Any, n: int) -> Made:
    return [rng.uniform(-1, 1, n)], []


def make_chain(rng: Any, n: int) -> Made:
    return [rng.normal(size=n) for _ in range(3)], []


def make_black_scholes(rng: Any, n: int) -> Made:
    spot, strike = rng.uniform(50, 150, (2, n))
    return [spot, strike, rng.uniform(0.2, 2, n), rng.uniform(0.1, 0.5, n)], []


def make_log_density(rng: Any, n: int) -> Made:
    x = rng.normal(size=n)
    return [rng.normal(size=5) * 0.5], [x, 1 + 2 * x + rng.normal(size=n)]


def make_trees(rng: Any, arrays: int, n: int) -> Made:
    return [rng.normal(size=n) for _ in range(arrays)], [rng.normal(size=n) for _ in range(arrays)]


def make_llsq(rng: Any, n: int, m: int) -> Made:
    t = 2 * rng.permutation(n) / (n - 1) - 1
    return [1.0 / (1 + rng.permutation(m))], [t, (t > 0) * 2.0 - 1]


def make_stencil(rng: Any, n: int, steps: int) -> Made:
    return [rng.uniform(size=(n, n)), rng.uniform(0.05, 0.2, (n, n))], [rng.uniform(size=[n - 2 * steps] * 2)]


WORKLOADS = [
    Workload("rosenbrock", rosenbrock, make_rosenbrock, {"n": 10}, ({"n": 10},), BOTH),
    Workload("chain", chain, make_chain, {"n": 1000}, ({"n": 10_000}, {"n": 1_000_000}), BOTH),
    Workload("black_scholes", black_scholes, make_black_scholes, {"n": 1000}, ({"n": 1_000_000},), BOTH),
    Workload("log_density", log_density, make_log_density, {"n": 20}, ({"n": 20},), ("float64",)),
    Workload(
        "trees", trees, make_trees, {"arrays": 2, "n": 10}, tuple({"arrays": k, "n": 10} for k in (1, 5, 50))
    ),
    Workload("llsq", llsq, make_llsq, {"n": 100, "m": 4}, ({"n": 100_000, "m": 16},), ("float64",)),
    Workload("stencil", stencil, make_stencil, {"n": 20, "steps": 2}, ({"n": 512, "steps": 5},), BOTH, ("steps",)),
]
