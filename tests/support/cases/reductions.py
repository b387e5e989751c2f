"""Rows of reductions, softmax and positions of extremes."""

from __future__ import annotations

import numpy as np
import scipy.special

import fastvjp as mx

from .case import ALONG, ANY, DISTINCT, FLOAT, INEXACT, KINDS, WHOLE, Choice, variants, with_zeros

REDUCTIONS: list[Choice] = [
    ((2, 3, 4), {"axis": (0, 2)}),
    ((2, 3, 4), {"axis": 1, "keepdims": True}),
    ((3, 4), {"axis": -1}),
    ((2, 3), {}),
    ((1, 3, 1), {"axis": (0, 2)}),
    ((), {}),
    ((3, 0), {"axis": 0}),
]


EMPTY: list[Choice] = [((0, 3), {"axis": 0}), ((0, 3), {"axis": None})]


FOURS: list[Choice] = [
    ((2, 3, 2), {"axis": (0, 2)}),
    ((2, 4, 3), {"axis": 1, "keepdims": True}),
    ((3, 4), {"axis": -1}),
]
"""Four elements each: finite differences of their product are exact, with_zeros or not."""


CASES = [
    *variants("sum", mx.sum, np.sum, ANY, *REDUCTIONS, *EMPTY, dtypes=KINDS),
    *variants("prod", mx.prod, np.prod, ANY, *REDUCTIONS, *EMPTY, dtypes=KINDS),
    *with_zeros(variants("prod", mx.prod, np.prod, WHOLE, *FOURS, dtypes=INEXACT)),
    *variants("max", mx.max, np.max, DISTINCT, *REDUCTIONS, dtypes=KINDS),
    *variants("min", mx.min, np.min, DISTINCT, *REDUCTIONS, dtypes=KINDS),
    *variants("logsumexp", mx.logsumexp, scipy.special.logsumexp, ANY, *REDUCTIONS, dtypes=("int32", *FLOAT)),
    *variants("softmax", mx.softmax, scipy.special.softmax, ANY, ((2, 3, 4), {"axis": (0, 2)}),
              ((3, 4), {"axis": -1}), ((3,), {}), ((1, 1), {"axis": 0}), ((0, 3), {"axis": 1}),
              dtypes=("int32", *FLOAT)),
    *variants("argmax", mx.argmax, np.argmax, WHOLE, *ALONG, ((2, 3), {}), dtypes=KINDS),
    *variants("argmin", mx.argmin, np.argmin, WHOLE, *ALONG, ((2, 3), {}), dtypes=KINDS),
]  # fmt: skip
