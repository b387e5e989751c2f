"""Weights in few bits: groups of numbers are whole multiples of a scale, above a bias, packed into words."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.array import array, as_array
from ..arrays.emit import cast, reshaped
from ..arrays.public import public
from ..core.avals import as_dtype, inexact, uint32
from .arithmetic import abs, add, divide, maximum, minimum, multiply, negative, subtract
from .chosen_products import chosen
from .common import ArrayLike
from .indexing import getitem
from .linalg import matmul
from .logical import bitwise_and, equal, greater, left_shift, right_shift, where
from .reductions import max, min, sum
from .rounding import round
from .shape import swapaxes

BITS = (1, 2, 3, 4, 5, 6, 8)


def _form(group_size: int | None, bits: int | None, mode: str, name: str) -> tuple[int, int]:
    size, count = 64 if group_size is None else group_size, 4 if bits is None else bits
    if mode != "affine":
        raise ValueError(f"[{name}] Expected the mode 'affine', got {mode!r}.")
    if count not in BITS or size < 32 or size % 32:
        raise ValueError(
            f"[{name}] Expected groups of a multiple of 32 numbers, of {', '.join(map(str, BITS))} bits each, "
            f"got {size} of {count}."
        )
    return size, count


@public()
def quantize(
    w: ArrayLike, group_size: int | None = None, bits: int | None = None, mode: str = "affine"
) -> tuple[array, array, array]:
    """Numbers in few bits: `w` is about `scales * q + biases` with whole q, for groups along the last axis.

    Args:
        w: real array, of at least two axes, whose last one has whole groups.
        group_size: numbers that share a scale and a bias: a multiple of 32, 64 by default.
        bits: of each q: 1 to 6 or 8, 4 by default.
        mode: "affine", which MLX has among others.

    Returns:
        The q, packed into uint32 words from their lowest bits on; scales; biases.

    Raises:
        ValueError: another mode, size or number of bits, or an axis of no whole groups.

    Example:
        >>> import fastvjp
        >>> w = fastvjp.arange(64.0).reshape(2, 32)
        >>> q, scales, biases = fastvjp.quantize(w, group_size=32, bits=8)
        >>> q.shape, scales.shape
        ((2, 8), (2, 1))
    """
    size, count = _form(group_size, bits, mode, "quantize")
    x = as_array(w, "quantize")
    x = cast(x, inexact(x.dtype))
    if x.ndim < 2 or x.shape[-1] % size:
        raise ValueError(
            f"[quantize] Expected two axes or more, the last of whole groups of {size}, got {x.shape}."
        )
    groups = reshaped(x, (*x.shape[:-1], x.shape[-1] // size, size))
    least, most = min(groups, -1, keepdims=True), max(groups, -1, keepdims=True)
    steps = (1 << count) - 1
    # the end that is farther from 0 is met exactly, and 0 is a multiple
    lower = greater(abs(least), abs(most))
    scales = maximum(divide(subtract(most, least), steps), 1e-7)
    scales = where(lower, scales, negative(scales))
    edge = where(lower, least, most)
    zero = round(divide(edge, scales))
    scales = where(equal(zero, 0), scales, divide(edge, where(equal(zero, 0), 1, zero)))
    biases = where(equal(zero, 0), 0, edge)
    q = minimum(maximum(round(divide(subtract(groups, biases), scales)), 0), steps)
    one = (*x.shape[:-1], x.shape[-1] // size)
    return _packed(reshaped(cast(q, uint32), x.shape), count), reshaped(scales, one), reshaped(biases, one)


def _packed(q: array, bits: int) -> array:
    """One stream of bits along the last axis, in words, each from its lowest bit on."""
    stream = bitwise_and(right_shift(getitem(q, (..., None)), np.arange(bits, dtype=uint32)), np.uint32(1))
    lines = reshaped(stream, (*q.shape[:-1], q.shape[-1] * bits // 32, 32))
    return cast(sum(left_shift(lines, np.arange(32, dtype=uint32)), -1), uint32)


def _unpacked(words: array, bits: int) -> array:
    stream = bitwise_and(right_shift(getitem(words, (..., None)), np.arange(32, dtype=uint32)), np.uint32(1))
    lines = reshaped(stream, (*words.shape[:-1], words.shape[-1] * 32 // bits, bits))
    return cast(sum(left_shift(lines, np.arange(bits, dtype=uint32)), -1), uint32)


@public()
def dequantize(
    w: ArrayLike,
    scales: ArrayLike,
    biases: ArrayLike | None = None,
    group_size: int | None = None,
    bits: int | None = None,
    mode: str = "affine",
    dtype: Any = None,
) -> array:
    """The numbers of which `quantize` made few bits; differentiable by scales and biases.

    Args:
        w: packed words.
        scales: of each group.
        biases: of each group.
        group_size: as for `quantize`.
        bits: as for `quantize`.
        mode: "affine".
        dtype: of the result, by default that of the scales.

    Raises:
        ValueError: what `quantize` does not make.

    Example:
        >>> import fastvjp
        >>> w = fastvjp.arange(64.0).reshape(2, 32)
        >>> found = fastvjp.dequantize(*fastvjp.quantize(w, group_size=32, bits=8), group_size=32, bits=8)
        >>> bool(fastvjp.allclose(found, w, atol=0.1))
        True
    """
    size, count = _form(group_size, bits, mode, "dequantize")
    words, s = as_array(w, "dequantize"), as_array(scales, "dequantize")
    if words.dtype != uint32 or words.ndim < 2 or biases is None:
        raise ValueError(
            f"[dequantize] Expected uint32 words in two axes or more, and biases, got {words._var.aval}."
        )
    b = as_array(biases, "dequantize")
    groups = (*words.shape[:-1], words.shape[-1] * 32 // (count * size))
    if s.shape != groups or b.shape != groups or groups[-1] * size * count != words.shape[-1] * 32:
        raise ValueError(
            f"[dequantize] Words of shape {words.shape} are {groups} groups of {size} numbers of {count} bits, "
            f"but scales have the shape {s.shape} and biases {b.shape}."
        )
    q = cast(reshaped(_unpacked(words, count), (*groups, size)), s.dtype)
    found = add(multiply(q, getitem(s, (..., None))), getitem(b, (..., None)))
    found = reshaped(found, (*groups[:-1], groups[-1] * size))
    return found if dtype is None else cast(found, as_dtype(dtype, "dequantize"))


@public()
def quantized_matmul(
    x: ArrayLike,
    w: ArrayLike,
    scales: ArrayLike,
    biases: ArrayLike | None = None,
    transpose: bool = True,
    group_size: int | None = None,
    bits: int | None = None,
    mode: str = "affine",
) -> array:
    """`x @ dequantize(w, ...).T`, or without the transpose; arguments and errors as of `dequantize`.

    Example:
        >>> import fastvjp
        >>> q = fastvjp.quantize(fastvjp.ones((2, 32)), group_size=32)
        >>> fastvjp.quantized_matmul(fastvjp.ones((1, 32)), *q, group_size=32)
        array([[32, 32]], dtype=float32)
    """
    matrix = dequantize(w, scales, biases, group_size, bits, mode)
    return matmul(x, swapaxes(matrix, -1, -2) if transpose else matrix)


@public()
def gather_qmm(
    x: ArrayLike,
    w: ArrayLike,
    scales: ArrayLike,
    biases: ArrayLike | None = None,
    lhs_indices: ArrayLike | None = None,
    rhs_indices: ArrayLike | None = None,
    transpose: bool = True,
    group_size: int | None = None,
    bits: int | None = None,
    mode: str = "affine",
    *,
    sorted_indices: bool = False,
) -> array:
    """`gather_mm` with the matrices that `dequantize` gives; arguments as of both.

    Example:
        >>> import fastvjp
        >>> q = fastvjp.quantize(fastvjp.ones((3, 2, 32)), group_size=32)
        >>> fastvjp.gather_qmm(fastvjp.ones((1, 32)), *q, rhs_indices=[2, 0], group_size=32).shape
        (2, 1, 2)
    """
    parts = [None if p is None else chosen(as_array(p, "gather_qmm"), rhs_indices) for p in (w, scales, biases)]
    matrix = dequantize(parts[0], parts[1], parts[2], group_size, bits, mode)
    left = chosen(as_array(x, "gather_qmm"), lhs_indices)
    return matmul(left, swapaxes(matrix, -1, -2) if transpose else matrix)
