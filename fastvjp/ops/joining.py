"""Joining, splitting, repeating, padding."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays.array import array, as_array, as_arrays
from ..arrays.calls import recorded
from ..arrays.emit import cast, emit, promoted, reshaped, sliced, spread
from ..arrays.public import public
from .common import ArrayLike, axes_of, axis_of, broadcast
from .indexing import getitem
from .shape import ravel, sizes_of
from .taking import take


@public()
def concatenate(arrays: Sequence[ArrayLike], axis: int | None = 0) -> array:
    """Join arrays along an axis that they have.

    Args:
        arrays: arrays of one shape, except along `axis`.
        axis: axis along which to join; None joins the flattened arrays.

    Returns:
        Array of their common dtype; its size along `axis` is the sum of theirs.

    Raises:
        ValueError: no arrays, scalars, or shapes that do not fit.

    Example:
        >>> import fastvjp
        >>> fastvjp.concatenate([fastvjp.zeros((2, 3)), fastvjp.ones((1, 3))]).shape
        (3, 3)
    """
    xs = promoted(_several(arrays, "concatenate"))
    if axis is None:
        xs, i = [ravel(x) for x in xs], 0
    else:
        if xs[0].ndim == 0:
            raise ValueError("[concatenate] Scalars have no axis. Hint: use stack, or axis=None.")
        i = axis_of(axis, xs[0].ndim, "concatenate")
    first = xs[0].shape
    for x in xs[1:]:
        if x.shape[:i] != first[:i] or x.shape[i + 1 :] != first[i + 1 :] or x.ndim != len(first):
            raise ValueError(
                f"[concatenate] Shapes {first} and {x.shape} do not match along axis {i}. "
                f"Expected: the same number of axes, and the same sizes except along axis {i}."
            )
    return array._of(xs[0]._var) if len(xs) == 1 else emit("concatenate", *xs, axis=i)


concat = concatenate


def _several(arrays: Sequence[ArrayLike], name: str) -> list[array]:
    if isinstance(arrays, np.ndarray | array):
        arrays = [arrays[i] for i in range(arrays.shape[0] if arrays.ndim else 0)]
    elif not isinstance(arrays, tuple | list):
        raise TypeError(f"[{name}] Expected a list or tuple of arrays, got {type(arrays).__name__}.")
    if not arrays:
        raise ValueError(f"[{name}] Expected at least one array.")
    return as_arrays(arrays, name)


@public()
def stack(arrays: Sequence[ArrayLike], axis: int = 0) -> array:
    """Join arrays along a new axis.

    Args:
        arrays: arrays of one shape.
        axis: position of the new axis in the result.

    Returns:
        Array of their common dtype with one axis more.

    Raises:
        ValueError: no arrays, shapes that differ, or the axis out of range.

    Example:
        >>> import fastvjp
        >>> fastvjp.stack([fastvjp.zeros(3), fastvjp.ones(3)], axis=1).shape
        (3, 2)
    """
    xs = _several(arrays, "stack")
    for x in xs[1:]:
        if x.shape != xs[0].shape:
            raise ValueError(f"[stack] Shapes {xs[0].shape} and {x.shape} differ. Expected: all the same.")
    i = axis_of(axis, xs[0].ndim + 1, "stack")
    return concatenate([reshaped(x, (*x.shape[:i], 1, *x.shape[i:])) for x in xs], i)


@public(numpy=getattr(np, "unstack", None))
def unstack(a: ArrayLike, *, axis: int = 0) -> tuple[array, ...]:
    """The parts of an array along an axis, without that axis: what `stack` puts together.

    Raises:
        ValueError: a scalar, or the axis out of range.

    Example:
        >>> import fastvjp
        >>> fastvjp.unstack(fastvjp.array([[1, 2], [3, 4]]), axis=1)
        (array([1, 3], dtype=int32), array([2, 4], dtype=int32))
    """
    x = as_array(a, "unstack")
    before = (slice(None),) * axis_of(axis, x.ndim, "unstack")
    return tuple([getitem(x, (*before, k)) for k in range(x.shape[axis])])


@public(numpy=np.split, method=True)
def split(a: ArrayLike, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[array]:
    """Cut an array into parts along an axis.

    Args:
        a: array.
        indices_or_sections: number of equal parts, or the positions at which to cut.
        axis: axis to cut.

    Returns:
        List of arrays.

    Raises:
        ValueError: axis out of range, or no equal division into that many parts.

    Example:
        >>> import fastvjp
        >>> [x.shape for x in fastvjp.split(fastvjp.zeros((5, 2)), [1, 3])]
        [(1, 2), (2, 2), (2, 2)]
    """
    x = as_array(a, "split")
    i = axis_of(axis, x.ndim, "split")
    n = x.shape[i]
    if isinstance(indices_or_sections, Sequence | np.ndarray | array) and np.ndim(indices_or_sections):
        cuts = [slice(operator.index(cut)).indices(n)[1] for cut in indices_or_sections]
    else:
        parts = operator.index(indices_or_sections)  # type: ignore[arg-type]
        if parts < 1 or n % parts:
            raise ValueError(
                f"[split] Axis {i} of an array of shape {x.shape} cannot be cut into {parts} equal parts. "
                f"Hint: give the positions at which to cut."
            )
        cuts = [n // parts * k for k in range(1, parts)]
    edges = [0, *cuts, n]
    return [getitem(x, (*[slice(None)] * i, slice(b, max(b, e)))) for b, e in itertools.pairwise(edges)]


def _flipped_back(base: array, value: array, axis: Any = None) -> array:
    return flip(value, axis)


@public(recorded(view=_flipped_back), numpy=np.flip)
def flip(a: ArrayLike, axis: int | Sequence[int] | None = None) -> array:
    """Reverse the order of elements.

    Args:
        a: array.
        axis: axis or axes along which to reverse; by default all.

    Returns:
        Array of the shape of `a`.

    Raises:
        ValueError: an axis out of range.

    Example:
        >>> import fastvjp
        >>> fastvjp.flip(fastvjp.array([1.0, 2.0]))
        array([2, 1], dtype=float32)
    """
    x = as_array(a, "flip")
    axes = axes_of(axis, x.ndim, "flip")
    start, stop, step = [], [], []
    for i, n in enumerate(x.shape):
        start.append(n - 1 if i in axes else 0)
        stop.append(-1 if i in axes else n)
        step.append(-1 if i in axes else 1)
    return sliced(x, tuple(start), tuple(stop), tuple(step))


@public(recorded(), numpy=np.roll)
def roll(a: ArrayLike, shift: int | Sequence[int], axis: int | Sequence[int] | None = None) -> array:
    """Shift elements along an axis; those that leave at the end come in at the front.

    Args:
        a: array.
        shift: places by which to shift, towards the end where positive.
        axis: axis or axes; by default the flattened array is shifted and its shape restored.

    Returns:
        Array of the shape of `a`.

    Raises:
        ValueError: an axis out of range, or unequal numbers of shifts and axes.

    Example:
        >>> import fastvjp
        >>> fastvjp.roll(fastvjp.array([1.0, 2.0, 3.0]), 1)
        array([3, 1, 2], dtype=float32)
    """
    x = as_array(a, "roll")
    if axis is None:
        total = sum(shift) if isinstance(shift, tuple | list) else shift
        return reshaped(roll(ravel(x), total, 0), x.shape)
    axes = [axis_of(i, x.ndim, "roll") for i in (axis if isinstance(axis, tuple | list) else (axis,))]
    shifts: list[Any] = list(shift) if isinstance(shift, tuple | list) else [shift]
    if len(shifts) == 1:
        shifts *= len(axes)
    elif len(axes) == 1:
        axes *= len(shifts)
    if len(shifts) != len(axes):
        raise ValueError(f"[roll] {len(shifts)} shifts do not match {len(axes)} axes.")
    x = array._of(x._var)
    for i, s in zip(axes, shifts, strict=True):
        n = x.shape[i]
        if n and s % n:
            x = emit("roll", x, shift=int(s % n), axis=i)
    return x


_Pad = int | tuple[int] | tuple[int, int] | Sequence[Sequence[int]]


@public(recorded())
def pad(a: ArrayLike, pad_width: _Pad, mode: str = "constant", constant_values: ArrayLike = 0) -> array:
    """Extend an array at the ends of its axes.

    Args:
        a: array.
        pad_width: elements to add: a number for both ends of all axes, a pair (before, after) for all axes,
            or such a pair for each.
        mode: "constant", "edge" (repeat the last element), "reflect" (mirror at it), "symmetric" (mirror
            behind it) or "wrap" (continue with the other end).
        constant_values: of the mode "constant": a number, a pair (before, after), or a pair for each axis.

    Returns:
        Array whose size along each axis has grown by before + after.

    Raises:
        ValueError: widths that are negative or do not fit the axes, an unknown mode, constant_values that
            do not fit the axes, or an axis of size 0 in a mode that repeats elements.

    Example:
        >>> import fastvjp
        >>> fastvjp.pad(fastvjp.array([1.0, 2.0]), (1, 2), constant_values=5)
        array([5, 1, 2, 5, 5], dtype=float32)
    """
    x = as_array(a, "pad")
    widths = _pad_widths(pad_width, x.ndim)
    if mode in ("edge", "reflect", "symmetric", "wrap"):
        x = array._of(x._var)
        for i, (before, after) in enumerate(widths):
            if before or after:
                if x.shape[i] == 0:
                    raise ValueError(f"[pad] Axis {i} is empty; mode {mode!r} has nothing to repeat.")
                index = np.pad(np.arange(x.shape[i]), (before, after), mode=mode)  # type: ignore[call-overload]
                x = take(x, index, i)
        return x
    if mode != "constant":
        raise ValueError(
            f"[pad] Unknown mode {mode!r}. Expected: 'constant', 'edge', 'reflect', 'symmetric' or 'wrap'."
        )
    fill = as_arrays([x, constant_values], "pad")[1]
    if fill.ndim:
        pairs = (x.ndim, 2)
        if broadcast(pairs, fill.shape, "pad") != pairs:
            raise ValueError(
                f"[pad] constant_values of shape {fill.shape} do not fit an array with {x.ndim} axes."
            )
        values = spread(fill, pairs)
        for i, side in np.ndindex(x.ndim, 2):  # as NumPy does it: corners have the values of the last axis
            one = np.zeros((x.ndim, 2), int)
            one[i, side] = widths[i][side]
            x = pad(x, one.tolist(), constant_values=getitem(values, (i, side)))
        return x
    shape = tuple([before + n + after for n, (before, after) in zip(x.shape, widths, strict=True)])
    if shape == x.shape:
        return array._of(x._var)
    start = tuple([before for before, _ in widths])
    stop = tuple([b + n for b, n in zip(start, x.shape, strict=True)])
    frame = spread(cast(fill, x.dtype), shape)
    return emit("slice_update", frame, x, start=start, stop=stop, step=(1,) * x.ndim)


def _pad_widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    try:
        widths = np.broadcast_to(np.asarray(pad_width), (ndim, 2))
    except ValueError:
        widths = np.empty(0)
    if widths.shape != (ndim, 2) or (widths.size and (widths.dtype.kind not in "iu" or widths.min() < 0)):
        raise ValueError(
            f"[pad] Widths {pad_width} do not fit an array with {ndim} axes. "
            f"Expected: a number, a pair (before, after), or such a pair per axis, none negative."
        )
    return [(int(before), int(after)) for before, after in widths]


@public(recorded(), numpy=np.tile)
def tile(a: ArrayLike, reps: int | Sequence[int]) -> array:
    """Repeat an array as a whole along its axes.

    Args:
        a: array.
        reps: repetitions per axis, counted from the last; more of them than axes add axes in front.

    Returns:
        Array whose sizes are those of `a` times `reps`.

    Raises:
        ValueError: a negative number of repetitions.

    Example:
        >>> import fastvjp
        >>> fastvjp.tile(fastvjp.zeros((2, 3)), (2, 1)).shape
        (4, 3)
    """
    x = as_array(a, "tile")
    counts = sizes_of(reps, "tile")
    if any(n < 0 for n in counts):
        raise ValueError(f"[tile] Expected no negative repetitions, got {reps}.")
    ndim = max(x.ndim, len(counts))
    counts = (1,) * (ndim - len(counts)) + counts
    shape = (1,) * (ndim - x.ndim) + x.shape
    x = reshaped(x, tuple([m for n in shape for m in (1, n)]))
    x = spread(x, tuple([m for c, n in zip(counts, shape, strict=True) for m in (c, n)]))
    return reshaped(x, tuple([c * n for c, n in zip(counts, shape, strict=True)]))


@public(recorded(), numpy=np.repeat, method=True)
def repeat(a: ArrayLike, repeats: int | Sequence[int], axis: int | None = None) -> array:
    """Repeat every element along an axis.

    Args:
        a: array.
        repeats: number of repetitions, one for all or one for each element along the axis.
        axis: axis; by default the flattened array is used.

    Returns:
        Array whose size along the axis is the sum of the repetitions.

    Raises:
        ValueError: axis out of range, negative repetitions, or their number not that of the elements.

    Example:
        >>> import fastvjp
        >>> fastvjp.repeat(fastvjp.array([1.0, 2.0]), 2)
        array([1, 1, 2, 2], dtype=float32)
    """
    x = as_array(a, "repeat")
    if axis is None:
        x, axis = ravel(x), 0
    i = axis_of(axis, x.ndim, "repeat")
    n = x.shape[i]
    counts = np.asarray(repeats)
    if counts.dtype.kind not in "iub":
        raise TypeError(f"[repeat] Expected integer repetitions, got {repeats!r}.")
    if counts.size and counts.min() < 0:
        raise ValueError(f"[repeat] Expected no negative repetitions, got {repeats}.")
    if counts.size == 1:
        count = int(counts.reshape(()))
        x = reshaped(x, (*x.shape[: i + 1], 1, *x.shape[i + 1 :]))
        x = spread(x, (*x.shape[: i + 1], count, *x.shape[i + 2 :]))
        return reshaped(x, (*x.shape[:i], n * count, *x.shape[i + 2 :]))
    if counts.shape != (n,):
        raise ValueError(f"[repeat] {counts.size} repetitions do not match axis {i} of shape {x.shape}.")
    return take(x, np.repeat(np.arange(n), counts), i)
