"""Rows of LU factors, systems and determinants: matrices have a large diagonal, of which rows are rotated."""

from __future__ import annotations

from typing import Any

import numpy as np

import fastvjp as mx
from fastvjp.arrays.emit import emit
from fastvjp.primitives.linalg import factored

from .case import FLOAT, INEXACT, UNIT, Case, Shape, structural


def _rotated(x: Any) -> Any:
    """A factor of a large diagonal, so that no small change changes the pivots."""
    m, n = x.shape[-2:]
    return np.roll(x + 5 * np.eye(m, n, dtype=x.dtype), 1, -2)


def _each(function: Any, x: np.ndarray) -> np.ndarray:
    """A function of one matrix, of each."""
    found = [function(matrix) for matrix in x.reshape(-1, *x.shape[-2:])]
    return np.array(found).reshape(x.shape[:-2] + found[0].shape) if found else x


def _packed(x: np.ndarray) -> np.ndarray:
    """LU factors by elimination, of what `_rotated` makes, in the order in which LAPACK takes rows."""
    x = _rotated(x).astype(x.dtype)
    for k in range(min(x.shape)):
        largest = k + int(np.argmax(np.abs(x[k:, k].real) + np.abs(x[k:, k].imag)))
        x[[k, largest]] = x[[largest, k]]
        x[k + 1 :, k] /= x[k, k]
        x[k + 1 :, k + 1 :] -= np.outer(x[k + 1 :, k], x[k, k + 1 :])
    return x


def _lu(shape: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    def factors(x: Any) -> Any:
        return mx.linalg.lu_factor(_rotated(x)).lu

    shown = str(shape).replace(" ", "")
    return structural("lu", factors, lambda x: _each(_packed, x), (UNIT, shape), dtypes=dtypes, variant=shown)


def _solve(x: Shape, y: Shape, dtypes: tuple[str, ...] = FLOAT, primitive: str = "solve") -> Case:
    def solved(x: Any, y: Any) -> Any:
        return np.linalg.solve(_rotated(x), y)

    shown = f"{x}{y}".replace(" ", "")
    return structural(primitive, solved, solved, (UNIT, x), (UNIT, y), dtypes=dtypes, variant=shown)


def _inverse(shape: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    def inverted(x: Any) -> Any:
        return np.linalg.inv(_rotated(x))

    shown = str(shape).replace(" ", "")
    return structural("inverse", inverted, inverted, (UNIT, shape), dtypes=dtypes, variant=shown)


def _adjoint(x: Any) -> Any:
    return np.conj(np.swapaxes(x, -1, -2))


def _inverse_back(shape: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    def fun(y: Any, x: Any) -> Any:
        return emit("inverse_back", y, x)

    def reference(y: Any, x: Any) -> Any:
        return -_adjoint(x) @ y @ _adjoint(x)

    shown = str(shape).replace(" ", "")
    operands = ((UNIT, shape), (UNIT, shape))
    return structural("inverse_back", fun, reference, *operands, dtypes=dtypes, variant=shown)


def _det(shape: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    def scaled(x: Any) -> Any:
        return np.linalg.det(_rotated(x) / 5)

    shown = str(shape).replace(" ", "")
    return structural("det", scaled, scaled, (UNIT, shape), dtypes=dtypes, variant=shown)


def _slogdet(part: int, shape: Shape, dtypes: tuple[str, ...]) -> Case:
    def found(x: Any) -> Any:
        return np.linalg.slogdet(_rotated(x))[part]

    shown = f"{part},{shape}".replace(" ", "")
    return structural("slogdet", found, found, (UNIT, shape), dtypes=dtypes, variant=shown)


def _adjugate(shape: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    def fun(x: Any) -> Any:
        y = mx.swapaxes(_rotated(x) / 5, -1, -2)
        return emit("adjugate", *factored(y))

    def reference(x: Any) -> Any:
        x = _rotated(x) / x.real.dtype.type(5)
        return np.linalg.inv(x) * np.linalg.det(x)[..., None, None]

    shown = str(shape).replace(" ", "")
    return structural("adjugate", fun, reference, (UNIT, shape), dtypes=dtypes, variant=shown)


CASES = [
    _lu((3, 3), INEXACT),
    _lu((2, 9, 5), INEXACT),
    _lu((4, 9)),
    _solve((2, 9, 9), (9, 1), INEXACT),
    _solve((3, 3), (3, 9), INEXACT),
    _solve((4, 4), (2, 4, 3)),
    _solve((0, 9, 9), (0, 9, 3)),
    _solve((3, 3), (3, 2), INEXACT, "eliminate"),
    _solve((35, 2, 2), (35, 2, 1), INEXACT, "eliminate"),
    _solve((2, 4, 4), (4, 3), primitive="eliminate"),
    _solve((70, 5, 5), (70, 5, 1), primitive="eliminate"),
    _solve((6, 6), (6, 2), INEXACT, "eliminate"),
    _solve((0, 2, 2), (0, 2, 3), primitive="eliminate"),
    _inverse((3, 3), INEXACT),
    _inverse((70, 2, 2)),
    _inverse((0, 2, 2)),
    _inverse_back((4, 4), INEXACT),
    _inverse_back((70, 2, 2)),
    _inverse_back((2, 0, 0)),
    _det((4, 4), INEXACT),
    _det((2, 5, 5)),
    _slogdet(1, (2, 3, 3), INEXACT),
    _slogdet(0, (3, 3), ("complex64", "complex128")),
    _adjugate((4, 4), INEXACT),
    _adjugate((2, 3, 3)),
]
