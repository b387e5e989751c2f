"""Matrix products, by BLAS through NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def matmul(out: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Products of the matrices in the last two axes of x and y, whose other axes agree."""
    if out.size == 0:
        return
    if x.ndim > 2 and all(_repeats(y)):  # one matrix y: a single tall product
        *batch, rows, inner = x.shape
        tall = int(np.prod(batch)) * rows
        x, y, out = x.reshape(tall, inner), y[(0,) * len(batch)], out.reshape(tall, y.shape[-1])
    with np.errstate(all="ignore"):
        np.matmul(_for_blas(x), _for_blas(y), out=out)


def _repeats(x: np.ndarray) -> list[bool]:
    """Which batch axes repeat one matrix."""
    return [n == 1 or s == 0 for n, s in zip(x.shape[:-2], x.strides[:-2], strict=True)]


def _for_blas(x: np.ndarray) -> np.ndarray:
    """x with matrices that BLAS can read as they lie; others NumPy would multiply without it, so copy them.

    What a batch axis repeats is copied once.
    """
    if x.size == 0 or _blas_reads(x):
        return x
    once = x[tuple(slice(0, 1) if repeats else slice(None) for repeats in _repeats(x))]
    return np.broadcast_to(np.ascontiguousarray(once), x.shape)


def _blas_reads(x: np.ndarray) -> bool:
    """Whether the rows or the columns of the matrices are dense and do not overlap."""
    (rows, columns), (down, right) = x.shape[-2:], x.strides[-2:]
    dense_rows = right == x.itemsize and (down >= columns * x.itemsize or rows == 1)
    dense_columns = down == x.itemsize and (right >= rows * x.itemsize or columns == 1)
    return dense_rows or dense_columns


LAUNCHERS: dict[str, Callable[..., Any]] = {"matmul": matmul}
