"""Rows of the element functions of kernels/elements/trigonometric.py."""

from __future__ import annotations

import numpy as np

from .case import ABOVE_ONE, ANY, INTO_FLOAT, INTO_INEXACT, SIGNED, UNIT, Domain, elementwise

CASES = [
    elementwise("sin", np.sin, INTO_INEXACT, ANY),
    elementwise("cos", np.cos, INTO_INEXACT, ANY),
    elementwise("tan", np.tan, INTO_INEXACT, Domain(((-1.2, 1.2),))),
    elementwise("arcsin", np.arcsin, INTO_INEXACT, UNIT),
    elementwise("arccos", np.arccos, INTO_INEXACT, UNIT),
    elementwise("arctan", np.arctan, INTO_INEXACT, ANY),
    elementwise("arctan2", np.arctan2, INTO_FLOAT, SIGNED, SIGNED),
    elementwise("sinh", np.sinh, INTO_INEXACT, ANY),
    elementwise("cosh", np.cosh, INTO_INEXACT, ANY),
    elementwise("tanh", np.tanh, INTO_INEXACT, ANY),
    elementwise("arcsinh", np.arcsinh, INTO_INEXACT, ANY),
    elementwise("arccosh", np.arccosh, INTO_INEXACT, ABOVE_ONE),
    elementwise("arctanh", np.arctanh, INTO_INEXACT, UNIT),
]
