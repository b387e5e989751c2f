"""Convolutions: of signals as `numpy.convolve`, of images with channels as `mlx.core` has them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays.array import array, as_arrays
from ..arrays.calls import recorded
from ..arrays.emit import cast, conjugated, emit, filled, permuted, promoted, reshaped
from ..arrays.public import public
from ..core.avals import inexact, kind_of
from .common import ArrayLike
from .joining import flip as reversed_along
from .joining import pad
from .linalg import product
from .windows import windowed

Sizes = int | Sequence[int]
Pairs = tuple[Sequence[int], Sequence[int]]

# --- images with channels --------------------------------------------------------------------------------


@public(recorded(2))
def conv_general(
    input: ArrayLike,
    weight: ArrayLike,
    stride: Sizes = 1,
    padding: Sizes | Pairs = 0,
    kernel_dilation: Sizes = 1,
    input_dilation: Sizes = 1,
    groups: int = 1,
    flip: bool = False,
) -> array:
    """Convolution over one to three axes of space, as `mlx.core.conv_general`.

    The result at a position o is the sum over positions k of the filter and channels of
    input[o * stride + k * kernel_dilation - padding] * weight[k].

    Args:
        input: images, of shape (images, ..., channels); integers count as floating.
        weight: filters, of shape (filters, ..., channels // groups).
        stride: distance of positions in the images; one number for all axes, or one for each.
        padding: zeros at both ends of each axis, or a pair of those before and of those behind; a negative number
            cuts off.
        kernel_dilation: distance of neighbours of the filter.
        input_dilation: distance of neighbours of the images, between which zeros are put.
        groups: of channels, each of which meets filters of its own.
        flip: go through the filter from its end, as in a mathematician's convolution.

    Returns:
        Array of shape (images, ..., filters), where an axis of n elements has, with k of the filter,
        (n' + padding before and behind - kernel_dilation * (k - 1) - 1) // stride + 1, for
        n' = input_dilation * (n - 1) + 1.

    Raises:
        ValueError: shapes that do not fit each other, strides or dilations less than 1, or a filter that is longer
            than the image.

    Example:
        >>> import fastvjp
        >>> images, filters = fastvjp.ones((1, 5, 5, 3)), fastvjp.ones((2, 3, 3, 3))
        >>> fastvjp.conv_general(images, filters, stride=2, padding=([1, 1], [0, 0])).shape
        (1, 2, 2, 2)
    """
    return _convolved(
        "conv_general", input, weight, stride, padding, kernel_dilation, groups, input_dilation, bool(flip)
    )


@public(recorded(2))
def conv1d(
    input: ArrayLike, weight: ArrayLike, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1
) -> array:
    """Convolution of signals with channels: `conv_general` with one axis of space.

    Args:
        input: signals, of shape (signals, length, channels).
        weight: filters, of shape (filters, length, channels // groups).
        stride: distance of positions in the signals.
        padding: zeros at both ends.
        dilation: distance of neighbours of the filter.
        groups: of channels, each of which meets filters of its own.

    Returns:
        Array of shape (signals, length, filters).

    Raises:
        ValueError: as `conv_general`.

    Example:
        >>> import fastvjp
        >>> fastvjp.conv1d(fastvjp.ones((1, 4, 1)), fastvjp.ones((1, 3, 1)), padding=1)[0, :, 0]
        array([2, 3, 3, 2], dtype=float32)
    """
    return _convolved("conv1d", input, weight, stride, padding, dilation, groups, axes=1)


@public(recorded(2))
def conv2d(
    input: ArrayLike,
    weight: ArrayLike,
    stride: Sizes = 1,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> array:
    """Convolution of images with channels: `conv_general` with two axes of space.

    Args:
        input: images, of shape (images, height, width, channels).
        weight: filters, of shape (filters, height, width, channels // groups).
        stride: distance of positions in the images; one number, or one for each axis.
        padding: zeros at both ends of each axis.
        dilation: distance of neighbours of the filter.
        groups: of channels, each of which meets filters of its own.

    Returns:
        Array of shape (images, height, width, filters).

    Raises:
        ValueError: as `conv_general`.

    Example:
        >>> import fastvjp
        >>> fastvjp.conv2d(fastvjp.ones((8, 28, 28, 1)), fastvjp.ones((16, 3, 3, 1)), stride=2, padding=1).shape
        (8, 14, 14, 16)
    """
    return _convolved("conv2d", input, weight, stride, padding, dilation, groups, axes=2)


@public(recorded(2))
def conv3d(
    input: ArrayLike,
    weight: ArrayLike,
    stride: Sizes = 1,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> array:
    """Convolution of volumes with channels: `conv_general` with three axes of space.

    Args:
        input: volumes, of shape (volumes, depth, height, width, channels).
        weight: filters, of shape (filters, depth, height, width, channels // groups).
        stride: distance of positions in the volumes; one number, or one for each axis.
        padding: zeros at both ends of each axis.
        dilation: distance of neighbours of the filter.
        groups: of channels, each of which meets filters of its own.

    Returns:
        Array of shape (volumes, depth, height, width, filters).

    Raises:
        ValueError: as `conv_general`.

    Example:
        >>> import fastvjp
        >>> fastvjp.conv3d(fastvjp.ones((1, 4, 4, 4, 2)), fastvjp.ones((3, 2, 2, 2, 2))).shape
        (1, 3, 3, 3, 3)
    """
    return _convolved("conv3d", input, weight, stride, padding, dilation, groups, axes=3)


def _convolved(
    name: str,
    input: ArrayLike,
    weight: ArrayLike,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    input_dilation: Any = 1,
    turned: bool = False,
    axes: int = 0,
) -> array:
    x, w, space, groups = _operands(name, input, weight, groups, axes)
    strides, dilation = _each(name, "stride", stride, space), _each(name, "dilation", dilation, space)
    apart = _each(name, "input_dilation", input_dilation, space)
    low, high = _padding(name, padding, space)
    sizes, filters = x.shape[1:-1], w.shape[1:-1]
    if turned:
        w = reversed_along(w, tuple(range(1, space + 1)))
    padded = [a * (n - 1) + 1 + b + c if n else 0 for n, a, b, c in zip(sizes, apart, low, high, strict=True)]
    reach = [d * (k - 1) + 1 for k, d in zip(filters, dilation, strict=True)]
    if 0 in filters or any(n < r for n, r in zip(padded, reach, strict=True)):
        raise ValueError(
            f"[{name}] A filter of {filters} with dilation {dilation} is longer than an image of {sizes} with "
            f"padding {low} before and {high} behind. Expected: a result of at least 1 element along each axis."
        )
    out = tuple([(n - r) // s + 1 for n, r, s in zip(padded, reach, strides, strict=True)])
    if x.shape[0] == 0:
        return filled((0, *out, w.shape[0]), x)
    if any(a > 1 for a in apart):
        if all(s == 1 for s in strides):  # each element of the image is met where the turned filter would put it
            low = tuple([r - 1 - n for r, n in zip(reach, low, strict=True)])
            return _spread(x, reversed_along(w, tuple(range(1, space + 1))), out, apart, low, dilation, groups)
        x = _with_zeros(x, apart)
    if filters == strides == (1,) * space and out == sizes and groups == 1 and not any(low):
        rows = reshaped(x, (x.size // max(x.shape[-1], 1), x.shape[-1]))
        return reshaped(
            product(rows, permuted(reshaped(w, (w.shape[0], w.shape[-1])), (1, 0))), (*x.shape[:-1], w.shape[0])
        )
    x, w = _by_groups(x, groups), reshaped(w, (groups, w.shape[0] // groups, *w.shape[1:]))
    return _joined(_emit("conv", x, w, sizes=out, strides=strides, low=low, dilation=dilation))


def _with_zeros(x: array, apart: tuple[int, ...]) -> array:
    """Images whose neighbours are so far apart."""
    sizes = tuple([(n - 1) * a + 1 for n, a in zip(x.shape[1:-1], apart, strict=True)])
    shape, ones = (x.shape[0], *sizes, x.shape[-1]), (1, *apart, 1)
    return emit("slice_update", filled(shape, x), x, start=(0,) * x.ndim, stop=shape, step=ones)


# --- transposes ------------------------------------------------------------------------------------------


@public(recorded(2))
def conv_transpose1d(
    input: ArrayLike,
    weight: ArrayLike,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    output_padding: int = 0,
    groups: int = 1,
) -> array:
    """Transpose of a convolution of signals: each element adds the filter, times itself, to the result.

    The element at o adds input[o] * weight[k] to the result at o * stride + k * dilation - padding.

    Args:
        input: signals, of shape (signals, length, channels).
        weight: filters, of shape (filters, length, channels // groups).
        stride: distance of positions in the result.
        padding: elements to cut off at both ends of the result.
        dilation: distance of neighbours of the filter.
        output_padding: elements to add behind the result.
        groups: of channels, each of which meets filters of its own.

    Returns:
        Array of shape (signals, length, filters), where n elements become, with k of the filter,
        (n - 1) * stride - 2 * padding + dilation * (k - 1) + output_padding + 1.

    Raises:
        ValueError: shapes that do not fit each other, strides or dilations less than 1, or no result.

    Example:
        >>> import fastvjp
        >>> fastvjp.conv_transpose1d(fastvjp.ones((1, 3, 1)), fastvjp.ones((1, 2, 1)), stride=2)[0, :, 0]
        array([1, 1, 1, 1, 1, 1], dtype=float32)
    """
    return _transposed("conv_transpose1d", input, weight, stride, padding, dilation, output_padding, groups, 1)


@public(recorded(2))
def conv_transpose2d(
    input: ArrayLike,
    weight: ArrayLike,
    stride: Sizes = 1,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    output_padding: Sizes = 0,
    groups: int = 1,
) -> array:
    """Transpose of a convolution of images, as `conv_transpose1d` with two axes of space.

    Args:
        input: images, of shape (images, height, width, channels).
        weight: filters, of shape (filters, height, width, channels // groups).
        stride: distance of positions in the result; one number, or one for each axis.
        padding: elements to cut off at both ends of each axis of the result.
        dilation: distance of neighbours of the filter.
        output_padding: elements to add behind each axis of the result.
        groups: of channels, each of which meets filters of its own.

    Returns:
        Array of shape (images, height, width, filters).

    Raises:
        ValueError: as `conv_transpose1d`.

    Example:
        >>> import fastvjp
        >>> fastvjp.conv_transpose2d(fastvjp.ones((1, 4, 4, 2)), fastvjp.ones((3, 2, 2, 2)), stride=2).shape
        (1, 8, 8, 3)
    """
    return _transposed("conv_transpose2d", input, weight, stride, padding, dilation, output_padding, groups, 2)


@public(recorded(2))
def conv_transpose3d(
    input: ArrayLike,
    weight: ArrayLike,
    stride: Sizes = 1,
    padding: Sizes = 0,
    dilation: Sizes = 1,
    output_padding: Sizes = 0,
    groups: int = 1,
) -> array:
    """Transpose of a convolution of volumes, as `conv_transpose1d` with three axes of space.

    Args:
        input: volumes, of shape (volumes, depth, height, width, channels).
        weight: filters, of shape (filters, depth, height, width, channels // groups).
        stride: distance of positions in the result; one number, or one for each axis.
        padding: elements to cut off at both ends of each axis of the result.
        dilation: distance of neighbours of the filter.
        output_padding: elements to add behind each axis of the result.
        groups: of channels, each of which meets filters of its own.

    Returns:
        Array of shape (volumes, depth, height, width, filters).

    Raises:
        ValueError: as `conv_transpose1d`.

    Example:
        >>> import fastvjp
        >>> fastvjp.conv_transpose3d(fastvjp.ones((1, 2, 2, 2, 1)), fastvjp.ones((1, 2, 2, 2, 1))).shape
        (1, 3, 3, 3, 1)
    """
    return _transposed("conv_transpose3d", input, weight, stride, padding, dilation, output_padding, groups, 3)


def _transposed(
    name: str,
    input: ArrayLike,
    weight: ArrayLike,
    stride: Any,
    padding: Any,
    dilation: Any,
    output_padding: Any,
    groups: Any,
    axes: int,
) -> array:
    x, w, space, groups = _operands(name, input, weight, groups, axes)
    strides, dilation = _each(name, "stride", stride, space), _each(name, "dilation", dilation, space)
    low = _each(name, "padding", padding, space, least=None)
    more = _each(name, "output_padding", output_padding, space, least=0)
    sizes = tuple(
        [
            (n - 1) * s - 2 * p + d * (k - 1) + m + 1
            for n, k, s, p, d, m in zip(x.shape[1:-1], w.shape[1:-1], strides, low, dilation, more, strict=True)
        ]
    )
    if 0 in w.shape or 0 in x.shape[1:] or any(n < 1 for n in sizes):
        raise ValueError(
            f"[{name}] Images of {x.shape[1:-1]} and filters of {w.shape[1:-1]} with padding {low} have a result "
            f"of {sizes}. Expected: at least 1 element along each axis."
        )
    return _spread(x, w, sizes, strides, low, dilation, groups)


def _spread(
    x: array,
    w: array,
    sizes: tuple[int, ...],
    strides: tuple[int, ...],
    low: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
) -> array:
    """Each element of x times the filter, added up in images of these sizes."""
    if x.shape[0] == 0:
        return filled((0, *sizes, w.shape[0]), x)
    w = reshaped(w, (groups, w.shape[0] // groups, *w.shape[1:]))
    last = w.ndim - 1
    w = permuted(w, (0, last, *range(2, last), 1))
    return _joined(
        _emit("conv_x", w, _by_groups(x, groups), sizes=sizes, strides=strides, low=low, dilation=dilation)
    )


# --- what both share -------------------------------------------------------------------------------------


def _operands(
    name: str, input: ArrayLike, weight: ArrayLike, groups: Any, axes: int
) -> tuple[array, array, int, int]:
    """Images and filters, floating and of one dtype, the number of axes of space, and that of groups."""
    x, w = promoted(as_arrays([input, weight], name))
    x, w = (cast(a, inexact(a.dtype)) for a in (x, w))
    space, count = axes or x.ndim - 2, operator.index(groups)
    if not 1 <= space <= 3 or x.ndim != space + 2 or w.ndim != x.ndim:
        expected = f"{axes} axes of space" if axes else "one to three axes of space, the same number in both"
        raise ValueError(
            f"[{name}] Expected arrays of shape (images, ..., channels) and (filters, ..., channels) with "
            f"{expected}, got {x.shape} and {w.shape}."
        )
    if count < 1 or x.shape[-1] != count * w.shape[-1] or w.shape[0] % count or 0 in (x.shape[-1], w.shape[0]):
        raise ValueError(
            f"[{name}] {x.shape[-1]} channels and filters of shape {w.shape} do not fit each other in {count} "
            f"groups. Expected: filters with channels // groups channels, a number of filters that groups divide."
        )
    return x, w, space, count


def _each(name: str, what: str, value: Any, axes: int, least: int | None = 1) -> tuple[int, ...]:
    """A number for each axis of space."""
    given = value if isinstance(value, Sequence | np.ndarray) else (value,) * axes
    found = tuple([operator.index(n) for n in given])
    if len(found) != axes or (least is not None and any(n < least for n in found)):
        expected = f"{axes} integers" + ("" if least is None else f" of at least {least}")
        raise ValueError(f"[{name}] Expected {what} to be {expected}, or one for all axes, got {value}.")
    return found


def _padding(name: str, padding: Any, axes: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    pair = (
        padding
        if isinstance(padding, tuple) and len(padding) == 2 and not any(map(_is_number, padding))
        else (padding,) * 2
    )
    low, high = (_each(name, "padding", p, axes, least=None) for p in pair)
    return low, high


def _is_number(x: Any) -> bool:
    return hasattr(x, "__index__")


def _emit(name: str, a: array, b: array, **form: tuple[int, ...]) -> array:
    """The primitive, with groups as a batch in front unless there is but one."""
    if a.shape[0] > 1:
        return emit(name, a, b, **form)
    out = emit(name, reshaped(a, a.shape[1:]), reshaped(b, b.shape[1:]), **form)
    return reshaped(out, (1, *out.shape))


def _by_groups(x: array, groups: int) -> array:
    """Groups of channels in front."""
    apart = reshaped(x, (*x.shape[:-1], groups, x.shape[-1] // groups))
    return permuted(apart, (apart.ndim - 2, *range(apart.ndim - 2), apart.ndim - 1))


def _joined(x: array) -> array:
    """Groups in front as channels again."""
    apart = permuted(x, (*range(1, x.ndim - 1), 0, x.ndim - 1))
    return reshaped(apart, (*apart.shape[:-2], apart.shape[-2] * apart.shape[-1]))


# --- signals ---------------------------------------------------------------------------------------------


@public(recorded(2), numpy=np.convolve)
def convolve(a: ArrayLike, v: ArrayLike, mode: str = "full") -> array:
    """Convolution of two signals: out_k = sum over i of a_i v_(k - i).

    Args:
        a: array with one axis.
        v: array with one axis.
        mode: "full", wherever they meet; "same", as many as the longer one has, from the middle; "valid", where
            the shorter one lies within the longer one.

    Returns:
        Array of their common dtype.

    Raises:
        ValueError: more axes than one, no elements, or another mode.

    Example:
        >>> import fastvjp
        >>> fastvjp.convolve(fastvjp.array([1.0, 2.0, 3.0]), fastvjp.array([1.0, 1.0]))
        array([1, 3, 5, 3], dtype=float32)
    """
    x, y = _signals("convolve", a, v)
    x, y = (x, y) if x.size >= y.size else (y, x)
    return _slid("convolve", x, reversed_along(y), mode)


@public(recorded(2), numpy=np.correlate)
def correlate(a: ArrayLike, v: ArrayLike, mode: str = "valid") -> array:
    """Correlation of two signals: out_k = sum over i of a_(k + i) conj(v_i), for all shifts k.

    Args:
        a: array with one axis.
        v: array with one axis.
        mode: as of `convolve`.

    Returns:
        Array of their common dtype.

    Raises:
        ValueError: more axes than one, no elements, or another mode.

    Example:
        >>> import fastvjp
        >>> fastvjp.correlate(fastvjp.array([1.0, 2.0, 3.0]), fastvjp.array([0.0, 1.0, 0.5]))
        array([3.5], dtype=float32)
    """
    x, y = _signals("correlate", a, v)
    if x.size < y.size:
        return reversed_along(_slid("correlate", conjugated(y), x, mode))
    return _slid("correlate", x, conjugated(y), mode)


def _signals(name: str, a: ArrayLike, v: ArrayLike) -> tuple[array, array]:
    x, y = (reshaped(s, (1,)) if s.ndim == 0 else s for s in promoted(as_arrays([a, v], name)))
    if x.ndim != 1 or y.ndim != 1 or not (x.size and y.size):
        raise ValueError(
            f"[{name}] Expected two signals with one axis and elements, got shapes {x.shape} and {y.shape}."
        )
    return x, y


def _slid(name: str, x: array, y: array, mode: str) -> array:
    """Sums of products of y with what it lies on, where it slides along x, which is not shorter."""
    n, m = x.size, y.size
    starts = {"full": (m - 1, n + m - 1), "same": (m // 2, n), "valid": (0, n - m + 1)}
    if mode not in starts:
        raise ValueError(f"[{name}] Unknown mode {mode!r}. Expected: 'full', 'same' or 'valid'.")
    low, size = starts[mode]
    if kind_of(x.dtype) in "fc":
        form = {"sizes": (size,), "strides": (1,), "low": (low,), "dilation": (1,)}
        return reshaped(emit("conv", reshaped(x, (1, n, 1)), reshaped(y, (1, m, 1)), **form), (size,))
    x = pad(x, (low, size + m - 1 - n - low))
    return reshaped(product(windowed(name, x, (size, m), (1, 1), 0), reshaped(y, (m, 1))), (size,))
