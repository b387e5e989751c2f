"""Windows into arrays, which may overlap, and window functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays.array import array, as_array
from ..arrays.calls import recorded
from ..arrays.emit import constant, emit
from ..arrays.public import public
from ..core.avals import float32
from ..core.layouts import contiguous_strides
from .common import ArrayLike, axis_of
from .shape import sizes_of

# --- windows into arrays ---------------------------------------------------------------------------------


@public(recorded(view=None))
def as_strided(
    a: ArrayLike, shape: Sequence[int] | None = None, strides: Sequence[int] | None = None, offset: int = 0
) -> array:
    """Elements of an array under any shape and strides, which may repeat elements.

    An array counts as stored row by row, however it came about. The cotangent of an element is the sum over all
    places at which it stands.

    Args:
        a: array.
        shape: shape of the result; by default that of `a`.
        strides: how many elements of the flattened array lie between neighbours along each axis (NumPy counts
            bytes); by default those of an array of that shape.
        offset: element of the flattened array at which the result begins.

    Returns:
        Array of that shape.

    Raises:
        ValueError: unequal numbers of sizes and strides, a negative size, or elements that `a` does not have.

    Example:
        >>> import fastvjp
        >>> fastvjp.as_strided(fastvjp.array([1.0, 2.0, 3.0, 4.0]), (3, 2), (1, 1))
        array([[1, 2],
               [2, 3],
               [3, 4]], dtype=float32)
    """
    x = as_array(a, "as_strided")
    sizes = x.shape if shape is None else sizes_of(shape, "as_strided")
    steps = contiguous_strides(sizes) if strides is None else sizes_of(strides, "as_strided")
    return windowed("as_strided", x, sizes, steps, offset.__index__())


def windowed(name: str, x: array, shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> array:
    """The primitive, once it is known that there are such elements."""
    if len(shape) != len(strides):
        raise ValueError(f"[{name}] {len(shape)} sizes do not match {len(strides)} strides.")
    if any(n < 0 for n in shape):
        raise ValueError(f"[{name}] Expected no negative sizes, got the shape {shape}.")
    reach = [(n - 1) * s for n, s in zip(shape, strides, strict=True)]
    first, last = offset + sum(min(r, 0) for r in reach), offset + sum(max(r, 0) for r in reach)
    if 0 not in shape and not 0 <= first <= last < x.size:
        raise ValueError(
            f"[{name}] Elements {first} to {last} of an array with {x.size}: the shape {shape} with strides "
            f"{strides} from {offset} on reaches beyond it. Hint: strides and offset count elements, in C order."
        )
    if 0 in shape:  # of which none is read
        offset = 0
    return emit("as_strided", x, shape=shape, strides=strides, offset=offset)


@public(recorded(view=None), numpy=np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(
    x: ArrayLike, window_shape: int | Sequence[int], axis: int | Sequence[int] | None = None
) -> array:
    """All windows of one shape into an array, as `numpy.lib.stride_tricks.sliding_window_view`.

    Args:
        x: array.
        window_shape: sizes of the window.
        axis: the axes along which it slides, one for each size; by default all.

    Returns:
        Array whose axes are those of `x`, by which windows are numbered, then those of the window.

    Raises:
        ValueError: an axis out of range, unequal numbers of sizes and axes, or a window larger than `x`.

    Example:
        >>> import fastvjp
        >>> fastvjp.sliding_window_view(fastvjp.array([1.0, 3.0, 2.0, 0.0]), 2).max(-1)
        array([3, 3, 2], dtype=float32)
    """
    a, window = as_array(x, "sliding_window_view"), sizes_of(window_shape, "sliding_window_view")
    given: Any = range(a.ndim) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    axes = [axis_of(i, a.ndim, "sliding_window_view") for i in given]
    if len(axes) != len(window):
        raise ValueError(f"[sliding_window_view] {len(window)} sizes of windows do not match {len(axes)} axes.")
    shape, strides = list(a.shape), contiguous_strides(a.shape)
    for i, n in zip(axes, window, strict=True):
        if not 0 <= n <= shape[i]:
            raise ValueError(
                f"[sliding_window_view] A window of {window} does not fit axes {axes} of the shape {a.shape}."
            )
        shape[i] -= n - 1
    steps = (*strides, *[strides[i] for i in axes])
    return windowed("sliding_window_view", a, (*shape, *window), steps, 0)


# --- window functions ------------------------------------------------------------------------------------


@public()
def hanning(M: int) -> array:
    """The Hann window 0.5 - 0.5 cos(2 pi n / (M - 1)), as `numpy.hanning`.

    Args:
        M: number of points.

    Returns:
        Array of M numbers, float32; a constant.

    Example:
        >>> import fastvjp
        >>> fastvjp.hanning(3)
        array([0, 1, 0], dtype=float32)
    """
    return _window(np.hanning(M))


@public()
def hamming(M: int) -> array:
    """The Hamming window 0.54 - 0.46 cos(2 pi n / (M - 1)), as `numpy.hamming`.

    Args:
        M: number of points.

    Returns:
        Array of M numbers, float32; a constant.

    Example:
        >>> import fastvjp
        >>> fastvjp.hamming(3)
        array([0.08, 1, 0.08], dtype=float32)
    """
    return _window(np.hamming(M))


@public()
def bartlett(M: int) -> array:
    """The triangular window 1 - abs(2 n / (M - 1) - 1), as `numpy.bartlett`.

    Args:
        M: number of points.

    Returns:
        Array of M numbers, float32; a constant.

    Example:
        >>> import fastvjp
        >>> fastvjp.bartlett(5)
        array([0, 0.5, 1, 0.5, 0], dtype=float32)
    """
    return _window(np.bartlett(M))


@public()
def blackman(M: int) -> array:
    """The Blackman window 0.42 - 0.5 cos(2 pi n / (M - 1)) + 0.08 cos(4 pi n / (M - 1)), as `numpy.blackman`.

    Args:
        M: number of points.

    Returns:
        Array of M numbers, float32; a constant.

    Example:
        >>> import fastvjp
        >>> fastvjp.blackman(3)[1]
        array(1, dtype=float32)
    """
    return _window(np.blackman(M))


@public()
def kaiser(M: int, beta: float) -> array:
    """The Kaiser window I0(beta sqrt(1 - (2 n / (M - 1) - 1)^2)) / I0(beta), as `numpy.kaiser`.

    Args:
        M: number of points.
        beta: its shape, a number.

    Returns:
        Array of M numbers, float32; a constant.

    Example:
        >>> import fastvjp
        >>> fastvjp.kaiser(3, 0.0)
        array([1, 1, 1], dtype=float32)
    """
    return _window(np.kaiser(M, beta))


def _window(values: np.ndarray) -> array:
    return constant(values.astype(float32))
