"""Rows of QR decompositions and pseudoinverses."""

from __future__ import annotations

from typing import Any

import numpy as np

from .case import FLOAT, INEXACT, UNIT, Case, Shape, structural


def _full(x: Any) -> Any:
    """Of full rank."""
    m, n = x.shape[-2:]
    return x / 4 + np.eye(m, n, dtype=x.dtype)


def _qr(shape: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    """R beside, or below, Q: signs are LAPACK's in both."""

    def both(x: Any) -> Any:
        return np.concatenate(np.linalg.qr(_full(x)), -2 if shape[-2] >= shape[-1] else -1)

    shown = str(shape).replace(" ", "")
    return structural("qr", both, both, (UNIT, shape), dtypes=dtypes, variant=shown)


def _complete(shape: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    """R, times the projector onto what is left of the columns and itself."""
    n = shape[-1]

    def left(x: Any) -> Any:
        q, r = np.linalg.qr(_full(x), "complete")
        more = q[..., n:]
        return (more @ np.conj(np.swapaxes(more, -1, -2)) + np.eye(shape[-2], dtype=x.dtype)) @ r

    shown = f"complete,{shape}".replace(" ", "")
    return structural("qr", left, left, (UNIT, shape), dtypes=dtypes, variant=shown)


CONDITION = 8
"""How much larger than rounding errors those of inverses may be: about the condition of these matrices."""


def _pinv(shape: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    def inverse(x: Any) -> Any:
        return np.linalg.pinv(_full(x))

    shown = str(shape).replace(" ", "")
    return structural("pinv", inverse, inverse, (UNIT, shape), dtypes=dtypes, variant=shown, at_least=CONDITION)


def _deficient(x: Shape, y: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    """Of a product of less than full rank, which it keeps."""

    def inverse(x: Any, y: Any) -> Any:
        return np.linalg.pinv(_full(x) @ _full(y), rcond=1e-5)

    shown = f"{x}{y}".replace(" ", "")
    return structural(
        "pinv", inverse, inverse, (UNIT, x), (UNIT, y), dtypes=dtypes, variant=shown, at_least=CONDITION
    )


CASES = [
    _qr((3, 3), INEXACT),
    _qr((2, 5, 3), INEXACT),
    _qr((3, 5), INEXACT),
    _qr((0, 3, 2)),
    _complete((5, 2), INEXACT),
    _complete((2, 3, 3)),
    _pinv((2, 4, 3), INEXACT),
    _pinv((3, 5), INEXACT),
    _deficient((4, 2), (2, 3), INEXACT),
    _deficient((3, 2), (2, 3)),
]
