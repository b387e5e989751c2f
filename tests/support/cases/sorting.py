"""Rows of orders and of the positions of extremes."""

from __future__ import annotations

from typing import Any

import numpy as np

import fastvjp as mx

from .case import KINDS, WHOLE, Choice, variants

ALONG: list[Choice] = [
    ((2, 3, 4), {"axis": 1}),
    ((3, 4), {"axis": 1}),
    ((1, 3), {"axis": 0}),
    ((0, 3), {"axis": 1}),
]


def _stable_order(x: Any, axis: int) -> Any:
    return np.argsort(x, axis, kind="stable")


CASES = [
    *variants("argmax", mx.argmax, np.argmax, WHOLE, *ALONG, ((2, 3), {}), dtypes=KINDS),
    *variants("argmin", mx.argmin, np.argmin, WHOLE, *ALONG, ((2, 3), {}), dtypes=KINDS),
    *variants("argsort", mx.argsort, _stable_order, WHOLE, *ALONG, dtypes=KINDS),
]
