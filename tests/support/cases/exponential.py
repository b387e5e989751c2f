"""Rows of the element functions of kernels/elements/exponential.py."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.special

from .case import ANY, FLOAT, INEXACT, INTO_FLOAT, INTO_INEXACT, POSITIVE, UNIT, elementwise, primitive


def _sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x)) if x.dtype.kind == "c" else scipy.special.expit(x)


def _erfinv(x: Any) -> Any:
    """SciPy's loses the sign of -0."""
    return np.copysign(scipy.special.erfinv(x), x)


def _erf_slope(x: Any) -> Any:
    """2 / sqrt(pi) * exp(-x * x); the square of 24 bits of x is exact, and the rest of it is small."""
    x = np.clip(x, -40, 40)
    high = np.asarray(x).astype(np.float32).astype(x.dtype)
    return 2 / math.sqrt(math.pi) * np.exp(-high * high) * np.exp((high - x) * (high + x))


CASES = [
    elementwise("exp", np.exp, INTO_INEXACT, ANY),
    elementwise("expm1", np.expm1, INTO_INEXACT, ANY),
    elementwise("log", np.log, INTO_INEXACT, POSITIVE),
    elementwise("log1p", np.log1p, INTO_INEXACT, POSITIVE),
    elementwise("log2", np.log2, INTO_INEXACT, POSITIVE),
    elementwise("log10", np.log10, INTO_INEXACT, POSITIVE),
    elementwise("logaddexp", np.logaddexp, INTO_FLOAT, ANY, ANY, at_least=1),
    elementwise("xlogy", scipy.special.xlogy, ("int32", *FLOAT), ANY, POSITIVE),
    elementwise("sigmoid", _sigmoid, ("int32", *INEXACT), ANY),
    elementwise("erf", scipy.special.erf, ("int32", *FLOAT), ANY),
    elementwise("erf_slope", _erf_slope, FLOAT, ANY, fun=primitive("erf_slope")),
    elementwise("erfinv", _erfinv, ("int32", *FLOAT), UNIT),
    elementwise(
        "finite_or_zero",
        lambda x: np.where(np.isfinite(x), x, 0),
        FLOAT,
        ANY,
        fun=primitive("finite_or_zero"),
    ),
]
