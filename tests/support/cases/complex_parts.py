"""Rows of the element functions of kernels/elements/complex_parts.py."""

from __future__ import annotations

import numpy as np

from .case import ANY, COMPLEX, INEXACT, SIGNED, elementwise

CASES = [
    elementwise("conjugate", np.conjugate, COMPLEX, ANY),
    elementwise("real", np.real, COMPLEX, ANY),
    elementwise("imag", np.imag, COMPLEX, ANY),
    elementwise("angle", np.angle, INEXACT, SIGNED),
]
