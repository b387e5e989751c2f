"""Gradients derived and written by hand, in NumPy: what a user would write without any of the libraries."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..workloads.base import Problem
from .base import Call, Library, Unsupported


def rosenbrock(x: Any, g: Any) -> Any:
    low, high = x[:-1], x[1:]
    off, rest = high - low * low, 1 - low
    grad = np.zeros_like(x)
    grad[:-1] = -400 * low * off - 2 * rest
    grad[1:] += 200 * off
    return 100 * (off @ off) + rest @ rest, [grad]


def chain(x: Any, w: Any, b: Any, g: Any) -> Any:
    t, e = np.tanh(x * w + b), np.exp(-x * x)
    inner = (1 - t * t) * e
    return t @ e, [inner * w - 2 * x * t * e, inner * x, inner]


def black_scholes(spot: Any, strike: Any, time: Any, volatility: Any, g: Any) -> Any:
    from scipy.special import ndtr

    rate = 0.03
    root = np.sqrt(time)
    spread = volatility * root
    d1 = (np.log(spot / strike) + (rate + 0.5 * volatility * volatility) * time) / spread
    n1, n2, present = ndtr(d1), ndtr(d1 - spread), strike * np.exp(-rate * time)
    density = g * spot * np.exp(-0.5 * d1 * d1) * (2 * math.pi) ** -0.5
    theta = density * volatility / (2 * root) + g * rate * present * n2
    return spot * n1 - present * n2, [g * n1, -g * present / strike * n2, theta, density * root]


def logistic(w: Any, b: Any, x: Any, y: Any, g: Any) -> Any:
    z = -y * (x @ w + b)
    pull = -y / ((1 + np.exp(-z)) * len(y))
    return np.mean(np.logaddexp(z, 0)) + 0.005 * (w @ w), [pull @ x + 0.01 * w, pull.sum()]


def mlp(w1: Any, b1: Any, w2: Any, b2: Any, x: Any, labels: Any, g: Any) -> Any:
    h = np.maximum(x @ w1 + b1, 0)
    scores = h @ w2 + b2
    rows = np.arange(len(labels))
    scores -= scores.max(axis=1, keepdims=True)
    e = np.exp(scores)
    total = e.sum(axis=1, keepdims=True)
    value = np.mean(np.log(total[:, 0]) - scores[rows, labels])
    pull = e / total
    pull[rows, labels] -= 1
    pull /= len(labels)
    below = (pull @ w2.T) * (h > 0)
    return value, [x.T @ below, below.sum(axis=0), h.T @ pull, pull.sum(axis=0)]


def matmul(a: Any, b: Any, g: Any) -> Any:
    """Three bare BLAS calls."""
    return a @ b, [g @ b.T, a.T @ g]


def attention(q: Any, k: Any, v: Any, g: Any) -> Any:
    scale = q.shape[-1] ** -0.5
    scores = (q @ k.swapaxes(-1, -2)) * scale
    p = np.exp(scores - scores.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    pull = g @ v.swapaxes(-1, -2)
    pull = (pull - (pull * p).sum(axis=-1, keepdims=True)) * p * scale
    return p @ v, [pull @ k, pull.swapaxes(-1, -2) @ q, p.swapaxes(-1, -2) @ g]


def llsq(x: Any, t: Any, s: Any, g: Any) -> Any:
    fitted = np.full_like(t, x[-1])
    for c in x[-2::-1]:
        fitted = fitted * t + c
    rest = fitted - s
    grad, power = np.empty_like(x), rest
    for j in range(len(x)):
        grad[j] = power.sum()
        power = power * t
    return 0.5 * (rest @ rest), [grad]


def kmeans(centres: Any, points: Any, g: Any) -> Any:
    distances = ((points[:, None, :] - centres) ** 2).sum(axis=2)
    nearest = distances.argmin(axis=1)
    value = distances[np.arange(len(points)), nearest].sum()
    grad = np.zeros_like(centres)
    np.add.at(grad, nearest, 2 * (centres[nearest] - points))
    return value, [grad]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f for f in (rosenbrock, chain, black_scholes, logistic, mlp, matmul, attention, llsq, kmeans)
}


class NumpyByHand(Library):
    """The functions above."""

    name = "numpy by hand"
    package = "numpy"
    automatic = False

    def build(self, problem: Problem) -> Call:
        function = FUNCTIONS.get(problem.workload.name)
        if function is None:
            raise Unsupported("not written by hand for this workload")
        arrays = [*problem.wrt, *problem.constants, problem.cotangent]
        return lambda: function(*arrays)
