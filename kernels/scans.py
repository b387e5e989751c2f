"""Scans along an axis: cumsum, cumprod, linear_recurrence.

An array is (outer, n, inner). Where inner is 1 it is (outer, n) and the running value is in a register; else
a row of results continues the row before, which vectorises.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from .jit import element_namespace, kernel
from .reductions import around
from .structure import canonical, combination, writable


def scan(name: str, identity: int) -> Callable[..., None]:
    """A launcher that accumulates by the element function of this name."""

    def launch(
        out: np.ndarray, x: np.ndarray, *, axis: int, reverse: bool = False, exclusive: bool = False
    ) -> None:
        if out.size == 0:
            return
        shape = _around(x.shape, axis)
        along_rows, along_columns = _scans(combination(name, x.dtype))
        run = along_rows if len(shape) == 2 else along_columns
        result = writable(out, *shape)
        run(canonical(x, *shape), result, result.dtype.type(identity), bool(reverse), bool(exclusive))

    return launch


def _around(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """(outer, n, inner), or (outer, n) where inner is 1."""
    outer, n, inner = around(shape, (axis,))
    return (outer, n) if inner == 1 else (outer, n, inner)


@functools.cache
def _scans(name: str) -> tuple[kernel, kernel]:
    """Scans by an element function where inner is 1 and where it is not."""
    combine = element_namespace()[name]

    @kernel
    def along_rows(x, out, start, reverse, exclusive):
        outer, n = x.shape
        for i in range(outer):
            value = start
            for j in range(n):
                place = n - 1 - j if reverse else j
                if exclusive:
                    out[i, place] = value
                    value = combine(value, x[i, place])
                else:
                    value = combine(value, x[i, place])
                    out[i, place] = value

    @kernel
    def along_columns(x, out, start, reverse, exclusive):
        outer, n, inner = x.shape
        step = -1 if reverse else 1
        for i in range(outer):
            place = n - 1 if reverse else 0
            for k in range(inner):
                out[i, place, k] = start if exclusive else x[i, place, k]
            for _ in range(n - 1):
                before = out[i, place]
                row = x[i, place if exclusive else place + step]
                place += step
                result = out[i, place]
                for k in range(inner):
                    result[k] = combine(before[k], row[k])

    return along_rows, along_columns


def linear_recurrence(out: np.ndarray, x: np.ndarray, y: np.ndarray, *, axis: int, reverse: bool = False) -> None:
    """h = x * h + y along the axis, from h = 0."""
    if out.size == 0:
        return
    shape = _around(x.shape, axis)
    run = _recurrence_along_rows if len(shape) == 2 else _recurrence_along_columns
    run(canonical(x, *shape), canonical(y, *shape), writable(out, *shape), bool(reverse))


@kernel
def _recurrence_along_rows(x, y, out, reverse):
    outer, n = x.shape
    for i in range(outer):
        h = out.dtype.type(0)
        for j in range(n):
            place = n - 1 - j if reverse else j
            h = x[i, place] * h + y[i, place]
            out[i, place] = h


@kernel
def _recurrence_along_columns(x, y, out, reverse):
    outer, n, inner = x.shape
    zero = out.dtype.type(0)
    step = -1 if reverse else 1
    for i in range(outer):
        place = n - 1 if reverse else 0
        for k in range(inner):
            out[i, place, k] = x[i, place, k] * zero + y[i, place, k]
        for _ in range(n - 1):
            before = out[i, place]
            place += step
            factors, terms, result = x[i, place], y[i, place], out[i, place]
            for k in range(inner):
                result[k] = factors[k] * before[k] + terms[k]


LAUNCHERS: dict[str, Callable[..., Any]] = {
    "cumsum": scan("add", 0),
    "cumprod": scan("multiply", 1),
    "linear_recurrence": linear_recurrence,
}
