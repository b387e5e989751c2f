"""Numbers that are only stored in 16 bits: what they must be, and how far off a result is."""

from __future__ import annotations

from typing import Any

import numpy as np

import fastvjp as fv
from fastvjp.core.avals import bfloat16, float16

STORED = (float16, bfloat16)
"""The dtypes."""


def name_of(dtype: np.dtype) -> str:
    """For parametrized tests."""
    return dtype.name


def all_numbers(dtype: np.dtype) -> np.ndarray:
    """All that there are, those that are not a number included."""
    return np.arange(1 << 16).astype(np.uint16).view(dtype)


def near_ties(dtype: np.dtype) -> np.ndarray:
    """Float64: half way between neighbours, and right beside."""
    numbers = np.unique(all_numbers(dtype).astype(np.float32).astype(np.float64))
    numbers = numbers[np.isfinite(numbers)]
    between = (numbers[1:] + numbers[:-1]) / 2
    return np.concatenate([numbers, between, np.nextafter(between, np.inf), np.nextafter(between, -np.inf)])


def unit(x: Any, dtype: np.dtype, at_least: float = 0) -> np.ndarray:
    """The unit in the last place at a number, or at a larger one."""
    limits = fv.finfo(dtype)
    size = np.maximum(np.abs(np.asarray(x, np.float64)), max(at_least, float(limits.smallest_normal)))
    return np.exp2(np.floor(np.log2(size))) * float(limits.eps)


def off(got: Any, wanted: Any, at_least: float = 0) -> float:
    """The largest error, in such units; inf where only one is infinite or not a number."""
    dtype, a, b = got.dtype, np.asarray(got).astype(np.float64), np.asarray(wanted).astype(np.float64)
    assert a.shape == b.shape
    limit = float(fv.finfo(dtype).max)
    with np.errstate(all="ignore"):
        # what rounds to infinity is right as such
        b = np.where(np.abs(b) > limit + unit(limit, dtype) / 2, np.copysign(np.inf, b), b)
        found = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0, np.abs(a - b) / unit(b, dtype, at_least))
    return float(np.where(np.isnan(found), np.inf, found).max(initial=0))
