"""Sorting, by NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def argsort(out: np.ndarray, x: np.ndarray, *, axis: int) -> None:
    """Positions that sort x along an axis; equal values keep their order."""
    out[...] = np.argsort(x, axis=axis, kind="stable")


LAUNCHERS: dict[str, Callable[..., Any]] = {"argsort": argsort}
