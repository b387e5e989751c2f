"""softmax and logsumexp over axes: a reduction, exp, a reduction.

Both subtract the maximum first, so that no exp overflows and one of them is 1. The reductions are kernels;
between them NumPy broadcasts along any axes, and its exp is vectorised.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .reductions import LAUNCHERS as REDUCTIONS


def softmax(out: np.ndarray, x: np.ndarray, *, axes: tuple[int, ...]) -> None:
    """exp(x - max) / sum over axes."""
    if out.size == 0:
        return
    with np.errstate(all="ignore"):
        np.subtract(x, _reduced("max", x, axes), out=out)
        np.exp(out, out=out)
        np.divide(out, _reduced("sum", out, axes), out=out)


def logsumexp(out: np.ndarray, x: np.ndarray, *, axes: tuple[int, ...]) -> None:
    """log(sum(exp(x))) over axes."""
    if x.size == 0:
        out.fill(-np.inf)
        return
    largest = _reduced("max", x, axes)
    largest[~np.isfinite(largest)] = 0  # inf - inf would be nan
    with np.errstate(all="ignore"):
        powers = np.asarray(np.subtract(x, largest))
        np.exp(powers, out=powers)
        REDUCTIONS["sum"](out, powers, axes=axes)
        np.log(out, out=out)
        np.add(out, largest.reshape(out.shape), out=out)


def _reduced(name: str, x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """x reduced over axes, which stay with size 1."""
    result = np.empty(tuple(1 if i in axes else n for i, n in enumerate(x.shape)), x.dtype)
    kept = tuple(n for i, n in enumerate(x.shape) if i not in axes)
    REDUCTIONS[name](result.reshape(kept), x, axes=axes)
    return result


LAUNCHERS: dict[str, Callable[..., Any]] = {"softmax": softmax, "logsumexp": logsumexp}
