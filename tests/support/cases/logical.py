"""Rows of the element functions of kernels/elements/logical.py."""

from __future__ import annotations

import numpy as np

from .case import ANY, BOOL, FLOAT, INEXACT, INTEGER, KINDS, SHIFTS, WHOLE, elementwise, primitive

CASES = [
    elementwise("equal", np.equal, KINDS, WHOLE, WHOLE),
    elementwise("not_equal", np.not_equal, KINDS, WHOLE, WHOLE),
    elementwise("less", np.less, KINDS, WHOLE, WHOLE),
    elementwise("less_equal", np.less_equal, KINDS, WHOLE, WHOLE),
    elementwise("greater", np.greater, KINDS, WHOLE, WHOLE),
    elementwise("greater_equal", np.greater_equal, KINDS, WHOLE, WHOLE),
    elementwise("isnan", np.isnan, INEXACT, ANY),
    elementwise("isinf", np.isinf, INEXACT, ANY),
    elementwise("isfinite", np.isfinite, INEXACT, ANY),
    elementwise("signbit", np.signbit, FLOAT, ANY, fun=primitive("signbit")),
    elementwise("logical_not", np.logical_not, KINDS, WHOLE),
    elementwise("logical_and", np.logical_and, KINDS, WHOLE, WHOLE),
    elementwise("logical_or", np.logical_or, KINDS, WHOLE, WHOLE),
    elementwise("bitwise_and", np.bitwise_and, BOOL + INTEGER, ANY, ANY),
    elementwise("bitwise_or", np.bitwise_or, BOOL + INTEGER, ANY, ANY),
    elementwise("bitwise_xor", np.bitwise_xor, BOOL + INTEGER, ANY, ANY),
    elementwise("bitwise_invert", np.invert, BOOL + INTEGER, ANY),
    elementwise("left_shift", np.left_shift, INTEGER, ANY, SHIFTS),
    elementwise("right_shift", np.right_shift, INTEGER, ANY, SHIFTS),
]
