"""Products as `numpy.linalg` has them, and parts of the matrices in the last two axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays.array import array, as_array, as_arrays
from ..arrays.calls import recorded
from ..arrays.emit import emit, filled, promoted, reshaped, section, spread, zeros
from ..arrays.public import public
from . import diagonals, joining, linalg, shape, taking
from .common import ArrayLike, axis_of, broadcast, operands


@public(within="linalg", numpy=np.linalg.multi_dot)
def multi_dot(arrays: Sequence[ArrayLike]) -> array:
    """Product of several matrices, in the order that takes the fewest multiplications.

    Args:
        arrays: two arrays or more, with two axes; the first may be a row and the last a column, with one.

    Returns:
        Array of two axes, or of fewer where the first or the last array has one.

    Raises:
        ValueError: fewer than two arrays, or shapes that do not fit.
        numpy.linalg.LinAlgError: an array of other than two axes.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.multi_dot([fastvjp.ones((2, 3)), fastvjp.ones((3, 4)), fastvjp.ones(4)])
        array([12, 12], dtype=float32)
    """
    xs = promoted(as_arrays(arrays, "multi_dot"))
    if len(xs) < 2:
        raise ValueError(f"[multi_dot] Expected two arrays or more, got {len(xs)}.")
    row, column = xs[0].ndim == 1, xs[-1].ndim == 1
    if row:
        xs[0] = reshaped(xs[0], (1, xs[0].size))
    if column:
        xs[-1] = reshaped(xs[-1], (xs[-1].size, 1))
    for x in xs:
        if x.ndim != 2:
            raise np.linalg.LinAlgError(f"[multi_dot] Expected arrays of two axes, got the shape {x.shape}.")
    sizes = [xs[0].shape[0], *[x.shape[1] for x in xs]]
    if [x.shape[0] for x in xs] != sizes[:-1]:
        shapes = ", ".join(str(x.shape) for x in xs)
        raise ValueError(f"[multi_dot] The shapes {shapes} do not fit one another.")
    found = _multiplied(xs, _splits(sizes), 0, len(xs) - 1)
    return reshaped(found, found.shape[int(row) : 2 - int(column)])


def _splits(sizes: Sequence[int]) -> dict[tuple[int, int], int]:
    """Behind which matrix each run of matrices is divided (Cormen, Leiserson, Rivest and Stein)."""
    n = len(sizes) - 1
    costs, best = {(i, i): 0 for i in range(n)}, {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length

            def cost(k: int, i: int = i, j: int = j) -> int:
                return costs[i, k] + costs[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1]

            best[i, j] = min(range(i, j), key=cost)
            costs[i, j] = cost(best[i, j])
    return best


def _multiplied(xs: list[array], splits: dict[tuple[int, int], int], i: int, j: int) -> array:
    if i == j:
        return xs[i]
    k = splits[i, j]
    return linalg.product(_multiplied(xs, splits, i, k), _multiplied(xs, splits, k + 1, j))


@public(recorded(2), within="linalg", numpy=np.linalg.cross)
def cross(a: ArrayLike, b: ArrayLike, axis: int = -1) -> array:
    """Cross products of vectors.

    Args:
        a: vectors of three elements, or of two, of which the third is 0, along an axis.
        b: the same; other axes are broadcast.
        axis: the axis of the vectors, in both and in the result.

    Returns:
        Array of vectors of three elements.

    Raises:
        ValueError: vectors of other lengths, or an axis that is out of range.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.cross(fastvjp.array([1.0, 0.0, 0.0]), fastvjp.array([0.0, 1.0, 0.0]))
        array([0, 0, 1], dtype=float32)
    """
    x, y = promoted(as_arrays([a, b], "cross"))
    x, y = (shape.moveaxis(z, axis_of(axis, z.ndim, "cross"), -1) for z in (x, y))
    if x.shape[-1] not in (2, 3) or y.shape[-1] not in (2, 3):
        raise ValueError(
            f"[cross] Expected vectors of 2 or 3 elements, got {x.shape[-1]} and {y.shape[-1]} along axis {axis}."
        )
    one, other = (_three(z) for z in (x, y))
    parts = [
        emit("subtract", _times(one[i], other[j]), _times(one[j], other[i])) for i, j in ((1, 2), (2, 0), (0, 1))
    ]
    parts = [reshaped(p, (*p.shape, 1)) for p in parts]
    return shape.moveaxis(emit("concatenate", *parts, axis=parts[0].ndim - 1), -1, axis)


def _three(x: array) -> list[array]:
    """The three elements of vectors."""
    last = x.ndim - 1
    found = [reshaped(section(x, last, i, i + 1), x.shape[:-1]) for i in range(x.shape[-1])]
    return found if len(found) == 3 else [*found, zeros(found[0])]


def _times(x: array, y: array) -> array:
    return emit("multiply", *operands("cross", x, y))


@public(recorded(2), within="linalg", numpy=(np.vecdot, np.linalg.vecdot))
def vecdot(x1: ArrayLike, x2: ArrayLike, axis: int = -1) -> array:
    """Sums of products along an axis, the first array conjugated.

    Args:
        x1: array.
        x2: array; other axes are broadcast.
        axis: the axis that is summed over, in both.

    Returns:
        Array without the axis.

    Raises:
        ValueError: axes of different sizes, or out of range.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.vecdot(fastvjp.ones((2, 3)), fastvjp.array([1.0, 2.0, 3.0]))
        array([6, 6], dtype=float32)
    """
    x, y = promoted(as_arrays([x1, x2], "vecdot"))
    x, y = (shape.moveaxis(z, axis_of(axis, z.ndim, "vecdot"), -1) for z in (x, y))
    n = x.shape[-1]
    if n != y.shape[-1]:
        raise ValueError(f"[vecdot] Shapes {x.shape} and {y.shape} do not fit. Expected: equal sizes of the axis.")
    x = emit("conjugate", x) if x.dtype.kind == "c" else x
    found = linalg.product(reshaped(x, (*x.shape[:-1], 1, n)), reshaped(y, (*y.shape, 1)))
    return reshaped(found, found.shape[:-2])


@public(recorded(2), within="linalg", numpy=np.linalg.outer)
def outer(x1: ArrayLike, x2: ArrayLike) -> array:
    """Products of all elements of one vector with all of another.

    Args:
        x1: vector of shape (m,).
        x2: vector of shape (n,).

    Returns:
        Array of shape (m, n).

    Raises:
        ValueError: other than two vectors.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.outer(fastvjp.array([1.0, 2.0]), fastvjp.array([3.0, 4.0]))
        array([[3, 4],
               [6, 8]], dtype=float32)
    """
    x, y = as_arrays([x1, x2], "outer")
    if x.ndim != 1 or y.ndim != 1:
        raise ValueError(f"[outer] Expected two vectors, got shapes {x.shape} and {y.shape}.")
    return linalg.outer(x, y)


@public(within="linalg", numpy=(np.matrix_transpose, np.linalg.matrix_transpose))
def matrix_transpose(x: ArrayLike) -> array:
    """Matrices with rows and columns exchanged.

    Args:
        x: matrices of shape (..., m, n).

    Returns:
        Array of shape (..., n, m).

    Raises:
        ValueError: fewer than two axes.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.matrix_transpose(fastvjp.ones((2, 3, 4))).shape
        (2, 4, 3)
    """
    return shape.swapaxes(_matrices("matrix_transpose", x), -1, -2)


def _matrices(name: str, x: ArrayLike) -> array:
    found = as_array(x, name)
    if found.ndim < 2:
        raise ValueError(f"[{name}] Expected matrices, in the last two axes of at least two, got {found.shape}.")
    return found


@public(within="linalg", numpy=np.linalg.diagonal)
def diagonal(x: ArrayLike, offset: int = 0) -> array:
    """Diagonals of the matrices in the last two axes.

    Args:
        x: matrices of shape (..., m, n).
        offset: which diagonal; above the main one where positive.

    Returns:
        Array in which the last axis is the diagonal.

    Raises:
        ValueError: fewer than two axes.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.diagonal(fastvjp.array([[1.0, 2.0], [3.0, 4.0]]))
        array([1, 4], dtype=float32)
    """
    return diagonals.diagonal(_matrices("diagonal", x), offset, -2, -1)


@public(recorded(), within="linalg", numpy=np.linalg.trace)
def trace(x: ArrayLike, offset: int = 0, dtype: Any = None) -> array:
    """Sums along diagonals of the matrices in the last two axes.

    Args:
        x: matrices of shape (..., m, n).
        offset: which diagonal; above the main one where positive.
        dtype: dtype in which to sum; by default that of `sum`.

    Returns:
        Array of shape (...).

    Raises:
        ValueError: fewer than two axes.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.trace(fastvjp.array([[1.0, 2.0], [3.0, 4.0]]))
        array(5, dtype=float32)
    """
    return diagonals.trace(_matrices("trace", x), offset, -2, -1, dtype)


# --- matrices of parts -----------------------------------------------------------------------------------


@public(within="linalg")
def block_diag(*arrs: ArrayLike) -> array:
    """A matrix of blocks along its diagonal, with zeros elsewhere.

    Args:
        arrs: matrices of shapes (..., m, n), whose leading axes are broadcast; a vector is a matrix of one row, a
            number one of one element.

    Returns:
        Array of their common dtype, of shape (..., sum of m, sum of n); of shape (1, 0) for no arrays.

    Raises:
        ValueError: leading axes that do not fit.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.block_diag(fastvjp.array([[1.0, 2.0]]), fastvjp.array(3.0))
        array([[1, 2, 0],
               [0, 0, 3]], dtype=float32)
    """
    xs = promoted(as_arrays(arrs or [np.empty((1, 0))], "block_diag"))
    xs = [reshaped(x, (1,) * (2 - x.ndim) + x.shape) for x in xs]
    batch: tuple[int, ...] = ()
    for x in xs:
        batch = broadcast(batch, x.shape[:-2], "block_diag")
    rows, columns = (sum(x.shape[i] for x in xs) for i in (-2, -1))
    found, row, column = filled((*batch, rows, columns), xs[0]), 0, 0
    for x in xs:
        m, n = x.shape[-2:]
        start, stop = (*(0,) * len(batch), row, column), (*batch, row + m, column + n)
        found = emit(
            "slice_update", found, spread(x, (*batch, m, n)), start=start, stop=stop, step=(1,) * found.ndim
        )
        row, column = row + m, column + n
    return found


@public(within="linalg")
def toeplitz(c: ArrayLike, r: ArrayLike = None) -> array:
    """Matrices that have one value along each diagonal.

    Args:
        c: the first column, of shape (..., m).
        r: the first row, of shape (..., n), whose first element is not used; by default the conjugate of `c`.

    Returns:
        Array of shape (..., m, n).

    Raises:
        ValueError: no axes, or leading axes that do not fit.

    Example:
        >>> import fastvjp
        >>> fastvjp.linalg.toeplitz(fastvjp.array([1.0, 2.0]), fastvjp.array([0.0, 3.0, 4.0]))
        array([[1, 3, 4],
               [2, 1, 3]], dtype=float32)
    """
    x, y = promoted(as_arrays([c, c if r is None else r], "toeplitz"))
    if r is None and x.dtype.kind == "c":
        y = emit("conjugate", y)
    if not x.ndim or not y.ndim:
        raise ValueError(f"[toeplitz] Expected arrays with an axis, got shapes {x.shape} and {y.shape}.")
    batch, m, n = broadcast(x.shape[:-1], y.shape[:-1], "toeplitz"), x.shape[-1], y.shape[-1]
    x, y = spread(x, (*batch, m)), spread(y, (*batch, n))
    last = len(batch)
    values = emit("concatenate", joining.flip(x, last), section(y, last, min(1, n), n), axis=last)
    places = np.arange(m - 1, -1, -1)[:, None] + np.arange(n)
    return taking.take(values, places, last)
