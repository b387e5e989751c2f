"""Errors in units in the last place (ULP), against numbers of mpmath."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf


def error(got: float, exact: Any, dtype: np.dtype) -> float:
    """Distance in ULPs; an overflow is right where the largest number is within one."""
    f = np.finfo(dtype)
    if exact == 0:
        return 0 if got == 0 else np.inf
    if not np.isfinite(got):
        return 0 if abs(exact) > mpf(float(f.max)) * (1 - mpf(float(f.eps))) else np.inf
    exponent = max(mpmath.frexp(abs(exact))[1] - 1, int(f.minexp))
    return float(abs(mpf(got) - exact) / mpf(2) ** (exponent - f.nmant))


def worst(got: np.ndarray, exact: Iterable[Any], at: Iterable[Any]) -> tuple[float, Any]:
    """The largest error of an array, and where it was."""
    found: tuple[float, Any] = (0, None)
    for value, wanted, where in zip(got.tolist(), exact, at, strict=True):
        off = error(value, wanted, got.dtype)
        if off > found[0]:
            found = off, where
    return found
