"""Rows of the element functions of kernels/elements/entropy.py."""

from __future__ import annotations

from functools import partial
from typing import Any

import mpmath
import numpy as np
import scipy.special

import fastvjp as mx
from fastvjp.ops.elementwise import floating2

from .case import FLOAT, POSITIVE, elementwise


def _log_ratio(x: Any, y: Any) -> Any:
    with np.errstate(all="ignore"):
        quotient = x / y
        apart = np.log(np.abs(x)) - np.log(np.abs(y))
        inside = (quotient > 0.5) & (quotient < 2)
        near = np.log1p((x - y) / y)
        regular = (x > 0) & (y > 0) & np.isfinite(x) & np.isfinite(y)
        found = np.where(inside, near, np.where(regular, apart, np.log(quotient)))
    return np.where((x < 0) | (y < 0), np.nan, found).astype(x.dtype)


def _kl_div(x: Any, y: Any) -> Any:
    """SciPy's is infinite where x / y is 0 or inf, nan where one operand is infinite, and cancels near x = y."""
    found = np.broadcast_arrays(scipy.special.kl_div(x, y))[0].astype(x.dtype)
    x, y = np.broadcast_arrays(x, y)
    found[(x >= 0) & (y >= 0) & (np.isinf(x) != np.isinf(y))] = np.inf
    regular = (x > 0) & (y > 0) & np.isfinite(x) & np.isfinite(y)
    with mpmath.workprec(2300):
        pairs = [(mpmath.mpf(float(a)), mpmath.mpf(float(b))) for a, b in zip(x[regular], y[regular], strict=True)]
        found[regular] = [float(a * mpmath.log(a / b) - a + b) for a, b in pairs]
    return found


CASES = [
    elementwise("xlog1py", scipy.special.xlog1py, ("int32", *FLOAT), POSITIVE, POSITIVE, fun=mx.special.xlog1py),
    elementwise("log_ratio", _log_ratio, FLOAT, POSITIVE, POSITIVE, fun=partial(floating2, "log_ratio"), ulp=8),
    elementwise("kl_div", _kl_div, FLOAT, POSITIVE, POSITIVE, fun=mx.special.kl_div, at_least=4),
    elementwise("rel_entr", scipy.special.rel_entr, FLOAT, POSITIVE, POSITIVE, fun=mx.special.rel_entr, ulp=16),
]
