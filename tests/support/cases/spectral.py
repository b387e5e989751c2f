"""Rows of eigenvalues and singular values: of functions that do not depend on signs and phases of vectors."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

import fastvjp as mx
from fastvjp.arrays.emit import emit

from .case import DISTINCT, FLOAT, INEXACT, UNIT, Case, Shape, structural
from .linalg import hermitian

LARGEST = 4
"""The size of the largest eigenvalues and singular values, of which LAPACK's errors are parts."""


def _apart(x: Any) -> Any:
    """Hermitian, with eigenvalues that are not near one another."""
    n = x.shape[-1]
    return hermitian(x) / 4 + np.diag(np.arange(n)).astype(x.dtype)


def _eigenvalues(shape: Shape, triangle: Literal["L", "U"] = "L", dtypes: tuple[str, ...] = FLOAT) -> Case:
    def values(x: Any) -> Any:
        return np.linalg.eigh(_apart(x), triangle)[0]

    shown = f"values,{triangle},{shape}".replace(" ", "")
    return structural("eigh", values, values, (UNIT, shape), dtypes=dtypes, variant=shown, at_least=LARGEST)


def _by_eigenvectors(shape: Shape, triangle: Literal["L", "U"] = "L", dtypes: tuple[str, ...] = FLOAT) -> Case:
    """The sine of a matrix, which does not depend on the signs of the vectors."""

    def sine(x: Any) -> Any:
        values, vectors = np.linalg.eigh(_apart(x), triangle)
        return (vectors * np.expand_dims(np.sin(values), -2)) @ np.conj(np.swapaxes(vectors, -1, -2))

    shown = f"vectors,{triangle},{shape}".replace(" ", "")
    return structural("eigh", sine, sine, (UNIT, shape), dtypes=dtypes, variant=shown, at_least=LARGEST)


def _eigvalsh(shape: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    def values(x: Any) -> Any:
        return np.linalg.eigvalsh(_apart(x), "U")

    shown = str(shape).replace(" ", "")
    return structural("eigvalsh", values, values, (UNIT, shape), dtypes=dtypes, variant=shown, at_least=LARGEST)


def _general(x: Any) -> Any:
    """With eigenvalues that are not near one another."""
    n = x.shape[-1]
    return x / 4 + np.diag(np.arange(n)).astype(x.dtype)


def _eig(shape: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    """The sine of a matrix."""

    def sine(x: Any) -> Any:
        values, vectors = np.linalg.eig(_general(x))
        found = (vectors * np.expand_dims(np.sin(values), -2)) @ np.linalg.inv(vectors)
        return found if x.dtype.kind == "c" else found.real

    shown = str(shape).replace(" ", "")
    return structural("eig", sine, sine, (UNIT, shape), dtypes=dtypes, variant=shown)


def _eigvals(shape: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    """The sum of sines, whatever the order."""

    def sines(x: Any) -> Any:
        found = np.sum(np.sin(np.linalg.eigvals(_general(x))), -1)
        return found if x.dtype.kind == "c" else found.real

    shown = str(shape).replace(" ", "")
    return structural("eigvals", sines, sines, (UNIT, shape), dtypes=dtypes, variant=shown)


def _long(x: Any) -> Any:
    """With singular values that are not near one another, nor zero: vectors turn by rounding errors over gaps."""
    m, n = x.shape[-2:]
    return x / 16 + np.eye(m, n, dtype=x.dtype) * np.arange(1, n + 1, dtype=x.dtype)


def _svd(shape: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    """Sines of singular values between the vectors."""

    def sine(x: Any) -> Any:
        u, s, v = np.linalg.svd(_long(x), full_matrices=False)
        return (u * np.expand_dims(np.sin(s), -2)) @ v

    shown = f"thin,{shape}".replace(" ", "")
    return structural("svd", sine, sine, (UNIT, shape), dtypes=dtypes, variant=shown, at_least=LARGEST)


def _full_svd(shape: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    """Projectors onto what is left of the rows and columns."""
    k = min(shape[-2:])

    def left(x: Any) -> Any:
        u, _, v = np.linalg.svd(_long(x))
        more = u[..., k:] if u.shape[-1] > k else np.conj(np.swapaxes(v[..., k:, :], -1, -2))
        return more @ np.conj(np.swapaxes(more, -1, -2))

    shown = f"full,{shape}".replace(" ", "")
    return structural("svd", left, left, (UNIT, shape), dtypes=dtypes, variant=shown)


def _svdvals(shape: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    def values(x: Any) -> Any:
        return np.linalg.svd(_long(x), compute_uv=False)

    shown = str(shape).replace(" ", "")
    return structural("svdvals", values, values, (UNIT, shape), dtypes=dtypes, variant=shown)


def _by_gaps(x: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    def fun(x: Any, w: Any) -> Any:
        return emit("by_gaps", x, w, mx.zeros_like(w), check="none", of="test")

    def reference(x: Any, w: Any) -> Any:
        gaps = np.expand_dims(w, -2) - np.expand_dims(w, -1)
        return np.where(np.eye(x.shape[-1], dtype=bool), 0, x / np.where(gaps == 0, 1, gaps)).astype(x.dtype)

    shown = str(x).replace(" ", "")
    return structural("by_gaps", fun, reference, (UNIT, x), (DISTINCT, x[:-1]), dtypes=dtypes, variant=shown)


CASES = [
    _eigenvalues((3, 3), dtypes=INEXACT),
    _eigenvalues((2, 4, 4), "U", INEXACT),
    _by_eigenvectors((3, 3), "U", INEXACT),
    _by_eigenvectors((2, 4, 4), dtypes=INEXACT),
    _by_eigenvectors((2, 1, 1)),
    _eigenvalues((0, 2, 2)),
    _eigvalsh((3, 3), INEXACT),
    _eigvalsh((0, 2, 2)),
    _eig((3, 3), INEXACT),
    _eig((2, 2, 2), INEXACT),
    _eig((0, 2, 2)),
    _eigvals((2, 3, 3), INEXACT),
    _svd((3, 3), INEXACT),
    _svd((2, 4, 3), INEXACT),
    _svd((3, 4)),
    _svd((0, 3, 2)),
    _full_svd((4, 2), INEXACT),
    _full_svd((2, 4)),
    _svdvals((2, 3, 4), INEXACT),
    _svdvals((3, 3)),
    _by_gaps((3, 3), INEXACT),
    _by_gaps((2, 4, 4)),
    _by_gaps((0, 2, 2)),
]
