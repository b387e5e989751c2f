"""Decompositions and triangular solves, which LAPACK computes; any leading axes are batches."""

from __future__ import annotations

import numpy as np

from ..arrays.array import array
from ..arrays.emit import cast, conjugated, constant, emit, filled, permuted, reshaped, section, spread, zeros
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
    """The Hermitian part of V (diag(g_w) + F o (V^H g_v)) V^H with F_ij = 1 / (w_j - w_i) (Giles 2008, 3.1)."""
    inner = zeros(v)
    if g_w is not None:
        inner = masked(_rows(cast(g_w, v.dtype)), np.eye(v.shape[-1], dtype=bool))
    if g_v is not None and v.size:
        inner = emit("add", inner, _turned(product(adjoint(v), g_v), g_w, w))
    return hermitian(product(product(v, inner), adjoint(v)))


def _turned(x: array, g_w: array | None, w: array) -> array:
    """F o X.

    Where two eigenvalues are equal, up to rounding, the choice of their vectors is free. Of vectors alone, what
    does not depend on that choice has nothing there, so that F is 0. Where values are used, too, it is nan but
    for cotangents of 0: the derivative of V f(w) V^H has f'(w) there, which they do not tell.
    """
    n, shape = w.shape[-1], x.shape
    gap = emit("subtract", _columns(w), _rows(w))
    ends = [emit("abs", section(w, w.ndim - 1, i, i + 1)) for i in (0, n - 1)]
    largest = emit("maximum", *ends)
    rounding = emit("multiply", largest, filled(largest.shape, w, 4 * n * np.finfo(w.dtype).eps))
    equal = emit("less_equal", emit("abs", gap), spread(reshaped(rounding, (*rounding.shape, 1)), shape))
    diagonal = np.eye(n, dtype=bool)
    instead = np.where(diagonal | (g_w is None), np.inf, np.nan).astype(w.dtype)
    slope = emit("reciprocal", emit("select", equal, spread(constant(instead), shape), gap))
    turned = emit("scale", x, cast(slope, x.dtype))
    if g_w is None:
        return turned
    instead = np.where(diagonal, 0, np.nan).astype(w.dtype)
    unknown = emit("select", equal, spread(constant(instead), shape), zeros(gap))
    return emit("add", turned, emit("scale", _columns(cast(g_w, x.dtype)), cast(unknown, x.dtype)))


def _rows(x: array) -> array:
    """Matrices of which row i is x_i everywhere."""
    return spread(reshaped(x, (*x.shape, 1)), (*x.shape, x.shape[-1]))


def _columns(x: array) -> array:
    """Matrices of which column i is x_i everywhere."""
    return spread(reshaped(x, (*x.shape[:-1], 1, x.shape[-1])), (*x.shape, x.shape[-1]))


structural("solve_triangular", "x y", _solution, vjp={"x": _solve_x, "y": _solve_y}, on="cpu")
structural("cholesky", "x", same, vjp={"x": _cholesky}, on="cpu", fails=True)
structural("eigh", "x", _eigen, outputs="w v", vjp={"x": _eigh}, on="cpu", fails=True)
