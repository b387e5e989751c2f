"""Rows of windows that may overlap, and of their sums."""

from __future__ import annotations

from typing import Any

import numpy as np

import fastvjp as mx

from .case import ANY, FLOAT, INEXACT, KINDS, Case, Shape, primitive, structural


def _places(shape: Shape, strides: Shape, offset: int) -> np.ndarray:
    """Which element of the flattened array stands where."""
    return offset + np.tensordot(np.array(strides, int), np.indices(shape), 1)


def _windows(x: Shape, shape: Shape, strides: Shape, offset: int, dtypes: tuple[str, ...] = FLOAT) -> Case:
    def fun(x: Any) -> Any:
        return mx.as_strided(x, shape, strides, offset)

    def reference(x: Any) -> Any:
        return x.ravel()[_places(shape, strides, offset)]

    shown = f"{x}{shape}{strides}{offset}".replace(" ", "")
    return structural("as_strided", fun, reference, (ANY, x), dtypes=dtypes, variant=shown)


def _added(x: Shape, shape: Shape, strides: Shape, offset: int, dtypes: tuple[str, ...] = FLOAT) -> Case:
    def reference(x: Any, y: Any) -> Any:
        out = np.array(x)
        np.add.at(out.reshape(-1), _places(shape, strides, offset), y)
        return out

    fun = primitive("strided_add", strides=strides, offset=offset)
    shown = f"{x}{shape}{strides}{offset}".replace(" ", "")
    return structural("strided_add", fun, reference, (ANY, x), (ANY, shape), dtypes=dtypes, variant=shown)


CASES = [
    _windows((3, 4), (2, 3, 2), (4, 1, 1), 0, KINDS),
    _windows((2, 5), (3, 2), (-3, 2), 7),
    _windows((4,), (3,), (0,), 2),
    _windows((3,), (0, 2), (5, 9), 0),
    _added((3, 4), (2, 3, 2), (4, 1, 1), 0, INEXACT),
    _added((2, 5), (3, 2), (-3, 2), 7),
    _added((4,), (3,), (0,), 2),
    _added((3,), (0, 2), (5, 9), 0),
    _added((2, 3, 2), (2, 2, 3), (6, 1, 2), 0),
]
