"""Rows of the element functions of kernels/elements/normal.py; SciPy's tails are rounded more often."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special
import scipy.stats

import fastvjp as mx

from .case import ANY, FLOAT, Domain, elementwise, primitive

RIGHT = Domain(((-1, 3),), integers=(-3, 9))


def _hazard(x: Any) -> Any:
    """By SciPy's logarithms; far out by the asymptotic series of the quotient (DLMF 7.12.1)."""
    with np.errstate(all="ignore"):
        found = np.exp(scipy.stats.norm.logpdf(x) - scipy.special.log_ndtr(x))
        far = -x / (1 - 1 / x**2 + 3 / x**4 - 15 / x**6 + 105 / x**8)
    return np.where(x < -40, np.where(x < -1e18, -x, far), found).astype(x.dtype)


def _density(x: Any) -> Any:
    return scipy.stats.norm.pdf(x).astype(x.dtype)


def _once(x: Any) -> Any:
    """The integral of erfc, scaled; far out by its asymptotic series (DLMF 7.12.1)."""
    with np.errstate(all="ignore"):
        near = 1 / np.sqrt(np.pi) - x * scipy.special.erfcx(x)
        far = (1 - 1.5 / x**2 + 3.75 / x**4 - 13.125 / x**6) / (2 * np.sqrt(np.pi)) / x / x
    return np.where(x > 90, far, near).astype(x.dtype)


CASES = [
    elementwise("erfc", scipy.special.erfc, ("int32", *FLOAT), ANY, fun=mx.special.erfc, ulp=8),
    elementwise("ndtr", scipy.special.ndtr, ("int32", *FLOAT), ANY, fun=mx.special.ndtr, ulp=99),
    elementwise("log_ndtr", scipy.special.log_ndtr, ("int32", *FLOAT), ANY, fun=mx.special.log_ndtr, ulp=99),
    elementwise("scaled_ierfc", scipy.special.erfcx, ("int32", *FLOAT), RIGHT, fun=mx.special.erfcx, ulp=8),
    elementwise(
        "scaled_ierfc", _once, FLOAT, RIGHT, fun=primitive("scaled_ierfc", n=1), variant="n=1", ulp=64, at_least=1
    ),
    elementwise("ndtr_slope", _density, FLOAT, ANY, fun=primitive("ndtr_slope"), ulp=16),
    elementwise("ndtr_hazard", _hazard, FLOAT, ANY, fun=primitive("ndtr_hazard"), ulp=64),
]
