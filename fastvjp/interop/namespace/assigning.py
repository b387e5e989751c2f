"""NumPy's functions that write into an array."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array, as_arrays
from ...arrays.public import implements
from ...core.dtypes import can_cast
from ...ops.common import stored
from ...recording.recorder import is_recording
from ..numpy.constants import by_values


def writes(function: Callable[..., None]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator of what this function of NumPy does on an array of ours.

    Outside recordings an ndarray takes the values as NumPy's own function gives them; in one, traced values cannot
    be written into an ndarray.
    """

    def declare(ours: Callable[..., None]) -> Callable[..., None]:
        name = next(iter(inspect.signature(ours).parameters))

        @functools.wraps(ours)
        def write(*args: Any, **options: Any) -> None:
            a = args[0] if args else options.get(name)
            if type(a) is array:
                ours(*args, **options)
            elif not is_recording():
                by_values(function, args, options)
            else:
                raise TypeError(
                    f"[np.{function.__name__}] Traced values cannot be written into a {type(a).__name__}. "
                    f"Hint: make it with fastvjp.numpy, np.zeros say."
                )

        return implements(function)(write)

    return declare


@writes(np.fill_diagonal)
def _fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    places = np.zeros(a.shape, bool)
    np.fill_diagonal(places, True, wrap)
    count = int(places.sum())
    values = ops.ravel(stored(val, a.dtype, "fill_diagonal"))
    a[np.nonzero(places)] = ops.take(values, np.arange(count) % values.size)


@writes(np.copyto)
def _copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    value = as_arrays([dst, src], "copyto")[1]
    if not can_cast(value.dtype, dst.dtype, casting):
        raise TypeError(f"[np.copyto] {value.dtype} does not become {dst.dtype} by the casting {casting!r}.")
    dst[...] = value if where is True else ops.where(where, value, dst)


@writes(np.put)
def _put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    places = np.ravel(ind)
    if mode != "raise":
        places = places % a.size if mode == "wrap" else np.clip(places, 0, a.size - 1)
    values = ops.ravel(stored(v, a.dtype, "put"))
    a.flat[places] = ops.take(values, np.arange(places.size) % values.size)


@writes(np.putmask)
def _putmask(a: Any, mask: Any, values: Any) -> None:
    given = ops.ravel(stored(values, a.dtype, "putmask"))
    whole = ops.reshape(ops.take(given, np.arange(a.size) % given.size), a.shape)
    a[...] = ops.where(mask, whole, a)


@writes(np.place)
def _place(arr: Any, mask: Any, vals: Any) -> None:
    places = np.nonzero(np.reshape(mask, arr.shape))
    values = ops.ravel(stored(vals, arr.dtype, "place"))
    arr[places] = ops.take(values, np.arange(len(places[0])) % values.size)


@writes(np.put_along_axis)
def _put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None = -1) -> None:
    arr[...] = ops.put_along_axis(arr, indices, values, axis)
