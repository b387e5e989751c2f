"""Rows of systems of banded matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastvjp.arrays.emit import emit

from .case import ANY, INEXACT, UNIT, Case, Shape, structural


def _dense(x: Any, below: int, above: int) -> Any:
    """The matrices whose columns have these elements inside of the band."""
    n = x.shape[-2]
    found = np.zeros((*x.shape[:-2], n, n), x.dtype)
    for j in range(n):
        for i in range(max(j - above, 0), min(j + below + 1, n)):
            found[..., i, j] = x[..., j, above + i - j]
    return found


def _dominant(x: Any, above: int) -> Any:
    """With a large diagonal."""
    return x + 6 * (np.arange(x.shape[-1]) == above).astype(x.dtype)


def _row(shape: Shape, sides: int, below: int, above: int) -> Case:
    told = {"below": below, "above": above, "definite": False, "of": "solve_banded"}

    def reference(x: Any, y: Any) -> Any:
        solved = np.linalg.solve(_dense(_dominant(x, above), below, above), np.swapaxes(y, -1, -2))
        return np.swapaxes(solved, -1, -2)

    *lead, n = shape
    return structural(
        "banded_solve",
        lambda x, y: emit("banded_solve", _dominant(x, above), y, **told),
        reference,
        (ANY, (*shape, below + above + 1)),
        (ANY, (*lead, sides, n)),
        dtypes=INEXACT,
        variant=f"{shape},{sides},{below},{above}",
    )


def _definite(shape: Shape, width: int) -> Case:
    """Of matrices made Hermitian: the two halves are conjugates."""
    told = {"below": width, "above": width, "definite": True, "of": "solveh_banded"}
    n, middle = shape[-1], (np.arange(2 * width + 1) == width)[:, None]

    def whole(x: Any) -> Any:
        """Of a Hermitian band that no row leaves: the same in all columns."""
        first = x[..., :1, :]
        band = (first + np.conj(first[..., ::-1])) / 2
        return band * np.ones((n, 1), x.dtype) + 6 * middle[:, 0].astype(x.dtype)

    return structural(
        "banded_solve",
        lambda x, y: emit("banded_solve", whole(x), y, **told),
        lambda x, y: np.swapaxes(np.linalg.solve(_dense(whole(x), width, width), np.swapaxes(y, -1, -2)), -1, -2),
        (UNIT, (*shape, 2 * width + 1)),
        (ANY, (*shape[:-1], 2, n)),
        dtypes=INEXACT,
        variant=f"definite,{shape},{width}",
    )


CASES = [
    _row((2, 5), 3, 1, 2),
    _row((4,), 1, 0, 1),
    _row((3,), 2, 2, 0),
    _row((5,), 2, 0, 0),
    _row((0,), 2, 1, 1),
    _row((2, 3), 0, 1, 1),
    _definite((2, 4), 1),
    _definite((5,), 2),
]
