"""Rows of triangular factors and systems: matrices are made well conditioned around the primitive."""

from __future__ import annotations

from typing import Any

import numpy as np

import fastvjp as mx
from fastvjp.arrays.emit import emit

from .case import ANY, FLOAT, INEXACT, UNIT, Case, Shape, structural


def dominant(x: Any) -> Any:
    """With a large diagonal."""
    return x + 5 * np.eye(x.shape[-1], dtype=x.dtype)


def _solved(lower: bool, unit: bool, x: Shape, y: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    part = 1 / 8 if unit else 1  # beside a diagonal of 1 solutions would grow with each row

    def fun(x: Any, y: Any) -> Any:
        return emit(
            "solve_triangular",
            mx.add(x * part, 5 * mx.eye(x.shape[-1], dtype=x.dtype)),
            y,
            lower=lower,
            unit=unit,
            of="solve",
        )

    def reference(x: Any, y: Any) -> Any:
        triangle = np.tril(dominant(x * part)) if lower else np.triu(dominant(x * part))
        one = np.eye(x.shape[-1], dtype=bool)
        return np.linalg.solve(np.where(one, 1, triangle).astype(x.dtype) if unit else triangle, y)

    shown = f"lower={lower},unit={unit},{x}{y}".replace(" ", "")
    return structural("solve_triangular", fun, reference, (ANY, x), (ANY, y), dtypes=dtypes, variant=shown)


def hermitian(x: Any) -> Any:
    return (x + np.conj(np.swapaxes(x, -1, -2))) / 2


def _definite(x: Any) -> Any:
    """Hermitian, with positive eigenvalues."""
    return hermitian(x) + np.eye(x.shape[-1], dtype=x.dtype) * 9


def _cholesky(upper: bool, shape: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    def factor(x: Any) -> Any:
        return np.linalg.cholesky(_definite(x), upper=upper)

    shown = f"upper={upper},{shape}".replace(" ", "")
    return structural("cholesky", factor, factor, (UNIT, shape), dtypes=dtypes, variant=shown)


def _cholesky_back(upper: bool, shape: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    def fun(y: Any, x: Any) -> Any:
        factor: Any = np.linalg.cholesky(_definite(x), upper=upper)
        return emit("cholesky_back", y, factor, upper=upper)

    def reference(y: Any, x: Any) -> Any:
        factor, y = np.linalg.cholesky(_definite(x)), np.conj(np.swapaxes(y, -1, -2)) if upper else y
        back = np.linalg.inv(factor)
        half = np.tril(np.conj(np.swapaxes(factor, -1, -2)) @ y) * (1 - np.eye(x.shape[-1], dtype=x.dtype) / 2)
        return hermitian(np.conj(np.swapaxes(back, -1, -2)) @ half @ back)

    shown = f"upper={upper},{shape}".replace(" ", "")
    operands = ((UNIT, shape), (UNIT, shape))
    return structural("cholesky_back", fun, reference, *operands, dtypes=dtypes, variant=shown)


CASES = [
    _solved(True, False, (3, 3), (3, 2), INEXACT),
    _solved(False, False, (2, 4, 4), (2, 4, 3)),
    _solved(True, True, (2, 2), (2, 2)),
    _solved(False, True, (3, 3), (3, 1), INEXACT),
    _solved(True, False, (1, 1), (1, 3)),
    _solved(False, False, (2, 9, 9), (2, 9, 2), INEXACT),
    _solved(True, True, (9, 9), (9, 1)),
    _solved(True, False, (0, 2, 2), (0, 2, 3)),
    _cholesky(False, (3, 3), INEXACT),
    _cholesky(True, (2, 4, 4), INEXACT),
    _cholesky(False, (2, 2, 1, 1)),
    _cholesky(True, (0, 2, 2)),
    _cholesky(False, (70, 5, 5)),
    _cholesky(True, (6, 6), INEXACT),
    _cholesky(False, (2, 9, 9), INEXACT),
    _cholesky(True, (9, 9), INEXACT),
    _cholesky_back(False, (3, 3), INEXACT),
    _cholesky_back(True, (70, 2, 2), INEXACT),
    _cholesky_back(False, (2, 4, 4)),
    _cholesky_back(True, (0, 2, 2)),
]
