"""Linear systems and inverses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays.array import array, as_array
from ..arrays.calls import recorded
from ..arrays.emit import cast, constant, emit, permuted, reshaped, spread, trailing
from ..arrays.public import public
from ..core.avals import int32
from ..primitives.linalg import TINY, adjoint, factored, identity, product, transposed
from . import decompositions
from .common import ArrayLike, axis_of, broadcast, require
from .matrices import square, system

SMALL = 8
"""Rows and columns of systems for whose gradient to factor again takes less time than to keep factors."""

# --- systems ---------------------------------------------------------------------------------------------


@public(recorded(2), within="linalg", numpy=np.linalg.solve)
def solve(a: ArrayLike, b: ArrayLike) -> array:
    """Solutions x of linear systems a x = b, by LU factors with partial pivoting.

    Args:
        a: matrices of shape (..., n, n).
        b: one vector (n,), or right hand sides as the columns of matrices (..., n, k); leading axes are broadcast.

    Returns:
        Array of the shape of `b`, with the leading axes of both; floating. Derivatives use the same factors
        (Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation",
        2008, section 2.3.1).

    Raises:
        ValueError: `b` does not fit `a`.
        numpy.linalg.LinAlgError: `a` has no square matrices, or a matrix is singular; says which one.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.solve(fastvjp.array([[2.0, 0.0], [0.0, 4.0]]), fastvjp.array([2.0, 2.0]))
        array([1, 0.5], dtype=float32)
    """
    x, y, vector = system("solve", a, b)
    out = solved(x, y, "solve")
    return reshaped(out, out.shape[:-1]) if vector else out


def solved(x: array, y: array, of: str, checked: int | None = 0) -> array:
    """Solutions for right hand sides, both as columns; unchecked they are inf or nan where x is singular."""
    n, k = y.shape[-2:]
    batch = broadcast(x.shape[:-2], y.shape[:-2], of)
    one_for_all = math.prod(x.shape[:-2]) == 1 < math.prod(batch)
    if max(n, k) <= SMALL and not one_for_all:
        x, y = spread(x, (*batch, n, n)), spread(y, (*batch, n, k))
        return emit("eliminate", x, y, checked=checked is not None, of=of)
    given = factored(transposed(x))
    rows = transposed(spread(y, (*batch, n, k)))
    if one_for_all or math.prod(batch) == 1:
        given = [reshaped(v, v.shape[x.ndim - 2 :]) for v in given]
        rows = reshaped(rows, (math.prod(batch) * k, n))
    else:
        given = [spread(v, (*batch, *v.shape[x.ndim - 2 :])) for v in given]
    out = emit("solve", *given, rows, adjoined=False, checked=checked, of=of)
    return transposed(reshaped(out, (*batch, k, n)))


@public(recorded(2), within="linalg")
def solve_triangular(
    a: ArrayLike,
    b: ArrayLike,
    trans: int | str = 0,
    lower: bool | None = None,
    unit_diagonal: bool = False,
    *,
    upper: bool = False,
) -> array:
    """Solutions x of triangular systems a x = b.

    Args:
        a: matrices of shape (..., n, n), of which one triangle is read.
        b: one vector (n,), or right hand sides as the columns of matrices (..., n, k); leading axes are broadcast.
        trans: solve with a (0, "N"), its transpose (1, "T") or its adjoint (2, "C"), as SciPy says it.
        lower: whether the lower triangle is read, as SciPy says it; by default what `upper` says.
        unit_diagonal: take the diagonal to be 1, and do not read it.
        upper: read the upper triangle instead of the lower, as MLX says it.

    Returns:
        Array of the shape of `b`, with the leading axes of both; floating. The cotangent of `a` is zero outside of
        the triangle (Giles 2008, section 2.3.1).

    Raises:
        ValueError: `b` does not fit `a`, or another `trans`.
        numpy.linalg.LinAlgError: `a` has no square matrices, or there is a zero on a diagonal; says which.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.solve_triangular(fastvjp.array([[2.0, 0.0], [2.0, 1.0]]), fastvjp.array([2.0, 3.0]))
        array([1, 1], dtype=float32)
    """
    x, y, vector = system("solve_triangular", a, b)
    below = not upper if lower is None else bool(lower)
    turned = {0: None, "N": None, 1: transposed, "T": transposed, 2: adjoint, "C": adjoint}
    if trans not in turned:
        raise ValueError(f"[solve_triangular] Expected trans to be 0, 1, 2, 'N', 'T' or 'C', got {trans!r}.")
    turn = turned[trans]
    if turn is not None:
        x, below = turn(x), not below
    out = triangular_solved(x, y, below, bool(unit_diagonal), "solve_triangular")
    return reshaped(out, out.shape[:-1]) if vector else out


def triangular_solved(x: array, y: array, lower: bool, unit: bool, of: str) -> array:
    """The same of what fits."""
    n, k = y.shape[-2:]
    batch = broadcast(x.shape[:-2], y.shape[:-2], of)
    lead = math.prod(batch)
    if math.prod(x.shape[:-2]) == 1 < lead:  # one matrix for all
        x = reshaped(x, (n, n))
        columns = transposed(reshaped(transposed(spread(y, (*batch, n, k))), (lead * k, n)))
        out = emit("solve_triangular", x, columns, lower=lower, unit=unit, of=of)
        return transposed(reshaped(transposed(out), (*batch, k, n)))
    x, y = spread(x, (*batch, n, n)), spread(y, (*batch, n, k))
    return emit("solve_triangular", x, y, lower=lower, unit=unit, of=of)


@public(within="linalg")
def lu_solve(lu_and_piv: tuple[ArrayLike, ArrayLike], b: ArrayLike, trans: int = 0) -> array:
    """Solutions x of linear systems a x = b, from what `lu_factor` gave for a.

    Args:
        lu_and_piv: factors of shape (..., n, n) and pivots of shape (..., n).
        b: one vector (n,), or right hand sides as the columns of matrices (..., n, k).
        trans: solve with a (0), its transpose (1) or its adjoint (2).

    Returns:
        Array of the shape of `b`, with the leading axes of the factors; floating.

    Raises:
        ValueError: `b` does not fit the factors, or another `trans`.
        numpy.linalg.LinAlgError: the factors are no square matrices, or singular; says which one is.

    Example:
        >>> import fastvjp
        >>> factors = fastvjp.linalg.lu_factor(fastvjp.array([[2.0, 0.0], [0.0, 4.0]]))
        >>> fastvjp.linalg.lu_solve(factors, fastvjp.array([2.0, 2.0]))
        array([1, 0.5], dtype=float32)
    """
    lu, pivots = lu_and_piv
    return _lu_solve(lu, pivots, b, trans)


@recorded(3)
def _lu_solve(lu: ArrayLike, pivots: ArrayLike, b: ArrayLike, trans: int) -> array:
    x, y, vector = system("lu_solve", lu, b)
    p = as_array(pivots, "lu_solve")
    require("lu_solve", p.dtype, "iu")
    p = cast(p, int32)  # in which the kernels read them
    if trans not in (0, 1, 2):
        raise ValueError(f"[lu_solve] Expected trans to be 0, 1 or 2, got {trans!r}.")
    if trans:
        turned = (adjoint if trans == 2 else transposed)(x)
        y = triangular_solved(turned, y, True, False, "lu_solve")
        out = _exchanged(triangular_solved(turned, y, False, True, "lu_solve"), p, True)
    else:
        y = triangular_solved(x, _exchanged(y, p, False), True, True, "lu_solve")
        out = triangular_solved(x, y, False, False, "lu_solve")
    return reshaped(out, out.shape[:-1]) if vector else out


def _exchanged(y: array, pivots: array, back: bool) -> array:
    """Rows as the pivots say, or back: a solution for factors of the identity."""
    n, k = y.shape[-2:]
    batch = broadcast(y.shape[:-2], pivots.shape[:-1], "lu_solve")
    one = spread(constant(np.eye(n, dtype=y.dtype)), (*batch, n, n))
    rows = transposed(spread(y, (*batch, n, k)))
    places = spread(pivots, (*batch, n))
    return transposed(emit("solve", one, one, places, rows, adjoined=back, checked=None, of="lu_solve"))


@public(within="linalg")
def cho_factor(a: ArrayLike, lower: bool = False) -> tuple[array, bool]:
    """Cholesky factors of Hermitian, positive definite matrices, in the form that `cho_solve` takes.

    Args:
        a: matrices of shape (..., n, n), of which one triangle is read.
        lower: which one, and which factor is returned.

    Returns:
        The factor, as `cholesky` gives it, and `lower`.

    Raises:
        numpy.linalg.LinAlgError: `a` has no square matrices, or a matrix is not positive definite; says which one.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.cho_factor(fastvjp.array([[4.0, 2.0], [2.0, 5.0]]))
        (array([[2, 1],
               [0, 2]], dtype=float32), False)
    """
    return decompositions.cholesky(a, upper=not lower), bool(lower)


@public(within="linalg")
def cho_solve(c_and_lower: tuple[ArrayLike, bool], b: ArrayLike) -> array:
    """Solutions x of linear systems a x = b, from Cholesky factors of a.

    Args:
        c_and_lower: a factor of shape (..., n, n), and whether it is the lower one: what `cho_factor` returns.
        b: one vector (n,), or right hand sides as the columns of matrices (..., n, k); leading axes are broadcast.

    Returns:
        Array of the shape of `b`, with the leading axes of both; floating.

    Raises:
        ValueError: `b` does not fit.
        numpy.linalg.LinAlgError: the factors are no square matrices, or there is a zero on a diagonal; says which.

    Example:
        >>> import fastvjp
        >>> a, b = fastvjp.array([[4.0, 2.0], [2.0, 5.0]]), fastvjp.array([8.0, 12.0])
        >>> fastvjp.linalg.cho_solve(fastvjp.linalg.cho_factor(a), b)
        array([1, 2], dtype=float32)
    """
    factor, lower = c_and_lower
    return _cho_solve(factor, b, bool(lower))


@recorded(2)
def _cho_solve(factor: ArrayLike, b: ArrayLike, lower: bool) -> array:
    x, y, vector = system("cho_solve", factor, b)
    for first in (True, False):
        turned = first != lower
        y = triangular_solved(adjoint(x) if turned else x, y, first, False, "cho_solve")
    return reshaped(y, y.shape[:-1]) if vector else y


# --- inverses --------------------------------------------------------------------------------------------


@public(recorded(), within="linalg", numpy=np.linalg.inv)
def inv(a: ArrayLike) -> array:
    """Inverses of matrices, by LU factors with partial pivoting.

    Args:
        a: matrices of shape (..., n, n).

    Returns:
        Array of that shape, floating. Its vjp is -out^H g out^H (Giles 2008, section 2.2.3).

    Raises:
        numpy.linalg.LinAlgError: `a` has no square matrices, or a matrix is singular; says which one.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.inv(fastvjp.array([[2.0, 0.0], [0.0, 4.0]]))
        array([[0.5, 0],
               [0, 0.25]], dtype=float32)
    """
    return inverted(square("inv", a), "inv")


def inverted(x: array, of: str, checked: int | None = 0) -> array:
    """The inverses of square matrices: rows of solutions for the transposes."""
    n = x.shape[-1]
    if n <= TINY:
        return emit("inverse", x, checked=checked is not None, of=of)
    one = identity(n, x)
    if n <= SMALL:
        return emit("eliminate", x, one, checked=checked is not None, of=of)
    return emit("solve", *factored(x), one, adjoined=False, checked=checked, of=of)


@public(recorded(), within="linalg")
def tri_inv(a: ArrayLike, upper: bool = False) -> array:
    """Inverses of triangular matrices.

    Args:
        a: matrices of shape (..., n, n), of which one triangle is read.
        upper: read the upper triangle instead of the lower.

    Returns:
        Array of that shape, floating; zero outside of the triangle.

    Raises:
        numpy.linalg.LinAlgError: `a` has no square matrices, or there is a zero on a diagonal; says which.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.tri_inv(fastvjp.array([[2.0, 0.0], [2.0, 1.0]]))
        array([[0.5, 0],
               [-1, 1]], dtype=float32)
    """
    x = square("tri_inv", a)
    return emit("solve_triangular", x, identity(x.shape[-1], x), lower=not upper, unit=False, of="tri_inv")


@public(recorded(), within="linalg")
def cholesky_inv(a: ArrayLike, upper: bool = False) -> array:
    """Inverses of Hermitian, positive definite matrices, from their Cholesky factors.

    Args:
        a: the factors, of shape (..., n, n), of which one triangle is read.
        upper: whether they are upper factors U, of matrices U^H U, instead of lower ones L, of L L^H.

    Returns:
        Array of that shape, floating.

    Raises:
        numpy.linalg.LinAlgError: `a` has no square matrices, or there is a zero on a diagonal; says which.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.cholesky_inv(fastvjp.array([[2.0, 0.0], [0.0, 1.0]]))
        array([[0.25, 0],
               [0, 1]], dtype=float32)
    """
    x = square("cholesky_inv", a)
    one = identity(x.shape[-1], x)
    factor = emit("solve_triangular", x, one, lower=not upper, unit=False, of="cholesky_inv")
    return product(factor, adjoint(factor)) if upper else product(adjoint(factor), factor)


# --- tensors ---------------------------------------------------------------------------------------------


@public(recorded(), within="linalg", numpy=np.linalg.tensorinv)
def tensorinv(a: ArrayLike, ind: int = 2) -> array:
    """Inverse of an array as a map between arrays: tensordot(tensorinv(a), tensordot(a, b, ind), ind) is b.

    Args:
        a: array in which the sizes of the first `ind` axes and those of the others have one product.
        ind: how many axes the results of the map have.

    Returns:
        Array of shape a.shape[ind:] + a.shape[:ind], floating.

    Raises:
        ValueError: `ind` is not positive.
        numpy.linalg.LinAlgError: the products differ, or the map is singular.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.tensorinv(2 * fastvjp.eye(4).reshape(4, 2, 2), 1).shape
        (2, 2, 4)
    """
    if ind <= 0:
        raise ValueError(f"[tensorinv] Expected ind to be positive, got {ind}.")
    x = as_array(a, "tensorinv")
    first, last = x.shape[:ind], x.shape[ind:]
    out = inverted(_as_matrix("tensorinv", x, math.prod(first), math.prod(last)), "tensorinv")
    return reshaped(out, last + first)


def _as_matrix(name: str, x: array, rows: int, columns: int) -> array:
    if rows != columns:
        raise np.linalg.LinAlgError(
            f"[{name}] An array of shape {x.shape} is no invertible map: it gives {rows} numbers of {columns}."
        )
    return square(name, reshaped(x, (rows, columns)))


@public(recorded(2), within="linalg", numpy=np.linalg.tensorsolve)
def tensorsolve(a: ArrayLike, b: ArrayLike, axes: Any = None) -> array:
    """The x with tensordot(a, x, x.ndim) = b.

    Args:
        a: array of shape b.shape + q, where the sizes of q have the product of those of `b`.
        b: array.
        axes: axes of `a` that are moved to its end before.

    Returns:
        Array of shape q, floating.

    Raises:
        ValueError: an axis is out of range, or `b` does not fit.
        numpy.linalg.LinAlgError: the products differ, or the map is singular.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.tensorsolve(fastvjp.eye(4).reshape(2, 2, 4), fastvjp.ones((2, 2)))
        array([1, 1, 1, 1], dtype=float32)
    """
    x, y = as_array(a, "tensorsolve"), as_array(b, "tensorsolve")
    if axes is not None:
        last = [axis_of(i, x.ndim, "tensorsolve") for i in axes]
        x = permuted(x, trailing(last, x.ndim))
    shape = x.shape[y.ndim :]
    if x.shape[: y.ndim] != y.shape:
        raise ValueError(f"[tensorsolve] Shapes {x.shape} and {y.shape} do not fit. Expected: the second first.")
    matrix = _as_matrix("tensorsolve", x, y.size, math.prod(shape))
    columns, right, _ = system("tensorsolve", matrix, reshaped(y, (y.size, 1)))
    return reshaped(solved(columns, right, "tensorsolve"), shape)
