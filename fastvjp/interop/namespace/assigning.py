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
    values = ops.ravel(as_arrays([a, val], "fill_diagonal")[1])
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
    values = ops.ravel(as_arrays([a, v], "put")[1])
    flat = ops.ravel(a.copy())
    flat[places] = ops.take(values, np.arange(places.size) % values.size)
    a[...] = ops.reshape(flat, a.shape)


@writes(np.putmask)
def _putmask(a: Any, mask: Any, values: Any) -> None:
    given = ops.ravel(as_arrays([a, values], "putmask")[1])
    whole = ops.reshape(ops.take(given, np.arange(a.size) % given.size), a.shape)
    a[...] = ops.where(mask, ops.astype(whole, a.dtype), a)


@writes(np.place)
def _place(arr: Any, mask: Any, vals: Any) -> None:
    places = np.nonzero(np.reshape(mask, arr.shape))
    values = ops.ravel(as_arrays([arr, vals], "place")[1])
    arr[places] = ops.take(values, np.arange(len(places[0])) % values.size)
