"""Weights in few bits, packed into words, with a scale for each group of them.

In the mode "affine" they are whole multiples of the scale, above a bias. In the others they are floating numbers
of 4 or 8 bits, and so is the scale: a power of two (e8m0) in "mxfp4" and "mxfp8", a number of e4m3 in "nvfp4".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.array import array, as_array, from_numpy
from ..arrays.emit import cast, reshaped, widened
from ..arrays.public import public
from ..core.avals import COMPUTED, as_dtype, float32, inexact, kind_of, uint8, uint32
from .arithmetic import abs, add, divide, maximum, minimum, multiply, negative, subtract
from .chosen_products import chosen
from .common import ArrayLike
from .exponential import log2
from .indexing import getitem
from .linalg import matmul
from .logical import bitwise_and, equal, greater, left_shift, right_shift, where
from .narrow_floats import decoded, encoded, largest
from .reductions import max, min, sum
from .rounding import ceil, round
from .shape import swapaxes
from .taking import take

BITS = (1, 2, 3, 4, 5, 6, 8)
FLOATING = {"mxfp4": (32, 4), "mxfp8": (32, 8), "nvfp4": (16, 4)}
"""Modes of floating numbers: how many share a scale, and how many bits each has."""


def _form(group_size: int | None, bits: int | None, mode: str, name: str) -> tuple[int, int]:
    default = FLOATING.get(mode, (64, 4))
    size, count = default[0] if group_size is None else group_size, default[1] if bits is None else bits
    if mode in FLOATING and (size, count) != default:
        raise ValueError(
            f"[{name}] Expected groups of {default[0]} numbers of {default[1]} bits each in the mode {mode!r}, "
            f"got {size} of {count}."
        )
    if mode in FLOATING:
        return default
    if mode != "affine":
        raise ValueError(f"[{name}] Expected the mode 'affine', 'mxfp4', 'mxfp8' or 'nvfp4', got {mode!r}.")
    if count not in BITS or size < 32 or size % 32:
        raise ValueError(
            f"[{name}] Expected groups of a multiple of 32 numbers, of {', '.join(map(str, BITS))} bits each, "
            f"got {size} of {count}."
        )
    return size, count


@public()
def quantize(
    w: ArrayLike,
    group_size: int | None = None,
    bits: int | None = None,
    mode: str = "affine",
    *,
    global_scale: ArrayLike | None = None,
) -> tuple[array, ...]:
    """Numbers in few bits: `w` is about `scales * q + biases` with whole q, for groups along the last axis.

    Args:
        w: floating array, of at least two axes, whose last one has whole groups.
        group_size: numbers that share a scale and a bias: a multiple of 32, 64 by default.
        bits: of each q: 1 to 6 or 8, 4 by default.
        mode: "affine"; or, with q that are floating numbers and without biases, "mxfp4" or "mxfp8", for groups of
            32 of 4 or 8 bits with scales that are powers of two, or "nvfp4", for groups of 16 of 4 bits.
        global_scale: in the mode "nvfp4" the largest magnitude in `w`, so that scales use all of their range.

    Returns:
        The q, packed into uint32 words from their lowest bits on; scales; biases if the mode is "affine". Scales
        of the other modes are uint8 codes.

    Raises:
        ValueError: another mode, size or number of bits, an array that is not floating, or an axis of no whole
            groups.

    Example:
        >>> import fastvjp
        >>> w = fastvjp.arange(64.0).reshape(2, 32)
        >>> q, scales, biases = fastvjp.quantize(w, group_size=32, bits=8)
        >>> q.shape, scales.shape
        ((2, 8), (2, 1))
    """
    size, count = _form(group_size, bits, mode, "quantize")
    x = as_array(w, "quantize")
    if kind_of(x.dtype) != "f":
        raise ValueError(f"[quantize] Expected a floating array, got {x.dtype}. Hint: cast it first.")
    if x.ndim < 2 or x.shape[-1] % size:
        raise ValueError(
            f"[quantize] Expected two axes or more, the last of whole groups of {size}, got {x.shape}."
        )
    groups = reshaped(x, (*x.shape[:-1], x.shape[-1] // size, size))
    if mode in FLOATING:
        factor = _global_factor(global_scale, mode, "quantize")
        codes, exact = _scales(max(abs(widened(groups)), -1, keepdims=True), count, mode, factor)
        q = encoded(where(equal(exact, 0), 0, divide(widened(groups), where(equal(exact, 0), 1, exact))), count)
        return _packed(cast(reshaped(q, x.shape), uint32), count), reshaped(codes, groups.shape[:-1])
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


def _scales(largest_of: array, bits: int, mode: str, factor: ArrayLike) -> tuple[array, array]:
    """The scales of groups with such largest magnitudes: their codes, and what these stand for."""
    wanted = divide(largest_of, largest(bits))
    if mode == "nvfp4":
        codes = encoded(divide(wanted, factor), 8)
    else:  # the next power of two, so that nothing is beyond the largest number
        exponent = ceil(log2(maximum(wanted, 2.0**-127)))
        codes = cast(add(exponent, 127), uint8)
    return codes, _scales_of(codes, mode, wanted.dtype, factor)


def _scales_of(codes: array, mode: str, dtype: np.dtype, factor: ArrayLike) -> array:
    """What codes of scales stand for."""
    if mode == "nvfp4":
        return multiply(decoded(codes, 8, dtype), factor)
    import ml_dtypes

    powers = np.arange(256, dtype=np.uint8).view(ml_dtypes.float8_e8m0fnu)
    return take(from_numpy(powers.astype(dtype), "dequantize"), codes)


def _global_factor(global_scale: ArrayLike | None, mode: str, name: str) -> ArrayLike:
    """By which the largest scale of "nvfp4" serves the largest number."""
    if global_scale is None:
        return 1.0
    if mode != "nvfp4":
        raise ValueError(f"[{name}] A global scale is for the mode 'nvfp4', got {mode!r}.")
    return divide(cast(as_array(global_scale, name), float32), largest(8) * largest(4))


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
    global_scale: ArrayLike | None = None,
    dtype: Any = None,
) -> array:
    """The numbers of which `quantize` made few bits; differentiable by scales and biases.

    Args:
        w: packed words.
        scales: of each group.
        biases: of each group.
        group_size: as for `quantize`.
        bits: as for `quantize`.
        mode: as for `quantize`.
        global_scale: as for `quantize`.
        dtype: of the result, by default that of the scales, bfloat16 if these are codes.

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
    if mode in FLOATING and biases is None:
        wanted = as_dtype("bfloat16" if dtype is None else dtype, "dequantize")
        return _of_floating(words, s, size, count, mode, wanted, global_scale)
    if words.dtype != uint32 or words.ndim < 2 or biases is None or mode in FLOATING:
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


