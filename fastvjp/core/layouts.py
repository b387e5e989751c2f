"""Where the elements of an array lie in a buffer, and what the view primitives make of that.

A view primitive maps a layout to a layout; no values move. `reshape` answers None where it cannot.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np


class Layout(NamedTuple):
    """Element (i, j, ...) lies at `offset + i*strides[0] + j*strides[1] + ...`, counted in elements."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 0


def contiguous_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides in elements of a C-contiguous array."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def same(x: Layout, **_: Any) -> Layout:
    """Another name for the same elements."""
    return x


def broadcast_to(x: Layout, shape: tuple[int, ...]) -> Layout:
    """Repeat along new leading axes and along axes of size 1."""
    lead = len(shape) - len(x.shape)
    strides = tuple(0 if n == 1 != m else s for n, s, m in zip(x.shape, x.strides, shape[lead:], strict=True))
    return Layout(shape, (0,) * lead + strides, x.offset)


def transpose(x: Layout, axes: tuple[int, ...]) -> Layout:
    """Permute the axes."""
    return Layout(tuple(x.shape[a] for a in axes), tuple(x.strides[a] for a in axes), x.offset)


def slice_(x: Layout, start: tuple[int, ...], stop: tuple[int, ...], step: tuple[int, ...]) -> Layout:
    """A regular section of every axis."""
    ranges = [range(*s) for s in zip(start, stop, step, strict=True)]
    offset = x.offset + sum(s * r.start for s, r in zip(x.strides, ranges, strict=True) if len(r))
    return Layout(
        tuple(len(r) for r in ranges),
        tuple(s * r.step for s, r in zip(x.strides, ranges, strict=True)),
        offset,
    )


def reshape(x: Layout, shape: tuple[int, ...]) -> Layout | None:
    """The same elements in C order under another shape, or None where one stride per axis cannot say it."""
    if 0 in shape or x.strides == contiguous_strides(x.shape):
        return Layout(shape, contiguous_strides(shape), x.offset)
    # NumPy knows the rule; the elements of this stand-in are never touched
    stand_in = np.lib.stride_tricks.as_strided(np.empty(1, np.int8), x.shape, x.strides)
    try:
        reshaped = np.reshape(stand_in, shape, copy=False)
    except ValueError:
        return None
    return Layout(shape, reshaped.strides, x.offset)


def as_strided(x: Layout, shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> Layout | None:
    """Elements by strides of one's own, counted in C order, or None where no one stride goes through that."""
    flat = reshape(x, (math.prod(x.shape),))
    if flat is None:
        return None
    (step,) = flat.strides
    return Layout(shape, tuple([s * step for s in strides]), x.offset + offset * step)


# --- elements in common ----------------------------------------------------------------------------------


def is_distinct(x: Layout) -> bool:
    """Whether it is known that no two of its elements lie in one place."""
    reach = 0
    for stride, n in _axes(x)[1]:
        if stride <= reach:
            return False
        reach += stride * (n - 1)
    return all(s or n <= 1 for n, s in zip(x.shape, x.strides, strict=True))


def disjoint(x: Layout, y: Layout) -> bool:
    """Whether it is known that two layouts in one buffer have no place in common."""
    return 0 in x.shape or 0 in y.shape or _disjoint(*_axes(x), *_axes(y))


_Axes = Sequence[tuple[int, int]]
"""Stride, which is positive, and size of each axis along which a layout moves."""


@functools.lru_cache(maxsize=1 << 14)  # a long plan asks again and again for what it reads of one array
def _axes(x: Layout) -> tuple[int, _Axes]:
    """The first place, and the axes, those with the smallest strides first."""
    axes = [(s, n) for n, s in zip(x.shape, x.strides, strict=True) if s and n > 1]
    first = x.offset + sum([s * (n - 1) for s, n in axes if s < 0])
    return first, tuple(sorted([(abs(s), n) for s, n in axes]))


def _disjoint(x: int, x_axes: _Axes, y: int, y_axes: _Axes) -> bool:
    if x > y:
        x, x_axes, y, y_axes = y, y_axes, x, x_axes
    if x + sum([s * (n - 1) for s, n in x_axes]) < y:
        return True
    units = sorted({s for s, _ in (*x_axes, *y_axes)})
    if not units:
        return x != y
    if (y - x) % math.gcd(*units):
        return True
    for unit in units:  # as rows of so many places
        x_part, y_part = _rows(x, x_axes, unit), _rows(y, y_axes, unit)
        if unit == 1 or x_part is None or y_part is None:
            continue
        if any(_disjoint(*x_at, *y_at) for x_at, y_at in zip(x_part, y_part, strict=True)):
            return True
    return False


def _rows(first: int, axes: _Axes, unit: int) -> tuple[tuple[int, _Axes], tuple[int, _Axes]] | None:
    """Where in a row of places a layout moves, and to which rows; None where that is not apart."""
    row, at = divmod(first, unit)
    inside = [(s, n) for s, n in axes if s < unit]
    others = [(s // unit, n) for s, n in axes if s >= unit and s % unit == 0]
    if len(inside) + len(others) < len(axes) or at + sum(s * (n - 1) for s, n in inside) >= unit:
        return None
    return (at, inside), (row, others)
