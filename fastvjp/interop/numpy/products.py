"""Products that NumPy has under names of its own."""

from __future__ import annotations

import string
from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array, as_arrays
from ...arrays.public import attach, implements


@implements(np.dot)
def dot(a: Any, b: Any) -> array:
    """Product with another array, as `numpy.dot`."""
    x, y = as_arrays([a, b], "dot")
    if x.ndim == 0 or y.ndim == 0:
        return ops.multiply(x, y)
    return ops.matmul(x, y) if y.ndim <= 2 else ops.tensordot(x, y, ((-1,), (-2,)))


attach("dot", dot)


@implements(np.vecdot, np.linalg.vecdot)
def _vecdot(a: Any, b: Any, *, axis: int = -1) -> array:
    x, y = (ops.moveaxis(z, axis, -1) for z in as_arrays([a, b], "vecdot"))
    return ops.matmul(ops.conj(x)[..., None, :], y[..., None])[..., 0, 0]


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


@implements(np.kron)
def _kron(a: Any, b: Any) -> array:
    x, y = as_arrays([a, b], "kron")
    n = max(x.ndim, y.ndim)
    xs, ys = ((1,) * (n - z.ndim) + z.shape for z in (x, y))
    apart = ops.reshape(x, [m for k in xs for m in (k, 1)]) * ops.reshape(y, [m for k in ys for m in (1, k)])
    return ops.reshape(apart, [k * m for k, m in zip(xs, ys, strict=True)])


@implements(np.linalg.trace)
def _trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> array:
    return ops.trace(x, offset, -2, -1, dtype)


@implements(np.linalg.diagonal)
def _diagonal(x: Any, /, *, offset: int = 0) -> array:
    return ops.diagonal(x, offset, -2, -1)


@implements(np.linalg.outer)
def _outer(x1: Any, x2: Any, /) -> array:
    x, y = as_arrays([x1, x2], "outer")
    if x.ndim != 1 or y.ndim != 1:
        raise ValueError(f"[np.linalg.outer] Expected two vectors, got shapes {x.shape} and {y.shape}.")
    return ops.outer(x, y)


@implements(np.linalg.cross)
def _linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> array:
    return _cross(x1, x2, axis=axis)


@implements(np.cross)
def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> array:
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    x, y = as_arrays([a, b], "cross")
    x, y = ops.moveaxis(x, axisa, -1), ops.moveaxis(y, axisb, -1)
    if x.shape[-1] != 3 or y.shape[-1] != 3:
        raise ValueError(f"[np.cross] Expected vectors of 3 elements, got {x.shape[-1]} and {y.shape[-1]}.")
    result = ops.roll(x, -1, -1) * ops.roll(y, 1, -1) - ops.roll(x, 1, -1) * ops.roll(y, -1, -1)
    return ops.moveaxis(result, -1, axisc)
