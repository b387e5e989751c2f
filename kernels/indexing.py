"""Rows by index: gather, and scatters that set or combine.

An array is (rows, row_size). Kernels check every index before they use it and return the position of the
first bad one, or -1. Scatters go through the index in order, so results do not depend on timing.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .arithmetic import OUT_OF_RANGE
from .jit import element_namespace, kernel
from .structure import canonical, combination, writable


def gather(out: np.ndarray, x: np.ndarray, index: np.ndarray) -> None:
    """Rows of x."""
    row_size = math.prod(x.shape[1:])
    rows = _words(canonical(x, len(x), row_size))
    result = _words(writable(out, len(index), row_size))
    _check("gather", _gather(rows, _canonical_index(index), result), index, len(x))


def scatter_set(out: np.ndarray, x: np.ndarray, index: np.ndarray, y: np.ndarray) -> None:
    """Copy x and replace rows by those of y; of several for one place the last stays."""
    np.copyto(out, x)
    row_size = math.prod(x.shape[1:])
    rows = _words(canonical(y, len(index), row_size))
    result = _words(writable(out, len(x), row_size))
    _check("scatter_set", _scatter_set(rows, _canonical_index(index), result), index, len(x))


def scatter(name: str, operation: str) -> Callable[..., None]:
    """A launcher that copies x and combines rows of y into it by an element function."""

    def launch(out: np.ndarray, x: np.ndarray, index: np.ndarray, y: np.ndarray) -> None:
        np.copyto(out, x)
        if x.dtype.kind == "c" and operation in ("maximum", "minimum"):
            _check(name, _first_bad(_canonical_index(index), len(x)), index, len(x))
            getattr(np, operation).at(out, index, y)  # NumPy knows the order of complex numbers
            return
        row_size = math.prod(x.shape[1:])
        rows, result = canonical(y, len(index), row_size), writable(out, len(x), row_size)
        run = _scatter(combination(operation, x.dtype))
        _check(name, run(rows, _canonical_index(index), result), index, len(x))

    return launch


def _canonical_index(index: np.ndarray) -> np.ndarray:
    return canonical(index.astype(np.int64, copy=False), index.size)


def _words(rows: np.ndarray) -> np.ndarray:
    """The same memory as unsigned integers: where values only move, dtypes of one size share a kernel."""
    return rows.view(f"u{min(rows.itemsize, 8)}")


def _check(name: str, bad: int, index: np.ndarray, size: int) -> None:
    if bad >= 0:
        # normalize_index has marked an index that was out of range: what it was is not known here
        what = "An index" if index[bad] == OUT_OF_RANGE else f"Index {index[bad]}"
        raise IndexError(
            f"[{name}] {what} is out of range for an axis of size {size} (element {bad} of the flattened index)."
        )


@kernel
def _first_bad(index, size):
    for i in range(index.size):
        if index[i] < 0 or index[i] >= size:
            return i
    return -1


@kernel
def _gather(x, index, out):
    size, row_size = x.shape
    for i in range(index.size):
        place = index[i]
        if place < 0 or place >= size:
            return i
        if row_size == 1:
            out[i, 0] = x[place, 0]
        else:
            row, result = x[place], out[i]
            for k in range(row_size):
                result[k] = row[k]
    return -1


@kernel
def _scatter_set(y, index, out):
    size, row_size = out.shape
    for i in range(index.size):
        place = index[i]
        if place < 0 or place >= size:
            return i
        row, result = y[i], out[place]
        for k in range(row_size):
            result[k] = row[k]
    return -1


@functools.cache
def _scatter(name: str) -> kernel:
    """The kernel that combines rows by an element function."""
    combine = element_namespace()[name]

    @kernel
    def scatter_rows(y, index, out):
        size, row_size = out.shape
        for i in range(index.size):
            place = index[i]
            if place < 0 or place >= size:
                return i
            if row_size == 1:
                out[place, 0] = combine(out[place, 0], y[i, 0])
            else:
                row, result = y[i], out[place]
                for k in range(row_size):
                    result[k] = combine(result[k], row[k])
        return -1

    return scatter_rows


LAUNCHERS: dict[str, Callable[..., Any]] = {
    "gather": gather,
    "scatter_set": scatter_set,
    "scatter_add": scatter("scatter_add", "add"),
    "scatter_multiply": scatter("scatter_multiply", "multiply"),
    "scatter_max": scatter("scatter_max", "maximum"),
    "scatter_min": scatter("scatter_min", "minimum"),
}
