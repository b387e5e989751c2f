"""Norms of vectors and matrices, condition numbers, ranks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays.array import array, as_array, as_arrays
from ..arrays.calls import recorded
from ..arrays.emit import cast, emit, filled, permuted, reshaped, rounded, section, trailing, widened, zeros
from ..arrays.public import public
from ..core.avals import int64
from . import arithmetic, logical, reductions
from .common import ArrayLike, axes_of
from .matrices import floating, matrices, square
from .solving import inverted

Order = float | str | None
"""Of a norm: a number, "fro" or "nuc"; None for the usual one."""


@public(within="linalg", numpy=np.linalg.norm)
def norm(
    a: ArrayLike, ord: Order = None, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
) -> array:
    """Norms of vectors or matrices.

    Args:
        a: array; without `axis`, and with an `ord`, one vector or matrix.
        ord: of vectors any number p, for sum(abs(a)**p)**(1/p): 0 counts elements that are not zero, inf and -inf
            are the largest and smallest size; 2 by default. Of matrices 1, -1, inf and -inf, for the largest and
            smallest sum of sizes in a column or row, 2 and -2, for the largest and smallest singular value, "nuc",
            for the sum of these, and by default "fro", for the root of the sum of squares.
        axis: one axis, that of vectors, or two, those of matrices; by default all elements are one vector.
        keepdims: keep the axes, of size 1.

    Returns:
        Array without the axes, real and floating. Derivatives are 0 where a norm is 0, as that of `abs`.

    Raises:
        ValueError: an order that is none, or axes that do not fit it.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.norm(fastvjp.array([3.0, 4.0])), fastvjp.linalg.norm(fastvjp.eye(3), "nuc")
        (array(5, dtype=float32), array(3, dtype=float32))
    """
    x = as_array(a, "norm")
    axes = tuple(axis) if isinstance(axis, tuple | list) else None if axis is None else (axis,)
    if ord is None and (axes is None or len(axes) == 2):
        return _vector_norm(a, 2, axes, bool(keepdims), "norm")
    count = x.ndim if axes is None else len(axes)
    if count == 1:
        return _vector_norm(a, _order("norm", 2 if ord is None else ord), axes, bool(keepdims), "norm")
    if count != 2:
        raise ValueError(
            f"[norm] A norm of order {ord} is of vectors or matrices, over one axis or two, not {count}."
        )
    return _matrix_norm(a, _order("norm", ord), axes or (0, 1), bool(keepdims), "norm")


@public(within="linalg", numpy=np.linalg.vector_norm)
def vector_norm(
    x: ArrayLike, *, axis: int | tuple[int, ...] | None = None, keepdims: bool = False, ord: float = 2
) -> array:
    """Norms of vectors, whose elements may lie along several axes.

    Args:
        x: array.
        axis: axes over which the norm is; by default all.
        keepdims: keep the axes, of size 1.
        ord: which norm, as `norm` says it of vectors.

    Returns:
        Array without the axes, real and floating.

    Raises:
        ValueError: an order that is none, or an axis that is out of range.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.vector_norm(fastvjp.array([[3.0, 4.0], [0.0, 0.0]]), axis=1)
        array([5, 0], dtype=float32)
    """
    axes = tuple(axis) if isinstance(axis, tuple | list) else None if axis is None else (axis,)
    return _vector_norm(x, _order("vector_norm", ord), axes, bool(keepdims), "vector_norm")


@public(within="linalg", numpy=np.linalg.matrix_norm)
def matrix_norm(x: ArrayLike, *, keepdims: bool = False, ord: Order = "fro") -> array:
    """Norms of the matrices in the last two axes.

    Args:
        x: matrices of shape (..., m, n).
        keepdims: keep the axes, of size 1.
        ord: which norm, as `norm` says it of matrices.

    Returns:
        Array of shape (...), real and floating.

    Raises:
        ValueError: an order that is none, or `x` has no matrices.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.matrix_norm(fastvjp.array([[3.0, 0.0], [0.0, -4.0]]), ord=2)
        array(4, dtype=float32)
    """
    return _matrix_norm(x, _order("matrix_norm", ord), (-2, -1), bool(keepdims), "matrix_norm")


def _order(name: str, ord: Any) -> Any:
    """An order as calls are found by it: whole numbers, "inf", "-inf", names."""
    if isinstance(ord, str):
        return {"f": "fro"}.get(ord, ord)
    if not isinstance(ord, int | float | np.number) or math.isnan(ord):
        raise ValueError(f"[{name}] Expected a number, 'fro' or 'nuc' as the order, got {ord!r}.")
    if math.isinf(ord):
        return "inf" if ord > 0 else "-inf"
    return int(ord) if ord == int(ord) else float(ord)


@recorded()
def _vector_norm(a: ArrayLike, ord: Any, axis: tuple[int, ...] | None, keepdims: bool, name: str) -> array:
    given = as_array(a, name)
    x = floating(name, widened(given))
    axes = axes_of(axis, x.ndim, name)
    found = rounded(_size_of(name, x, ord, axes), given.dtype)
    return reshaped(found, tuple([1 if i in axes else n for i, n in enumerate(x.shape)])) if keepdims else found


def _size_of(name: str, x: array, ord: Any, axes: tuple[int, ...]) -> array:
    if ord == 2:
        parts = [emit("real", x), emit("imag", x)] if x.dtype.kind == "c" else [x]
        squares = [emit("square", part) for part in parts]
        total = emit("add", *squares) if len(squares) == 2 else squares[0]
        return _away_from_zero(emit("sum", total, axes=axes), lambda total: emit("sqrt", total))
    sizes = emit("abs", x)
    if ord in ("inf", "-inf"):
        if not all(x.shape[i] for i in axes) and ord == "-inf":
            raise ValueError(
                f"[{name}] Norms of order -inf are of vectors with elements, got the shape {x.shape}."
            )
        if not all(x.shape[i] for i in axes):
            return emit("sum", sizes, axes=axes)
        return emit("max" if ord == "inf" else "min", sizes, axes=axes)
    if ord == 0:
        return emit("sum", cast(emit("not_equal", x, zeros(x)), sizes.dtype), axes=axes)
    if ord == 1:
        return emit("sum", sizes, axes=axes)
    if isinstance(ord, str):
        raise ValueError(f"[{name}] Norms of order {ord!r} are of matrices, over two axes.")
    at_zero = 0 if ord > 0 else math.inf
    powers = _away_from_zero(sizes, lambda x: _power(x, ord), at_zero)
    return _away_from_zero(emit("sum", powers, axes=axes), lambda total: _power(total, 1 / ord), at_zero)


def _power(x: array, exponent: float) -> array:
    return emit("power", x, filled(x.shape, x, exponent))


def _away_from_zero(x: array, function: Any, at_zero: float = 0) -> array:
    """A function whose derivative at 0 counts as 0, as that of abs."""
    zero = emit("equal", x, zeros(x))
    found = function(emit("select", zero, filled(x.shape, x, 1), x))
    return emit("select", zero, filled(x.shape, x, at_zero), found)


@recorded()
def _matrix_norm(a: ArrayLike, ord: Any, axis: tuple[int, ...], keepdims: bool, name: str) -> array:
    given = as_array(a, name)
    x = floating(name, widened(given))
    if x.ndim < 2:
        raise ValueError(f"[{name}] Expected matrices, in two axes, got the shape {x.shape}.")
    axes_of(axis, x.ndim, name)
    first, second = (i % x.ndim for i in axis)
    matrix = permuted(x, trailing((first, second), x.ndim))
    found = rounded(_size_of_matrix(name, matrix, ord), given.dtype)
    kept = tuple([1 if i in (first, second) else n for i, n in enumerate(x.shape)])
    return reshaped(found, kept) if keepdims else found


def _size_of_matrix(name: str, x: array, ord: Any) -> array:
    last = x.ndim - 1
    if ord == "fro":
        return _size_of(name, x, 2, (last - 1, last))
    if 0 in x.shape[-2:] and ord != "nuc":
        raise ValueError(f"[{name}] Norms of order {ord} are of matrices with elements, got the shape {x.shape}.")
    if ord in (2, -2, "nuc"):
        values = emit("svdvals", x)
        if ord == "nuc":
            return emit("sum", values, axes=(last - 1,))
        at = 0 if ord == 2 else values.shape[-1] - 1
        return reshaped(section(values, last - 1, at, at + 1), x.shape[:-2])
    if ord in (1, -1, "inf", "-inf"):
        along = last - 1 if ord in (1, -1) else last
        sums = emit("sum", emit("abs", x), axes=(along,))
        return emit("max" if ord in (1, "inf") else "min", sums, axes=(last - 1,))
    raise ValueError(f"[{name}] Expected 'fro', 'nuc', 1, -1, 2, -2, inf or -inf as the order, got {ord!r}.")


# --- condition and rank ----------------------------------------------------------------------------------


@public(within="linalg", numpy=np.linalg.cond)
def cond(x: ArrayLike, p: Order = None) -> array:
    """Condition numbers of matrices: the norm of a matrix times that of its inverse.

    Args:
        x: matrices of shape (..., m, n); square ones unless `p` is None, 2 or -2.
        p: the order of the norm, as `norm` says it of matrices; by default 2, for the ratio of the largest and the
            smallest singular value.

    Returns:
        Array of shape (...), real and floating; inf for a singular matrix.

    Raises:
        ValueError: an order that is none, or a matrix without elements.
        numpy.linalg.LinAlgError: `x` has no matrices, or they are not square.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.cond(fastvjp.array([[2.0, 0.0], [0.0, 8.0]]))
        array(4, dtype=float32)
    """
    return _cond(x, 2 if p is None else _order("cond", p))


@recorded()
def _cond(a: ArrayLike, p: Any) -> array:
    x = matrices("cond", a) if p in (2, -2) else square("cond", a)
    if 0 in x.shape[-2:]:
        raise ValueError(f"[cond] Expected matrices with elements, got the shape {x.shape}.")
    if p in (2, -2):
        values = emit("svdvals", x)
        last = values.ndim - 1
        ends = [reshaped(section(values, last, i, i + 1), x.shape[:-2]) for i in (0, values.shape[-1] - 1)]
        found = emit("divide", *(ends if p == 2 else ends[::-1]))
    else:
        sizes = [_size_of_matrix("cond", y, p) for y in (x, inverted(x, "cond", checked=None))]
        found = emit("multiply", *sizes)
    given = emit("isnan", emit("abs", x))
    known = emit("logical_not", emit("max", given, axes=(x.ndim - 2, x.ndim - 1)))
    lost = emit("logical_and", emit("isnan", found), known)
    return emit("select", lost, filled(found.shape, found, math.inf), found)


@public(within="linalg", numpy=np.linalg.matrix_rank)
def matrix_rank(A: ArrayLike, tol: ArrayLike = None, hermitian: bool = False, *, rtol: ArrayLike = None) -> array:
    """How many singular values of matrices are not zero: integers, without a derivative.

    Args:
        A: matrices of shape (..., m, n), or a vector.
        tol: what counts as zero; by default that part of the largest which `rtol` says.
        hermitian: take the sizes of eigenvalues of Hermitian matrices instead.
        rtol: by default the larger of m and n times the distance of 1 and the next number.

    Returns:
        Array of shape (...), int64.

    Raises:
        ValueError: both `tol` and `rtol` are given.
        numpy.linalg.LinAlgError: singular values did not converge.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.matrix_rank(fastvjp.ones((3, 3)))
        array(1, dtype=int64)
    """
    if tol is not None and rtol is not None:
        raise ValueError("[matrix_rank] Expected tol or rtol, got both.")
    hermitian = bool(hermitian)
    x = emit("stop_gradient", as_arrays([A, *[t for t in (tol, rtol) if t is not None]], "matrix_rank")[0])
    if x.ndim < 2:
        return cast(reductions.any(logical.not_equal(x, 0)), int64)
    x = matrices("matrix_rank", x)
    values = emit("abs", emit("eigvalsh", x, upper=False)) if hermitian else emit("svdvals", x)
    last = values.ndim - 1
    if tol is None:
        part = max(x.shape[-2:]) * float(np.finfo(values.dtype).eps) if rtol is None else rtol
        largest = emit("max", values, axes=(last,)) if values.shape[last] else filled(x.shape[:-2], values)
        tol = arithmetic.multiply(largest, part)
    limit = as_array(tol, "matrix_rank")
    return reductions.sum(logical.greater(values, reshaped(limit, (*limit.shape, 1))), axis=-1)
