"""Rows of Fourier transforms."""

from __future__ import annotations

import numpy as np

import fastvjp as mx

from .case import ANY, COMPLEX, FLOAT, Choice, variants

AXES: list[Choice] = [
    ((2, 4, 3), {"axes": (1,)}),
    ((3, 4), {"axes": (0, 1), "norm": "ortho"}),
    ((2, 3, 1), {"axes": (2, 0), "norm": "forward"}),
    ((0, 3), {"axes": (1,)}),
]
LINES: list[Choice] = [
    ((2, 5), {"axis": 1}),
    ((2, 4, 3), {"axis": 1, "norm": "ortho"}),
    ((6,), {"axis": 0, "norm": "forward"}),
    ((1, 3), {"axis": 0}),
    ((4, 0), {"axis": 0}),
]
HALVES: list[Choice] = [
    ((2, 3), {"axis": 1, "n": 5}),
    ((2, 4, 3), {"axis": 1, "norm": "ortho"}),
    ((2,), {"axis": 0, "norm": "forward"}),
    ((1, 3), {"axis": 0, "n": 1}),
    ((3, 0), {"axis": 0}),
]

CASES = [
    *variants("fft", mx.fft.fftn, np.fft.fftn, ANY, *AXES, dtypes=COMPLEX, more_dtypes=COMPLEX),
    *variants("fft", mx.fft.ifftn, np.fft.ifftn, ANY, ((3, 5), {"axes": (1,)}), dtypes=COMPLEX),
    *variants("rfft", mx.fft.rfft, np.fft.rfft, ANY, *LINES, dtypes=FLOAT),
    *variants("irfft", mx.fft.irfft, np.fft.irfft, ANY, *HALVES, dtypes=COMPLEX, more_dtypes=COMPLEX),
]
