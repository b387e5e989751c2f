"""Windows that may overlap: elements of an array by strides of one's own, and their adjoint, which adds them up.

Elements are counted in C order, whatever the layout: element (i, j, ...) of a window is the one at
`offset + i * strides[0] + j * strides[1] + ...` of the flattened array. Public ops have checked that there is one.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..arrays.array import array
from ..arrays.emit import emit, zeros
from ..core import layouts
from ..core.avals import Aval, aval
from ..core.primitive import Primitive, structural
from .batching import all_batched
from .views import Shape


def _shaped(x: Aval, shape: Shape, strides: Shape, offset: int) -> Aval:
    return aval(shape, x.dtype)


def _first(x: Aval, y: Aval, strides: Shape, offset: int) -> Aval:
    return x


# --- derivatives -----------------------------------------------------------------------------------------


def _as_strided(g: array, x: array, strides: Shape, offset: int) -> array:
    return emit("strided_add", zeros(x), g, strides=strides, offset=offset)


def _added(g: array, y: array, strides: Shape, offset: int) -> array:
    return emit("as_strided", g, shape=y.shape, strides=strides, offset=offset)


# --- batching --------------------------------------------------------------------------------------------


def _strided_rows(
    p: Primitive,
    xs: Sequence[array],
    batched: Sequence[bool],
    size: int,
    shape: Shape,
    strides: Shape,
    offset: int,
) -> list[array]:
    x = xs[0]
    return [emit(p.name, x, shape=(size, *shape), strides=(x.size // max(size, 1), *strides), offset=offset)]


def _added_rows(
    p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int, strides: Shape, offset: int
) -> list[array]:
    x, y = all_batched(xs, batched, size)
    return [emit(p.name, x, y, strides=(x.size // max(size, 1), *strides), offset=offset)]


structural("as_strided", "x", _shaped, view=layouts.as_strided, vjp={"x": _as_strided}, batch=_strided_rows)
structural("strided_add", "x y", _first, vjp={"x": lambda g: g, "y": _added}, batch=_added_rows, on="cpu")
