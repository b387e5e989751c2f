"""Where the elements of an array lie in a buffer, and what the view primitives make of that.

A view primitive maps a layout to a layout; no values move. `reshape` answers None where it cannot.
"""

from __future__ import annotations

import math
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
