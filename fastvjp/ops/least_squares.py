"""Pseudoinverses and least squares."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..arrays.array import array, as_array, as_arrays
from ..arrays.calls import recorded
from ..arrays.emit import cast, emit, emit_all, filled, promoted, reshaped, spread
from ..arrays.public import public
from ..core.avals import int32
from ..primitives.linalg import adjoint, product, scaled
from . import arithmetic, logical, reductions
from .common import ArrayLike, broadcast
from .matrices import floating, matrices


@public(within="linalg", numpy=np.linalg.pinv)
def pinv(a: ArrayLike, rcond: ArrayLike = None, hermitian: bool = False, *, rtol: ArrayLike = None) -> array:
    """Pseudoinverses of matrices, by singular values (Moore and Penrose).

    Args:
        a: matrices of shape (..., m, n).
        rcond: part of the largest singular value up to which others count as zero; by default 10 max(m, n) times
            the distance of 1 and the next number.
        hermitian: accepted for NumPy's sake: it says how, not what.
        rtol: the same as `rcond`.

    Returns:
        Array of shape (..., n, m), floating. The derivative is that of Golub and Pereyra, "The differentiation of
        pseudo-inverses and nonlinear least squares problems whose variables separate", 1973: of matrices that keep
        their rank, equal singular values among them. What counts as zero it takes for zero: where `rcond` cuts off
        more than rounding errors, differentiate through `svd` instead.

    Raises:
        ValueError: both `rcond` and `rtol` are given.
        numpy.linalg.LinAlgError: `a` has no matrices, or the singular values of one did not converge; says of
            which.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.pinv(fastvjp.array([[2.0, 0.0], [0.0, 0.0]]))
        array([[0.5, 0],
               [0, 0]], dtype=float32)
    """
    if rcond is not None and rtol is not None:
        raise ValueError("[pinv] Expected rcond or rtol, got both.")
    given = rtol if rcond is None else rcond
    return _pinv(a) if given is None else pseudoinverse("pinv", matrices("pinv", a), given)[0]


@recorded()
def _pinv(a: ArrayLike) -> array:
    x = matrices("pinv", a)
    return pseudoinverse("pinv", x, 10 * max(x.shape[-2:]) * float(np.finfo(x.dtype).eps))[0]


def pseudoinverse(name: str, x: array, part: ArrayLike) -> tuple[array, array, array]:
    """Pseudoinverses, how many singular values are larger than that part of the largest, and these values."""
    m, n = x.shape[-2:]
    decomposed = emit_all("svd", x, full=False)
    if not m * n:
        return filled((*x.shape[:-2], n, m), x), filled(x.shape[:-2], x), decomposed[1]
    u, s, v = [emit("stop_gradient", y) for y in decomposed]
    largest = emit("max", s, axes=(s.ndim - 1,))
    limit = as_array(arithmetic.multiply(largest, part), name)
    above = logical.greater(s, reshaped(limit, (*limit.shape, 1)))
    inverse = emit("reciprocal", emit("select", above, s, filled(s.shape, s, np.inf)))
    found = emit("pinv", product(scaled(adjoint(v), inverse), adjoint(u)), x)
    return found, reductions.sum(above, axis=-1), decomposed[1]


class LstsqResult(NamedTuple):
    """What `lstsq` returns."""

    x: array
    residuals: array
    rank: array
    singular_values: array


@public(within="linalg", numpy=np.linalg.lstsq)
def lstsq(a: ArrayLike, b: ArrayLike, rcond: Any = None) -> LstsqResult:
    """Least squares solutions: the x of least length for which the length of b - a x is least.

    Args:
        a: matrices of shape (..., m, n).
        b: one vector (m,), or right hand sides as the columns of matrices (..., m, k); leading axes are broadcast.
        rcond: part of the largest singular value up to which others count as zero; by default max(m, n) times the
            distance of 1 and the next number.

    Returns:
        A named tuple: `x` of shape (n,) or (..., n, k); `residuals`, the sums of squares of b - a x for each right
        hand side, without elements if m <= n (where `a` has not full rank they are given, too, where NumPy leaves
        them out); `rank`, int32; `singular_values`. Derivatives are those of `pinv`.

    Raises:
        ValueError: `b` does not fit `a`.
        numpy.linalg.LinAlgError: `a` has no matrices, or the singular values of one did not converge; says of
            which.

    Example:
        >>> import fastvjp
        >>> a = fastvjp.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
        >>> fastvjp.linalg.lstsq(a, fastvjp.array([1.0, 3.0, 5.0])).rank
        array(2, dtype=int32)
    """
    return LstsqResult(*_lstsq(a, b, -1 if rcond is None else rcond))


@recorded(2)
def _lstsq(a: ArrayLike, b: ArrayLike, rcond: Any) -> tuple[array, ...]:
    x, y = promoted(as_arrays([a, b], "lstsq"))
    x, y = matrices("lstsq", x), floating("lstsq", y)
    (m, n), vector = x.shape[-2:], y.ndim == 1
    if y.ndim == 0 or y.shape[max(y.ndim - 2, 0)] != m:
        raise ValueError(
            f"[lstsq] Matrices of shape {x.shape} and right hand sides of shape {y.shape} do not fit. Expected: a "
            f"vector of {m} elements, or as many rows in the last two axes."
        )
    y = reshaped(y, (m, 1)) if vector else y
    if type(rcond) is int and rcond == -1:
        rcond = max(m, n) * float(np.finfo(x.dtype).eps)
    inverse, rank, values = pseudoinverse("lstsq", x, rcond)
    batch = broadcast(x.shape[:-2], y.shape[:-2], "lstsq")
    y = spread(y, (*batch, *y.shape[-2:]))
    out = product(spread(inverse, (*batch, n, m)), y)
    left = emit("abs", emit("subtract", y, product(spread(x, (*batch, m, n)), out)))
    residuals = emit("sum", emit("square", left), axes=(left.ndim - 2,))
    if m <= n:
        residuals = filled((0,), residuals)
    out = reshaped(out, (*batch, n)) if vector else out
    return out, residuals, cast(rank, int32), values
