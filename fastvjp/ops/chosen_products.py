"""Matrix products of which an index, blocks or segments say what takes part."""

from __future__ import annotations

import math

import numpy as np

from ..arrays.array import array, as_array, as_arrays, numpy_of
from ..arrays.emit import cast, filled, promoted, reshaped
from ..arrays.public import public
from ..recording.recorder import TracedValueError
from .arithmetic import multiply
from .common import ArrayLike, require
from .indexing import getitem
from .joining import repeat, stack
from .linalg import matmul
from .logical import greater_equal, less, logical_and, where
from .taking import take


@public()
def gather_mm(
    a: ArrayLike,
    b: ArrayLike,
    lhs_indices: ArrayLike | None = None,
    rhs_indices: ArrayLike | None = None,
    *,
    sorted_indices: bool = False,
) -> array:
    """Products of matrices of two batches that are chosen by indices.

    Args:
        a: matrices of shape (..., m, k).
        b: matrices of shape (..., k, n).
        lhs_indices: integers, which count the matrices of `a`; by default each of them once.
        rhs_indices: the same for `b`; the shapes of both broadcast.
        sorted_indices: accepted as in MLX.

    Returns:
        Array of shape (..., m, n), with the shape of the indices in front.

    Raises:
        ValueError: fewer than two axes, or shapes that do not fit.
        IndexError: an index out of range.

    Example:
        >>> import fastvjp
        >>> a, b = fastvjp.ones((2, 1, 2)), fastvjp.array([[[1.0], [2.0]], [[3.0], [4.0]]])
        >>> fastvjp.gather_mm(a, b, rhs_indices=[1, 0]).reshape(-1)
        array([7, 3], dtype=float32)
    """
    x, y = as_arrays([a, b], "gather_mm")
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-2]:
        raise ValueError(f"[gather_mm] Expected shapes (..., m, k) and (..., k, n), got {x.shape} and {y.shape}.")
    return matmul(chosen(x, lhs_indices), chosen(y, rhs_indices))


def chosen(x: array, indices: ArrayLike | None) -> array:
    """Matrices by their numbers in the flattened batch."""
    if indices is None:
        return x
    return take(reshaped(x, (math.prod(x.shape[:-2]), *x.shape[-2:])), indices, 0)


@public()
def block_masked_mm(
    a: ArrayLike,
    b: ArrayLike,
    block_size: int = 64,
    mask_out: ArrayLike | None = None,
    mask_lhs: ArrayLike | None = None,
    mask_rhs: ArrayLike | None = None,
) -> array:
    """A matrix product in which square blocks of the operands and of the result are masked.

    Args:
        a: array of shape (..., m, k).
        b: array of shape (..., k, n).
        block_size: rows and columns of a block; those at the end may be smaller.
        mask_out: bools, or factors, of the result's blocks: shape (..., ceil(m / size), ceil(n / size)).
        mask_lhs: the same for `a`.
        mask_rhs: the same for `b`.

    Raises:
        ValueError: shapes that do not fit, or a size below 1.

    Example:
        >>> import fastvjp
        >>> mask = fastvjp.array([[True, False]])
        >>> fastvjp.block_masked_mm(fastvjp.ones((1, 3)), fastvjp.ones((3, 3)), 2, mask_out=mask)
        array([[3, 3, 0]], dtype=float32)
    """
    x, y = promoted(as_arrays([a, b], "block_masked_mm"))
    if x.ndim < 2 or y.ndim < 2 or block_size < 1:
        raise ValueError(
            f"[block_masked_mm] Expected matrices and blocks of at least one row, got shapes {x.shape} and "
            f"{y.shape}, and {block_size}."
        )
    product = matmul(_masked(x, mask_lhs, block_size, "mask_lhs"), _masked(y, mask_rhs, block_size, "mask_rhs"))
    return _masked(product, mask_out, block_size, "mask_out")


def _masked(x: array, mask: ArrayLike | None, size: int, which: str) -> array:
    if mask is None:
        return x
    given = as_array(mask, "block_masked_mm")
    rows, columns = x.shape[-2:]
    if given.shape[-2:] != (-(-rows // size), -(-columns // size)):
        raise ValueError(
            f"[block_masked_mm] Blocks of {size} of a matrix of shape {(rows, columns)} need a {which} of shape "
            f"{(-(-rows // size), -(-columns // size))}, got {given.shape}."
        )
    whole = getitem(repeat(repeat(given, size, -1), size, -2), (..., slice(rows), slice(columns)))
    return where(whole, x, 0) if given.dtype.kind == "b" else multiply(x, cast(whole, x.dtype))


@public()
def segmented_mm(a: ArrayLike, b: ArrayLike, segments: ArrayLike) -> array:
    """Products of segments of the inner axis of two matrices.

    Args:
        a: matrix of shape (m, k).
        b: matrix of shape (k, n).
        segments: integers of shape (..., 2): where each segment of the k begins and ends.

    Returns:
        Array of shape (..., m, n).

    Raises:
        ValueError: shapes that do not fit.

    Example:
        >>> import fastvjp
        >>> fastvjp.segmented_mm(fastvjp.ones((1, 4)), fastvjp.ones((4, 1)), [[0, 1], [1, 4]]).reshape(-1)
        array([1, 3], dtype=float32)
    """
    x, y = promoted(as_arrays([a, b], "segmented_mm"))
    ends = as_array(segments, "segmented_mm")
    require("segmented_mm", ends.dtype, "iu")
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[0] or ends.shape[-1:] != (2,):
        raise ValueError(
            f"[segmented_mm] Expected shapes (m, k), (k, n) and (..., 2), got {x.shape}, {y.shape} and "
            f"{ends.shape}."
        )
    shape = (*ends.shape[:-1], x.shape[0], y.shape[1])
    try:
        pairs = numpy_of(ends._var).reshape(-1, 2).tolist()
    except TracedValueError:
        places = np.arange(x.shape[1])
        start, stop = (getitem(ends, (..., i, None)) for i in (0, 1))
        inside = logical_and(greater_equal(places, start), less(places, stop))
        return matmul(where(getitem(inside, (..., None, slice(None))), x, 0), y)
    parts = [matmul(getitem(x, (slice(None), slice(i, j))), getitem(y, slice(i, j))) for i, j in pairs]
    return reshaped(stack(parts), shape) if parts else filled(shape, x)
