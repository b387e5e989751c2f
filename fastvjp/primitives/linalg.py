"""What linear algebra is composed of, Cholesky factors and triangular systems; any leading axes are batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays.array import array
from ..arrays.emit import (
    cast,
    conjugated,
    constant,
    emit,
    emit_all,
    filled,
    full_like_aval,
    permuted,
    reshaped,
    section,
    sliced,
    spread,
    zeros,
)
from ..core.avals import Aval, aval
from ..core.primitive import Primitive, structural
from .batching import leading
from .views import same

TINY = 4
"""Rows and columns of matrices up to which gradients are one step: kernels write these out."""


def _solution(x: Aval, y: Aval, **_: object) -> Aval:
    return y


# --- matrices --------------------------------------------------------------------------------------------


def transposed(x: array) -> array:
    """The transpose of matrices."""
    return permuted(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def adjoint(x: array) -> array:
    """The conjugate transpose of matrices."""
    return conjugated(transposed(x))


def product(x: array, y: array) -> array:
    """Products of matrices."""
    return emit("matmul", x, y)


def masked(x: array, mask: np.ndarray) -> array:
    """The elements of matrices where the mask holds, zero elsewhere."""
    return emit("select", spread(constant(mask), x.shape), x, zeros(x))


def triangle(x: array, lower: bool, unit: bool = False) -> array:
    """The lower or upper triangle of matrices, with the diagonal unless that is `unit`."""
    (m, n), k = x.shape[-2:], -1 if unit else 0
    return masked(x, np.tri(m, n, k, dtype=bool) if lower else np.tri(n, m, k, dtype=bool).T)


def hermitian(x: array) -> array:
    """The Hermitian part of square matrices: (x + its adjoint) / 2."""
    total = emit("add", x, adjoint(x))
    return emit("multiply", total, filled(x.shape, x, 0.5))


def identity(n: int, like: array) -> array:
    """Identity matrices, with the dtype and the leading axes of other matrices."""
    return spread(constant(np.eye(n, dtype=like.dtype)), (*like.shape[:-2], n, n))


def block(x: array, first_row: int, rows: int, first_column: int, columns: int) -> array:
    """Rows and columns of matrices."""
    lead = x.shape[:-2]
    start, stop = (first_row, first_column), (first_row + rows, first_column + columns)
    return sliced(x, (0,) * len(lead) + start, lead + stop, (1,) * x.ndim)


def joined(axis: int, *parts: array) -> array:
    """Blocks next to each other, or below."""
    return emit("concatenate", *parts, axis=parts[0].ndim + axis)


def diagonal_of(x: array, k: int = 0) -> array:
    """The k-th diagonal of matrices: every (n + 1)-th of their elements."""
    *lead, m, n = x.shape
    length = max(min(m, n - k) if k >= 0 else min(m + k, n), 0)
    first = (k if k >= 0 else -k * n) if length else 0
    flat = reshaped(x, (*lead, m * n))
    return section(flat, len(lead), first, first + (length - 1) * (n + 1) + 1 if length else 0, n + 1)


def scaled(x: array, d: array) -> array:
    """The columns of matrices times numbers; zero where an element of a matrix is."""
    row = cast(reshaped(d, (*d.shape[:-1], 1, d.shape[-1])), x.dtype)
    return emit("scale", x, spread(row, x.shape))


def diagonal_matrix(d: array, dtype: np.dtype) -> array:
    """Matrices with these diagonals."""
    n = d.shape[-1]
    rows = spread(reshaped(cast(d, dtype), (*d.shape, 1)), (*d.shape, n))
    return masked(rows, np.eye(n, dtype=bool))


def factored(x: array) -> list[array]:
    """What the primitives take that know the matrix itself: it, and its factors and pivots as constants."""
    lu, pivots, _ = emit_all("lu", x)
    return [x, emit("stop_gradient", lu), pivots]


def turned_back(q: array, g: array, k: int, of: str) -> array:
    """Q_2 g_2^H Q_1, for columns of unitary Q up to k and behind, whose choice must make no difference."""
    m, columns = q.shape[-2:]
    more, g_more = block(q, 0, m, k, columns - k), block(g, 0, m, k, columns - k)
    back = product(adjoint(g_more), block(q, 0, m, 0, k))
    none = full_like_aval(aval((*q.shape[:-2], columns - k), q.dtype.type(0).real.dtype), 0)
    free = emit("by_gaps", product(adjoint(more), g_more), none, none, check="turns", of=of)
    return product(more, emit("add", back, product(free, zeros(back))))  # which adds nothing


# --- derivatives -----------------------------------------------------------------------------------------


def _solve_x(g: array, x: array, out: array, lower: bool, unit: bool, of: str) -> array:
    """-triangle(w out^H) for w of `_solve_y` (Giles 2008, section 2.3.1)."""
    w = _solve_y(g, x, lower, unit, of)
    return emit("negative", triangle(product(w, adjoint(out)), lower, unit))


def _solve_y(g: array, x: array, lower: bool, unit: bool, of: str) -> array:
    """The w with x^H w = g."""
    return emit("solve_triangular", adjoint(x), g, lower=not lower, unit=unit, of=of)


def _columns_together(
    p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int, /, **params: object
) -> list[array]:
    """Right hand sides of one matrix are solved in one go."""
    if batched[0]:
        return leading(p, xs, batched, size, **params)
    x, y = xs
    (*lead, n, columns), axes = y.shape[1:], tuple(range(1, y.ndim - 1))
    y = reshaped(permuted(y, (*axes, 0, y.ndim - 1)), (*lead, n, size * columns))
    out = reshaped(emit(p.name, x, y, **params), (*lead, n, size, columns))
    return [permuted(out, (out.ndim - 2, *range(out.ndim - 2), out.ndim - 1))]


def _cholesky(g: array, out: array, upper: bool) -> array:
    """The Hermitian part of L^-H P L^-1, where P has the lower triangle of L^H g and half its diagonal.

    Murray, "Differentiation of the Cholesky decomposition" (2016), section 4.1. The matrix counts as Hermitian:
    the cotangent is, whichever triangle was read.
    """
    n = out.shape[-1]
    if n <= TINY:
        return emit("cholesky_back", g, out, upper=upper)
    factor, g = (adjoint(out), adjoint(g)) if upper else (out, g)
    p = _halved(product(adjoint(factor), g))
    left = emit("solve_triangular", adjoint(factor), p, lower=False, unit=False, of="cholesky")  # L^-H P
    both = emit("solve_triangular", adjoint(factor), adjoint(left), lower=False, unit=False, of="cholesky")
    return hermitian(both)  # which is that of the adjoint


def _halved(x: array) -> array:
    """Lower triangles, with half the diagonal."""
    n = x.shape[-1]
    half = constant(np.where(np.eye(n, dtype=bool), 0.5, 1).astype(x.dtype))
    return emit("multiply", triangle(x, lower=True), spread(half, x.shape))


def _by_factor(factor: array, x: array, adjoined: bool) -> array:
    """L^-1 x^H L^-H for lower factors L, or L^-H x^H L^-1."""
    told = {"lower": not adjoined, "unit": False, "of": "cholesky"}
    by = adjoint(factor) if adjoined else factor
    return emit("solve_triangular", by, adjoint(emit("solve_triangular", by, x, **told)), **told)


def _middle(g: array, factor: array) -> tuple[array, array]:
    """H L^-H for H, the Hermitian part of g, and the lower triangle of L^-1 H L^-H with half its diagonal."""
    told = {"lower": True, "unit": False, "of": "cholesky"}
    right = adjoint(emit("solve_triangular", factor, hermitian(g), **told))
    return right, _halved(emit("solve_triangular", factor, right, **told))


def _cholesky_back_y(g: array, x: array, upper: bool) -> array:
    """L R, with R of `_middle`: the formula of `_cholesky`, transposed."""
    factor = adjoint(x) if upper else x
    found = product(factor, _middle(g, factor)[1])
    return adjoint(found) if upper else found


def _cholesky_back_x(g: array, y: array, x: array, out: array, upper: bool) -> array:
    """The lower triangle of y R^H - 2 out H L^-H, by the formula of `_cholesky`."""
    factor, y = (adjoint(x), adjoint(y)) if upper else (x, y)
    right, r = _middle(g, factor)
    found = emit("subtract", product(y, adjoint(r)), product(emit("add", out, out), right))
    found = triangle(found, lower=True)
    return adjoint(found) if upper else found


structural(
    "solve_triangular",
    "x y",
    _solution,
    vjp={"x": _solve_x, "y": _solve_y},
    batch=_columns_together,
    on="cpu",
    fails=True,
)
structural(
    "cholesky_back",
    "y x",
    lambda y, x, **_: x,
    vjp={"y": _cholesky_back_y, "x": _cholesky_back_x},
    on="cpu",
)
structural("cholesky", "x", same, vjp={"x": _cholesky}, on="cpu", fails=True)
