"""Products that NumPy has under names of its own."""

from __future__ import annotations

import string
from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array, as_arrays
from ...arrays.public import attach, implements
from ...ops.matrix_products import cross


@implements(np.dot)
def dot(a: Any, b: Any) -> array:
    """Product with another array, as `numpy.dot`."""
    x, y = as_arrays([a, b], "dot")
    if x.ndim == 0 or y.ndim == 0:
        return ops.multiply(x, y)
    return ops.matmul(x, y) if y.ndim <= 2 else ops.tensordot(x, y, ((-1,), (-2,)))


attach("dot", dot)


@implements(getattr(np, "matvec", None))  # NumPy 2.2
def _matvec(a: Any, b: Any) -> array:
    x, y = as_arrays([a, b], "matvec")
    return ops.squeeze(ops.matmul(x, ops.expand_dims(y, -1)), -1)


@implements(getattr(np, "vecmat", None))
def _vecmat(a: Any, b: Any) -> array:
    x, y = as_arrays([a, b], "vecmat")
    return ops.squeeze(ops.matmul(ops.expand_dims(ops.conj(x), -2), y), -2)


@implements(np.einsum)
def _einsum(*operands: Any) -> array:
    if isinstance(operands[0], str):
        return ops.einsum(*operands)
    arrays, labels = operands[: len(operands) // 2 * 2 : 2], list(operands[1::2])
    terms = ["".join("..." if i is Ellipsis else string.ascii_letters[i] for i in term) for term in labels]
    subscripts = ",".join(terms)
    if len(operands) % 2:
        subscripts += "->" + "".join("..." if i is Ellipsis else string.ascii_letters[i] for i in operands[-1])
    return ops.einsum(subscripts, *arrays)


@implements(np.cross)
def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> array:
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    x, y = as_arrays([a, b], "cross")
    x, y = ops.moveaxis(x, axisa, -1), ops.moveaxis(y, axisb, -1)
    if x.shape[-1] != 3 or y.shape[-1] != 3:
        raise ValueError(f"[np.cross] Expected vectors of 3 elements, got {x.shape[-1]} and {y.shape[-1]}.")
    return ops.moveaxis(cross(x, y), -1, axisc)