def _of_floating(
    words: array, codes: array, size: int, bits: int, mode: str, dtype: np.dtype, global_scale: ArrayLike | None
) -> array:
    groups = (*words.shape[:-1], words.shape[-1] * 32 // (bits * size))
    if words.dtype != uint32 or codes.dtype != uint8 or codes.shape != groups or kind_of(dtype) != "f":
        raise ValueError(
            f"[dequantize] Expected uint32 words, uint8 scales of groups of {size} numbers of {bits} bits and a "
            f"floating dtype, got {words._var.aval}, {codes._var.aval} and {dtype}."
        )
    wide = COMPUTED.get(dtype, dtype)
    q = decoded(reshaped(_unpacked(words, bits), (*groups, size)), bits, wide)
    scales = _scales_of(codes, mode, wide, _global_factor(global_scale, mode, "dequantize"))
    found = multiply(q, getitem(scales, (..., None)))
    return cast(reshaped(found, (*groups[:-1], groups[-1] * size)), dtype)


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
    left = as_array(x, "quantized_matmul")
    matrix = dequantize(w, scales, biases, group_size, bits, mode, dtype=_beside(left, mode))
    return matmul(left, swapaxes(matrix, -1, -2) if transpose else matrix)


def _beside(x: array, mode: str) -> np.dtype | None:
    """The dtype of the matrix in a product with `x`: scales that are codes have none."""
    return inexact(x.dtype) if mode in FLOATING else None


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
    global_scale: ArrayLike | None = None,
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
    left = chosen(as_array(x, "gather_qmm"), lhs_indices)
    kind = _beside(left, mode)
    matrix = dequantize(parts[0], parts[1], parts[2], group_size, bits, mode, global_scale, kind)
    return matmul(left, swapaxes(matrix, -1, -2) if transpose else matrix)
