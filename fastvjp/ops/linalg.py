"""Products of matrices and of more general arrays; `einsum` stands in its own module."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays.array import array, as_array, as_arrays
from ..arrays.calls import binary, recorded
from ..arrays.emit import cast, emit, filled, leading, permuted, promoted, reshaped, spread, trailing
from ..arrays.public import public
from ..core.avals import bool_, int64
from .common import ArrayLike, axis_of, broadcast, operands


@public(binary, numpy=(np.matmul, np.linalg.matmul))
def matmul(a: ArrayLike, b: ArrayLike) -> array:
    """Matrix product, as NumPy's `@`.

    Args:
        a: array of shape (..., m, k), or (k,) for a row.
        b: array of shape (..., k, n), or (k,) for a column.

    Returns:
        Array of shape (..., m, n), the leading axes broadcast; without m or n where `a` or `b` is 1-D.

    Raises:
        ValueError: scalars, or shapes that do not fit.

    Example:
        >>> import fastvjp
        >>> fastvjp.matmul(fastvjp.array([[1.0, 2.0], [3.0, 4.0]]), fastvjp.array([1.0, 1.0]))
        array([3, 7], dtype=float32)
    """
    x, y = promoted([as_array(a, "matmul"), as_array(b, "matmul")])
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError("[matmul] Expected arrays with at least one axis. Hint: use multiply for scalars.")
    if x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        raise ValueError(
            f"[matmul] Shapes {x.shape} and {y.shape} do not fit. "
            f"Expected: the last axis of the first as long as the last but one (or only) of the second."
        )
    row, column = x.ndim == 1, y.ndim == 1
    if row:
        x = reshaped(x, (1, *x.shape))
    if column:
        y = reshaped(y, (*y.shape, 1))
    out = product(x, y)
    shape = out.shape[:-2] + (() if row else out.shape[-2:-1]) + (() if column else out.shape[-1:])
    return reshaped(out, shape)


def product(x: array, y: array) -> array:
    """Matrix product of arrays of one dtype with at least two axes; the others are broadcast."""
    if x.dtype == bool_:
        counts = product(cast(x, int64), cast(y, int64))
        return emit("not_equal", counts, filled(counts.shape, counts))
    batch = broadcast(x.shape[:-2], y.shape[:-2], "matmul")
    m, (k, n) = x.shape[-2], y.shape[-2:]
    if math.prod(y.shape[:-2]) == 1:  # one matrix for all: a single tall product
        x = spread(x, (*batch, m, k))
        out = emit("matmul", reshaped(x, (math.prod(batch) * m, k)), reshaped(y, (k, n)))
        return reshaped(out, (*batch, m, n))
    return emit("matmul", spread(x, (*batch, m, k)), spread(y, (*batch, k, n)))


@public()
def addmm(c: ArrayLike, a: ArrayLike, b: ArrayLike, alpha: float = 1.0, beta: float = 1.0) -> array:
    """Matrix product added to an array: alpha * (a @ b) + beta * c.

    Args:
        c: array that broadcasts to the shape of the product.
        a: array of shape (..., m, k).
        b: array of shape (..., k, n).
        alpha: factor of the product.
        beta: factor of `c`.

    Returns:
        Array of shape (..., m, n).

    Raises:
        ValueError: shapes that do not fit.

    Example:
        >>> import fastvjp
        >>> fastvjp.addmm(fastvjp.ones(2), fastvjp.ones((1, 3)), fastvjp.ones((3, 2)))
        array([[4, 4]], dtype=float32)
    """
    shift, x, y = as_arrays([c, a, b], "addmm")
    out = matmul(x, y)
    if broadcast(out.shape, shift.shape, "addmm") != out.shape:
        raise ValueError(f"[addmm] c of shape {shift.shape} does not broadcast to the product's, {out.shape}.")
    if alpha != 1:
        out = emit("multiply", *operands("addmm", out, alpha))
    if beta != 1:
        shift = emit("multiply", *operands("addmm", shift, beta))
    return emit("add", *operands("addmm", out, shift))


@public(binary, numpy=np.inner)
def inner(a: ArrayLike, b: ArrayLike) -> array:
    """Sums of products over the last axes; of scalars, their product.

    Args:
        a: array of shape (..., k).
        b: array of shape (..., k).

    Returns:
        Array of shape a.shape[:-1] + b.shape[:-1].

    Raises:
        ValueError: the last axes differ.

    Example:
        >>> import fastvjp
        >>> fastvjp.inner(fastvjp.array([1.0, 2.0]), fastvjp.array([3.0, 4.0]))
        array(11, dtype=float32)
    """
    x, y = promoted(as_arrays([a, b], "inner"))
    if x.ndim == 0 or y.ndim == 0:
        return emit("multiply", *operands("inner", x, y))
    if x.shape[-1] != y.shape[-1]:
        raise ValueError(f"[inner] Shapes {x.shape} and {y.shape} do not fit. Expected: equal last axes.")
    return tensordot(x, y, ([-1], [-1]))


@public(binary, numpy=np.vdot)
def vdot(a: ArrayLike, b: ArrayLike) -> array:
    """Sum of products of all elements, the first conjugated.

    Args:
        a: array.
        b: array of the same size.

    Returns:
        Scalar array.

    Raises:
        ValueError: the sizes differ.

    Example:
        >>> import fastvjp
        >>> fastvjp.vdot(fastvjp.array([1.0, 2.0]), fastvjp.array([3.0, 4.0]))
        array(11, dtype=float32)
    """
    x, y = promoted([as_array(a, "vdot"), as_array(b, "vdot")])
    if x.size != y.size:
        raise ValueError(f"[vdot] Shapes {x.shape} and {y.shape} do not fit. Expected: equal sizes.")
    if x.dtype.kind == "c":
        x = emit("conjugate", x)
    return reshaped(product(reshaped(x, (1, x.size)), reshaped(y, (y.size, 1))), ())


@public(binary, numpy=np.outer)
def outer(a: ArrayLike, b: ArrayLike) -> array:
    """Products of all elements of one array with all of another.

    Args:
        a: array of size m, flattened.
        b: array of size n, flattened.

    Returns:
        Array of shape (m, n).

    Example:
        >>> import fastvjp
        >>> fastvjp.outer(fastvjp.array([1.0, 2.0]), fastvjp.array([3.0, 4.0]))
        array([[3, 4],
               [6, 8]], dtype=float32)
    """
    x, y = as_arrays([a, b], "outer")
    return _multiply(*operands("outer", reshaped(x, (x.size, 1)), reshaped(y, (1, y.size))))


def _multiply(x: array, y: array) -> array:
    return emit("logical_and" if x.dtype == bool_ else "multiply", x, y)


@public(recorded(2), numpy=(np.tensordot, np.linalg.tensordot))
def tensordot(a: ArrayLike, b: ArrayLike, axes: Any = 2) -> array:
    """Sums of products over several axes.

    Args:
        a: array.
        b: array.
        axes: a number, for that many last axes of `a` and first axes of `b`; or a pair of axes or of
            sequences of axes.

    Returns:
        Array with the other axes of `a`, then those of `b`.

    Raises:
        ValueError: axes out of range, or of different sizes.

    Example:
        >>> import fastvjp
        >>> fastvjp.tensordot(fastvjp.ones((2, 3)), fastvjp.ones((3, 4)), 1).shape
        (2, 4)
    """
    x, y = promoted([as_array(a, "tensordot"), as_array(b, "tensordot")])
    given: list[Any]
    if isinstance(axes, tuple | list):
        if len(axes) != 2:
            raise ValueError(f"[tensordot] Expected a number or a pair of axes, got {axes}.")
        given = [list(g) if isinstance(g, tuple | list) else [g] for g in axes]
    else:
        count = axes.__index__()
        if not 0 <= count <= min(x.ndim, y.ndim):
            raise ValueError(f"[tensordot] Cannot sum over {count} axes of shapes {x.shape} and {y.shape}.")
        given = [list(range(x.ndim - count, x.ndim)), list(range(count))]
    over_x = [axis_of(i, x.ndim, "tensordot") for i in given[0]]
    over_y = [axis_of(i, y.ndim, "tensordot") for i in given[1]]
    sizes = tuple([x.shape[i] for i in over_x])
    distinct = len(set(over_x)) == len(over_x) and len(set(over_y)) == len(over_y)
    if not distinct or sizes != tuple([y.shape[i] for i in over_y]):
        raise ValueError(
            f"[tensordot] Axes {over_x} of shape {x.shape} and {over_y} of shape {y.shape} do not fit. "
            f"Expected: distinct axes of equal sizes."
        )
    x = permuted(x, trailing(over_x, x.ndim))
    y = permuted(y, leading(over_y, y.ndim))
    kept_x, kept_y = x.shape[: x.ndim - len(over_x)], y.shape[len(over_y) :]
    k = math.prod(sizes)
    out = product(reshaped(x, (math.prod(kept_x), k)), reshaped(y, (k, math.prod(kept_y))))
    return reshaped(out, kept_x + kept_y)


@public(recorded(2), numpy=np.kron)
def kron(a: ArrayLike, b: ArrayLike) -> array:
    """Kronecker product: each element of one array times all of another.

    Args:
        a: array.
        b: array; of the two the one with fewer axes gets leading ones.

    Returns:
        Array whose sizes are the products of those of `a` and `b`.

    Example:
        >>> import fastvjp
        >>> fastvjp.kron(fastvjp.array([1.0, 10.0]), fastvjp.array([1.0, 2.0]))
        array([1, 2, 10, 20], dtype=float32)
    """
    x, y = as_arrays([a, b], "kron")
    n = max(x.ndim, y.ndim)
    xs, ys = ((1,) * (n - z.ndim) + z.shape for z in (x, y))
    x = reshaped(x, tuple([m for k in xs for m in (k, 1)]))
    y = reshaped(y, tuple([m for k in ys for m in (1, k)]))
    return reshaped(_multiply(*operands("kron", x, y)), tuple([k * m for k, m in zip(xs, ys, strict=True)]))
