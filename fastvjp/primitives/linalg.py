"""Decompositions and triangular solves, which LAPACK computes; any leading axes are batches."""

from __future__ import annotations

import numpy as np

from ..arrays.array import array
from ..arrays.emit import cast, conjugated, constant, emit, filled, permuted, reshaped, spread, zeros
from ..core.avals import Aval, aval
from ..core.primitive import structural
from .views import same


def _solution(x: Aval, y: Aval, **_: object) -> Aval:
    return y


def _eigen(x: Aval, **_: object) -> tuple[Aval, Aval]:
    return aval(x.shape[:-1], x.dtype.type(0).real.dtype), x


# --- matrices --------------------------------------------------------------------------------------------


def adjoint(x: array) -> array:
    """The conjugate transpose of matrices."""
    return conjugated(permuted(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)))


def product(x: array, y: array) -> array:
    """Products of matrices."""
    return emit("matmul", x, y)


def masked(x: array, mask: np.ndarray) -> array:
    """The elements of matrices where the mask holds, zero elsewhere."""
    return emit("select", spread(constant(mask), x.shape), x, zeros(x))


def triangle(x: array, lower: bool, unit: bool = False) -> array:
    """The lower or upper triangle of square matrices, with the diagonal unless that is `unit`."""
    mask = np.tri(x.shape[-1], k=-1 if unit else 0, dtype=bool)
    return masked(x, mask if lower else mask.T)


def hermitian(x: array) -> array:
    """The Hermitian part of square matrices: (x + its adjoint) / 2."""
    total = emit("add", x, adjoint(x))
    return emit("multiply", total, filled(x.shape, x, 0.5))


# --- derivatives -----------------------------------------------------------------------------------------


def _solve_x(g: array, x: array, out: array, lower: bool, unit: bool) -> array:
    """-triangle(w out^H) for w of `_solve_y` (Giles 2008, section 2.3.1)."""
    w = _solve_y(g, x, lower, unit)
    return emit("negative", triangle(product(w, adjoint(out)), lower, unit))


def _solve_y(g: array, x: array, lower: bool, unit: bool) -> array:
    """The w with x^H w = g."""
    return emit("solve_triangular", adjoint(x), g, lower=not lower, unit=unit)


def _cholesky(g: array, out: array, upper: bool) -> array:
    """The Hermitian part of L^-H P L^-1, where P has the lower triangle of L^H g and half its diagonal.

    Murray, "Differentiation of the Cholesky decomposition" (2016), section 4.1. The matrix counts as Hermitian:
    the cotangent is, whichever triangle was read.
    """
    factor, g = (adjoint(out), adjoint(g)) if upper else (out, g)
    n = out.shape[-1]
    p = triangle(product(adjoint(factor), g), lower=True)
    half = constant(np.where(np.eye(n, dtype=bool), 0.5, 1).astype(out.dtype))
    p = emit("multiply", p, spread(half, p.shape))
    left = emit("solve_triangular", adjoint(factor), p, lower=False, unit=False)  # L^-H P
    both = emit("solve_triangular", adjoint(factor), adjoint(left), lower=False, unit=False)
    return hermitian(both)  # which is that of the adjoint


def _eigh(g_w: array | None, g_v: array | None, w: array, v: array, upper: bool) -> array:
    """V (diag(g_w) + F o (V^H g_v)) V^H with F_ij = 1 / (w_j - w_i), and its Hermitian part (Giles 2008, 3.1).

    F is 0 where two eigenvalues are equal: then the choice of vectors is free, and what does not depend on that
    choice has nothing there.
    """
    shape, n = v.shape, v.shape[-1]
    inner = zeros(v)
    if g_w is not None:
        diagonal = spread(reshaped(cast(g_w, v.dtype), (*g_w.shape, 1)), shape)
        inner = masked(diagonal, np.eye(n, dtype=bool))
    if g_v is not None:
        columns = spread(reshaped(w, (*w.shape[:-1], 1, n)), shape)
        rows = spread(reshaped(w, (*w.shape, 1)), shape)
        gap = emit("subtract", columns, rows)
        same = emit("equal", gap, zeros(gap))
        slope = emit(
            "select", same, zeros(gap), emit("reciprocal", emit("select", same, filled(shape, gap, 1), gap))
        )
        inner = emit("add", inner, emit("multiply", product(adjoint(v), g_v), cast(slope, v.dtype)))
    return hermitian(product(product(v, inner), adjoint(v)))


structural("solve_triangular", "x y", _solution, vjp={"x": _solve_x, "y": _solve_y}, on="cpu")
structural("cholesky", "x", same, vjp={"x": _cholesky}, on="cpu", fails=True)
structural("eigh", "x", _eigen, outputs="w v", vjp={"x": _eigh}, on="cpu", fails=True)
