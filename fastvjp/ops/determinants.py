"""Determinants and LU factors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..arrays.array import array
from ..arrays.calls import recorded
from ..arrays.emit import constant, emit, emit_all, filled, reshaped, spread
from ..arrays.public import public
from ..primitives.linalg import block, diagonal_of, factored, product, transposed, triangle
from ..primitives.lu import determinant, exchanges, permutation
from .common import ArrayLike
from .matrices import matrices, square


@public(recorded(), within="linalg", numpy=np.linalg.det)
def det(a: ArrayLike) -> array:
    """Determinants of matrices.

    Args:
        a: matrices of shape (..., n, n).

    Returns:
        Array of shape (...), floating. The derivative is that of the polynomial which the determinant is: the
        cofactors, of singular matrices too.

    Raises:
        numpy.linalg.LinAlgError: `a` has no square matrices.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.det(fastvjp.array([[1.0, 2.0], [3.0, 4.0]]))
        array(-2, dtype=float32)
    """
    x = square("det", a)
    n, batch = x.shape[-1], x.shape[:-2]
    if n == 0:
        return filled(batch, x, 1)
    if n <= 3:
        return _expanded([[reshaped(block(x, i, 1, j, 1), batch) for j in range(n)] for i in range(n)])
    return determinant(transposed(x))


def _expanded(rows: list[list[array]]) -> array:
    """The determinant by its definition, of up to three rows."""
    if len(rows) == 1:
        return rows[0][0]
    total = None
    for i, element in enumerate(rows[0]):
        minor = [row[:i] + row[i + 1 :] for row in rows[1:]]
        term = emit("multiply", element, _expanded(minor))
        total = term if total is None else emit("subtract" if i % 2 else "add", total, term)
    assert total is not None
    return total


class SlogdetResult(NamedTuple):
    """What `slogdet` returns."""

    sign: array
    logabsdet: array


@public(within="linalg", numpy=np.linalg.slogdet)
def slogdet(a: ArrayLike) -> SlogdetResult:
    """Sign and logarithm of the absolute value of determinants, which may be too large or small to be written.

    Args:
        a: matrices of shape (..., n, n).

    Returns:
        A named tuple: `sign` of shape (...), on the unit circle, and `logabsdet` of shape (...), real; 0 and -inf
        for a singular matrix, where the logarithm's derivative is not finite. The derivative is g a^-H (Giles,
        "Collected matrix derivative results", 2008, section 2.2.4), by the same factors.

    Raises:
        numpy.linalg.LinAlgError: `a` has no square matrices.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.slogdet(fastvjp.array([[0.0, 1.0], [1.0, 0.0]]))
        SlogdetResult(sign=array(-1, dtype=float32), logabsdet=array(0, dtype=float32))
    """
    return SlogdetResult(*_slogdet(a))


@recorded()
def _slogdet(a: ArrayLike) -> tuple[array, ...]:
    x = square("slogdet", a)
    y, lu, pivots = factored(transposed(x))
    diagonal, axes = diagonal_of(lu), (x.ndim - 2,)
    sign = emit("prod", emit("multiply", emit("sign", diagonal), exchanges(pivots, x.dtype)), axes=axes)
    log = emit("sum", emit("log", emit("abs", diagonal)), axes=axes)
    ruled = [emit("slogdet", result, y, lu, pivots, part=part) for result, part in ((sign, "sign"), (log, "log"))]
    return (ruled[0] if x.dtype.kind == "c" else emit("stop_gradient", sign), ruled[1])


# --- factors ---------------------------------------------------------------------------------------------


class LUFactors(NamedTuple):
    """What `lu_factor` returns."""

    lu: array
    pivots: array


@public(within="linalg")
def lu_factor(a: ArrayLike) -> LUFactors:
    """LU factors of matrices with partial pivoting, in the form in which LAPACK has them.

    Args:
        a: matrices of shape (..., m, n).

    Returns:
        A named tuple: `lu` of shape (..., m, n) has U in its upper triangle and L, without its diagonal of ones,
        below; `pivots` of shape (..., min(m, n)), int32, says with which row, from 0, each row was exchanged.

    Raises:
        numpy.linalg.LinAlgError: `a` has no matrices. Of derivatives: a matrix is singular.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.lu_factor(fastvjp.array([[1.0, 3.0], [2.0, 4.0]])).pivots
        array([1, 1], dtype=int32)
    """
    return LUFactors(*_lu_factor(a))


@recorded()
def _lu_factor(a: ArrayLike) -> tuple[array, ...]:
    lu, pivots, _ = emit_all("lu", transposed(matrices("lu_factor", a)))
    return transposed(lu), pivots


@public(within="linalg")
def lu(a: ArrayLike, permute_l: bool = False, p_indices: bool = True) -> tuple[array, ...]:
    """LU factors of matrices with partial pivoting: a is L U with its rows in another order.

    Args:
        a: matrices of shape (..., m, n).
        permute_l: return that order as part of L.
        p_indices: return it as indices, as MLX does; else as a matrix, as SciPy does by default.

    Returns:
        p, L and U: L of shape (..., m, k) and U of shape (..., k, n), k = min(m, n). For one matrix a is
        L[p] @ U or, with `p_indices=False`, p @ L @ U. With `permute_l` L and U only, and a is L @ U. Derivatives
        are those of de Hoog, Anderssen and Lukas, "Differentiation of matrix functionals using triangular
        factorization", 2011.

    Raises:
        numpy.linalg.LinAlgError: `a` has no matrices. Of derivatives: a matrix is singular.

    Example:
        >>> import fastvjp
        >>> p, l, u = fastvjp.linalg.lu(fastvjp.array([[1.0, 3.0], [2.0, 4.0]]))
        >>> l[p] @ u
        array([[1, 3],
               [2, 4]], dtype=float32)
    """
    return _lu(a, bool(permute_l), bool(p_indices))


@recorded()
def _lu(a: ArrayLike, permute_l: bool, p_indices: bool) -> tuple[array, ...]:
    x = matrices("lu", a)
    m, n = x.shape[-2:]
    k = min(m, n)
    found, _, rows = emit_all("lu", transposed(x))
    packed = transposed(found)
    upper = triangle(block(packed, 0, k, 0, n), lower=False)
    lower = triangle(block(packed, 0, m, 0, k), lower=True, unit=True)
    ones = constant(np.eye(m, k, dtype=x.dtype))
    lower = emit("add", lower, spread(ones, lower.shape))
    if permute_l:
        return product(permutation(rows, x.dtype), lower), upper
    return (rows if p_indices else permutation(rows, x.dtype)), lower, upper
