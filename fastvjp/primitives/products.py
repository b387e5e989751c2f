"""Products of matrices."""

from __future__ import annotations

from ..arrays.array import array
from ..arrays.emit import conjugated, emit, permuted
from ..core.avals import Aval, aval
from ..core.primitive import structural


def _product(x: Aval, y: Aval) -> Aval:
    return aval((*x.shape[:-1], y.shape[-1]), x.dtype)


def _swapped(x: array) -> array:
    return conjugated(permuted(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)))


structural(
    "matmul",
    "x y",
    _product,
    vjp={
        "x": lambda g, y: emit("matmul", g, _swapped(y)),
        "y": lambda g, x: emit("matmul", _swapped(x), g),
    },
)
