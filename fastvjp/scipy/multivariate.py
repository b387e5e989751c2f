"""Densities of several variables in scipy.stats."""

from __future__ import annotations

import math
from typing import Any

from .. import linalg, ops
from ..arrays.array import array, as_arrays
from ..arrays.public import implements


def _parameters(center: array, spread: array, centred: bool) -> tuple[array, array]:
    """Mean and covariance as SciPy takes them: a number is that of each variable, a vector a diagonal."""
    n = (spread.shape[-1] if spread.ndim > 1 else 1) if centred else center.size
    center = ops.broadcast_to(ops.reshape(center, (-1,)), (n,))
    if spread.ndim < 2:
        spread = ops.diag(ops.broadcast_to(spread, (n,)))
    if spread.shape != (n, n):
        raise ValueError(
            f"[scipy.stats.multivariate_normal] A mean of {n} variables does not fit a covariance of shape "
            f"{spread.shape}."
        )
    return center, spread


@implements("scipy.stats.multivariate_normal.logpdf")
def _logpdf(x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> array:
    """By Cholesky factors C C^T of the covariance: -|C^-1 (x - mean)|^2 / 2 - log det C - n log(2 pi) / 2."""
    if allow_singular:
        raise TypeError("[scipy.stats.multivariate_normal] allow_singular= is not recorded.")
    x, center, spread = as_arrays([x, 0.0 if mean is None else mean, cov], "multivariate_normal")
    center, spread = _parameters(center, spread, mean is None)
    n = center.size
    points = ops.reshape(x, (*x.shape, 1)) if n == 1 and x.ndim < 2 else x
    if not points.ndim or points.shape[-1] != n:
        raise ValueError(
            f"[scipy.stats.multivariate_normal] Points of shape {x.shape} do not fit. Expected: {n} variables in "
            f"the last axis."
        )
    factor = linalg.cholesky(spread)
    away = ops.reshape(points - center, (-1, n))
    z = linalg.solve_triangular(factor, away.T)
    constant = ops.sum(ops.log(ops.diagonal(factor))) + 0.5 * n * math.log(2 * math.pi)
    return ops.squeeze(ops.reshape(-0.5 * ops.sum(z * z, 0) - constant, points.shape[:-1]))


@implements("scipy.stats.multivariate_normal.pdf")
def _pdf(x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> array:
    return ops.exp(_logpdf(x, mean, cov, allow_singular))
