"""Applying primitives to arrays, as ops, rules and batching rules do: nothing is checked.

The result is always another `array` object, but for `cast` and `spread` where there is nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .. import devices
from ..core.avals import COMPUTED, Aval, aval, promote
from ..core.primitive import REGISTRY
from ..core.program import Var, uniform
from ..recording.recorder import bind, bind_multiple
from .array import array
from .conversion import cast_var


def emit_all(name: str, *operands: array, **params: Any) -> list[array]:
    """`emit` of a primitive with several results."""
    return [array._of(v) for v in bind_multiple(REGISTRY[name], *[x._var for x in operands], **params)]


def emit(name: str, *operands: array, **params: Any) -> array:
    """Bind the named primitive to arrays that fit it already."""
    return array._of(bind(REGISTRY[name], *[x._var for x in operands], **params))


def cast(x: array, dtype: np.dtype) -> array:
    """`x` in another dtype; the same array where it has it."""
    return x if x._var.aval.dtype == dtype else array._of(cast_var(x._var, dtype))


def widened(x: array) -> array:
    """`x` in the dtype in which its numbers are computed with."""
    dtype = x._var.aval.dtype
    return cast(x, COMPUTED.get(dtype, dtype))


def rounded(x: array, dtype: np.dtype) -> array:
    """The result of several operations on `widened` arrays in the dtype of these; rounded at the end alone."""
    return cast(x, dtype) if dtype in COMPUTED else x


def spread(x: array, shape: tuple[int, ...]) -> array:
    """`x` broadcast to a shape that it is known to fit."""
    return x if x._var.aval.shape == shape else emit("broadcast_to", x, shape=shape)


def full_like_aval(a: Aval, scalar: Any) -> array:
    """An array of one value."""
    return array._of(uniform(scalar, a.shape, a.dtype))


def constant(value: np.ndarray) -> array:
    """A NumPy array that the caller gives away."""
    return array._of(Var(aval(value.shape, value.dtype), devices.current().upload(value)))


def filled(shape: tuple[int, ...], like: array, scalar: complex = 0) -> array:
    """An array of one value, with the dtype of `like`."""
    return array._of(uniform(scalar, shape, like.dtype))


def zeros(like: array) -> array:
    """Zeros of the shape and dtype of `like`."""
    return filled(like.shape, like)


def conjugated(x: array) -> array:
    """The complex conjugate; a real array as it is."""
    return emit("conjugate", x) if x.dtype.kind == "c" else x


def reshaped(x: array, shape: tuple[int, ...]) -> array:
    """`reshape` to a shape of the same size."""
    return array._of(x._var) if shape == x.shape else emit("reshape", x, shape=shape)


def permuted(x: array, axes: tuple[int, ...]) -> array:
    """`transpose` by non-negative axes."""
    return array._of(x._var) if axes == tuple(range(x.ndim)) else emit("transpose", x, axes=axes)


def inverse(axes: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes this one."""
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


def leading(axes: Iterable[int], ndim: int) -> tuple[int, ...]:
    """The permutation that moves these axes to the front."""
    first = tuple(axes)
    return first + tuple(i for i in range(ndim) if i not in first)


def trailing(axes: Iterable[int], ndim: int) -> tuple[int, ...]:
    """The permutation that moves these axes to the end."""
    last = tuple(axes)
    return tuple(i for i in range(ndim) if i not in last) + last


def sliced(x: array, start: tuple[int, ...], stop: tuple[int, ...], step: tuple[int, ...]) -> array:
    """`slice`, unless it takes everything in order."""
    if stop == x.shape and not any(start) and all(s == 1 for s in step):
        return array._of(x._var)
    return emit("slice", x, start=start, stop=stop, step=step)


def section(x: array, axis: int, start: int, stop: int, step: int = 1) -> array:
    """`slice` along one axis."""
    before, after = (0,) * axis, (0,) * (x.ndim - axis - 1)
    ones = (1,) * x.ndim
    stops = (*x.shape[:axis], stop, *x.shape[axis + 1 :])
    return sliced(x, (*before, start, *after), stops, (*ones[:axis], step, *ones[axis + 1 :]))


def unreduced(x: array, axes: tuple[int, ...], shape: tuple[int, ...]) -> array:
    """What a reduction of `shape` over `axes` gave, repeated over those axes."""
    kept = tuple(1 if i in axes else n for i, n in enumerate(shape))
    x = reshaped(x, kept)
    return x if kept == shape else emit("broadcast_to", x, shape=shape)


def promoted(xs: Sequence[array]) -> list[array]:
    """The arrays in their common dtype, shapes as they are."""
    dtype = promote(*[x.dtype for x in xs])
    return [cast(x, dtype) for x in xs]
