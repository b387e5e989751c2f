"""Floating numbers of 4 and 8 bits, as codes in unsigned integers: e2m1 and e4m3 of the OCP microscaling formats.

A code is a sign, then the place of the magnitude among all of them in ascending order.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from ..arrays.array import array, as_array, from_numpy
from ..arrays.emit import cast, widened
from ..arrays.public import public
from ..core.avals import as_dtype, kind_of, uint8
from .arithmetic import abs, add
from .common import ArrayLike
from .logical import isnan, less, where
from .searching import searchsorted
from .taking import take


@functools.lru_cache
def _numbers(bits: int) -> np.ndarray:
    """Those of all codes."""
    import ml_dtypes

    kind = {4: ml_dtypes.float4_e2m1fn, 8: ml_dtypes.float8_e4m3fn}[bits]
    return np.arange(1 << bits, dtype=np.uint8).view(kind).astype(np.float32)


@functools.lru_cache
def _borders(bits: int, dtype: np.dtype) -> np.ndarray:
    """Between the magnitudes of neighbouring codes: what lies on one belongs to the even code."""
    magnitudes = _numbers(bits)[: 1 << (bits - 1)]
    finite = magnitudes[np.isfinite(magnitudes)].astype(dtype)
    borders = (finite[1:] + finite[:-1]) / 2
    borders[1::2] = np.nextafter(borders[1::2], dtype.type(0))
    return borders


def largest(bits: int) -> float:
    """The largest number of so many bits."""
    return float(np.nanmax(_numbers(bits)))


def encoded(x: array, bits: int) -> array:
    """Codes, uint8, of the nearest numbers; of the largest one for what is larger."""
    x = widened(x)
    magnitude = searchsorted(from_numpy(_borders(bits, x.dtype), "encoded"), abs(x))
    return cast(where(less(x, 0), add(magnitude, 1 << (bits - 1)), magnitude), uint8)


def decoded(codes: array, bits: int, dtype: np.dtype) -> array:
    """The numbers of codes."""
    return take(cast(from_numpy(_numbers(bits), "decoded"), dtype), codes)


@public()
def to_fp8(x: ArrayLike) -> array:
    """Codes of the nearest floating numbers of 8 bits: 4 of exponent, 3 of mantissa (e4m3).

    Args:
        x: floating array; what is beyond 448, the largest of these numbers, becomes 448.

    Returns:
        uint8 array of the shape of `x`.

    Raises:
        ValueError: an array that is not floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.to_fp8(fastvjp.array([1.0, -2.0, 1000.0]))
        array([56, 192, 126], dtype=uint8)
    """
    a = as_array(x, "to_fp8")
    if kind_of(a.dtype) != "f":
        raise ValueError(f"[to_fp8] Expected a floating array, got {a.dtype}.")
    return where(isnan(a), np.uint8(127), encoded(a, 8))


@public()
def from_fp8(x: ArrayLike, dtype: Any = "bfloat16") -> array:
    """The numbers of codes that `to_fp8` gives.

    Args:
        x: uint8 array.
        dtype: floating dtype of the result.

    Returns:
        Array of the shape of `x`.

    Raises:
        ValueError: codes that are not uint8, or a dtype that is not floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.from_fp8(fastvjp.array([56, 192, 126], fastvjp.uint8), fastvjp.float32)
        array([1, -2, 448], dtype=float32)
    """
    codes, wanted = as_array(x, "from_fp8"), as_dtype(dtype, "from_fp8")
    if codes.dtype != uint8 or kind_of(wanted) != "f":
        raise ValueError(f"[from_fp8] Expected uint8 codes and a floating dtype, got {codes.dtype} and {wanted}.")
    return decoded(codes, 8, wanted)
