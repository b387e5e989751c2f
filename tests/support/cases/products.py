"""Rows of matrix products."""

from __future__ import annotations

import numpy as np

import fastvjp as mx

from .case import ANY, FLOAT, INEXACT, KINDS, Case, Shape, structural


def _product(x: Shape, y: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    operands = (ANY, x), (ANY, y)
    shown = f"{x}{y}".replace(" ", "")
    return structural("matmul", mx.matmul, np.matmul, *operands, dtypes=dtypes, variant=shown)


CASES = [
    _product((3, 4), (4, 2), KINDS),
    _product((2, 3, 4), (4, 2)),
    _product((3, 4), (2, 4, 2)),
    _product((2, 1, 3, 2), (3, 2, 1), INEXACT),
    _product((4,), (4,)),
    _product((0, 3), (3, 2)),
    _product((2, 0), (0, 3)),
]  # fmt: skip
