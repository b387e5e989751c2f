"""Joins, and sections replaced."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.array import array
from ..arrays.emit import emit, section, sliced, zeros
from ..core.avals import Aval, aval
from ..core.primitive import structural
from .scans import along
from .views import Shape, sections


def _updated(x: Aval, *_: Aval, **__: Any) -> Aval:
    return x


def _concatenated(*xs: Aval, axis: int) -> Aval:
    shape = list(xs[0].shape)
    shape[axis] = sum(x.shape[axis] for x in xs)
    return aval(tuple(shape), xs[0].dtype)


# --- derivatives -----------------------------------------------------------------------------------------


def _replaced(g: array, y: array, start: Shape, stop: Shape, step: Shape) -> array:
    return emit("slice_update", g, zeros(y), start=start, stop=stop, step=step)


def _replacing(g: array, start: Shape, stop: Shape, step: Shape) -> array:
    return sliced(g, start, stop, step)


def _parts(g: array, xs: list[array], axis: int) -> list[array]:
    ends = np.cumsum([x.shape[axis] for x in xs]).tolist()
    return [section(g, axis, end - x.shape[axis], end) for x, end in zip(xs, ends, strict=True)]


def _rolled_back(g: array, shift: int, axis: int) -> array:
    return emit("roll", g, shift=g.shape[axis] - shift, axis=axis)


structural("slice_update", "x y", _updated, moves=True, vjp={"x": _replaced, "y": _replacing}, batch=sections)
structural("slice_add", "x y", _updated, vjp={"x": lambda g: g, "y": _replacing}, batch=sections)
structural("concatenate", "*xs", _concatenated, moves=True, vjp={"*xs": _parts}, batch=along)
structural("roll", "x", _updated, moves=True, vjp={"x": _rolled_back}, batch=along)  # by 0 < shift < size
