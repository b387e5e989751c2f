"""Rows of scans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .case import (
    ANY,
    EVEN,
    FLOAT,
    INEXACT,
    KINDS,
    WHOLE,
    Case,
    Choice,
    Domain,
    primitive,
    structural,
    variants,
    with_zeros,
)

REAL = tuple(d for d in KINDS if not d.startswith("complex"))

SCANS: list[Choice] = [
    ((2, 3, 4), {"axis": 1, "reverse": False, "exclusive": False}),
    ((3, 4), {"axis": 1, "reverse": True, "exclusive": False}),
    ((3, 4), {"axis": 1, "reverse": False, "exclusive": True}),
    ((2, 3, 4), {"axis": 1, "reverse": True, "exclusive": True}),
    ((1, 1), {"axis": 0, "reverse": False, "exclusive": True}),
    ((0, 3), {"axis": 0, "reverse": False, "exclusive": False}),
]


def _scanned(accumulate: np.ufunc) -> Callable[..., Any]:
    """What cumsum and cumprod should give; for bool NumPy's scans count, ours stay bool."""

    def scan(x: Any, axis: int, reverse: bool, exclusive: bool) -> Any:
        x = np.flip(x, axis) if reverse else x
        if exclusive:
            first = np.full_like(np.take(x, [0] if x.shape[axis] else [], axis), accumulate.identity)
            rest = np.delete(x, -1, axis) if x.shape[axis] else x
            x = np.concatenate([first, rest], axis)
        found = accumulate.accumulate(x, axis, dtype=x.dtype)
        return np.flip(found, axis) if reverse else found

    return scan


def _scans(name: str, ufunc: np.ufunc, domain: Domain, *choices: Choice, dtypes: tuple[str, ...]) -> list[Case]:
    return variants(name, primitive(name), _scanned(ufunc), domain, *choices, dtypes=dtypes)


RUNNING: list[Choice] = [
    ((2, 3, 4), {"axis": 1, "reverse": False}),
    ((3, 4), {"axis": 1, "reverse": True}),
    ((2, 3, 4), {"axis": 0, "reverse": True}),
    ((1, 1), {"axis": 0, "reverse": False}),
    ((0, 3), {"axis": 0, "reverse": False}),
]


def _running(name: str, ufunc: np.ufunc, domain: Domain, dtypes: tuple[str, ...]) -> list[Case]:
    def scan(x: Any, axis: int, reverse: bool) -> Any:
        x = np.flip(x, axis) if reverse else x
        found = ufunc.accumulate(x, axis, dtype=x.dtype)
        return np.flip(found, axis) if reverse else found

    return variants(name, primitive(name), scan, domain, *RUNNING, dtypes=dtypes)


def _recurrence(axis: int, reverse: bool, dtypes: tuple[str, ...] = INEXACT) -> Case:
    def recur(x: Any, y: Any) -> Any:
        out = np.zeros_like(y)
        h = np.zeros_like(np.take(y, 0, axis))
        for i in range(x.shape[axis])[:: -1 if reverse else 1]:
            place = (slice(None),) * axis + (i,)
            h = out[place] = x[place] * h + y[place]
        return out

    fun = primitive("linear_recurrence", axis=axis, reverse=reverse)
    operands = [(ANY, (2, 3, 4))] * 2
    shown = f"axis={axis},reverse={reverse}"
    return structural("linear_recurrence", fun, recur, *operands, dtypes=dtypes, variant=shown)


CASES = [
    *_scans("cumsum", np.add, ANY, *SCANS, dtypes=KINDS),
    *_scans("cumprod", np.multiply, ANY, *SCANS, dtypes=KINDS),
    *with_zeros(_scans("cumprod", np.multiply, WHOLE, *SCANS[:4], dtypes=INEXACT)),
    *_running("cummax", np.maximum, replace(EVEN, distinct=True), REAL),
    *_running("cummin", np.minimum, replace(EVEN, distinct=True), REAL),
    *_running("logcumsumexp", np.logaddexp, ANY, FLOAT),
    _recurrence(1, False, KINDS[1:]),
    _recurrence(2, True, FLOAT),
    _recurrence(0, True),
]
