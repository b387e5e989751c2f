"""Moving values: the canonical forms in which array kernels get their operands, slice_update, concatenate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def canonical(x: np.ndarray, *shape: int) -> np.ndarray:
    """The values of x in C order under this shape: a read-only view, or a copy where there is none.

    Numba types read-only and writable arrays apart. Any array can be viewed as read-only, so kernels get all
    their inputs that way and are compiled once for each dtype. They get bool as uint8.
    """
    view = np.ascontiguousarray(x).reshape(shape).view(_number(x.dtype))
    view.setflags(write=False)
    return view


def writable(out: np.ndarray, *shape: int) -> np.ndarray:
    """A result, which is C-contiguous, under this shape, as kernels write it."""
    return out.reshape(shape).view(_number(out.dtype))


def _number(dtype: np.dtype) -> np.dtype:
    return np.dtype(np.uint8) if dtype == np.bool_ else dtype


def combination(name: str, dtype: np.dtype) -> str:
    """The element function that combines values of this dtype; bools, seen as uint8, add by maximum."""
    if dtype == np.bool_:
        return {"add": "maximum", "multiply": "minimum"}.get(name, name)
    return name


def slice_update(
    out: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    *,
    start: tuple[int, ...],
    stop: tuple[int, ...],
    step: tuple[int, ...],
) -> None:
    """Copy x and replace a section by y."""
    np.copyto(out, x)
    section = tuple(_as_slice(range(*bounds)) for bounds in zip(start, stop, step, strict=True))
    out[section] = y


def _as_slice(indices: range) -> slice:
    """In a slice a stop of -1 would mean the last element, so a range that runs down past 0 gets none."""
    if not indices:
        return slice(0, 0)
    stop = indices[-1] + indices.step
    return slice(indices[0], stop if stop >= 0 else None, indices.step)


def concatenate(out: np.ndarray, *xs: np.ndarray, axis: int) -> None:
    """Join arrays along an axis."""
    np.concatenate(xs, axis=axis, out=out)


LAUNCHERS: dict[str, Callable[..., Any]] = {"slice_update": slice_update, "concatenate": concatenate}
