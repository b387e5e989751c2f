"""NumPy's functions that write into an array."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array, as_array
from ...arrays.public import implements


@implements(np.fill_diagonal)
def _fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    places = np.zeros(a.shape, bool)
    np.fill_diagonal(places, True, wrap)
    count = int(places.sum())
    values = ops.ravel(as_array(val, "fill_diagonal"))
    a[np.nonzero(places)] = ops.take(values, np.arange(count) % values.size)


@implements(np.copyto)
def _copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    _is_ours(dst, "copyto")
    value = as_array(src, "copyto")
    if not np.can_cast(value.dtype, dst.dtype, casting):  # type: ignore[arg-type]
        raise TypeError(f"[np.copyto] {value.dtype} does not become {dst.dtype} by the casting {casting!r}.")
    dst[...] = value if where is True else ops.where(where, value, dst)


@implements(np.put)
def _put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    _is_ours(a, "put")
    places = np.ravel(ind)
    if mode != "raise":
        places = places % a.size if mode == "wrap" else np.clip(places, 0, a.size - 1)
    values = ops.ravel(as_array(v, "put"))
    flat = ops.ravel(a.copy())
    flat[places] = ops.take(values, np.arange(places.size) % values.size)
    a[...] = ops.reshape(flat, a.shape)


@implements(np.putmask)
def _putmask(a: Any, mask: Any, values: Any) -> None:
    _is_ours(a, "putmask")
    given = ops.ravel(as_array(values, "putmask"))
    whole = ops.reshape(ops.take(given, np.arange(a.size) % given.size), a.shape)
    a[...] = ops.where(mask, ops.astype(whole, a.dtype), a)


@implements(np.place)
def _place(arr: Any, mask: Any, vals: Any) -> None:
    _is_ours(arr, "place")
    places = np.nonzero(np.reshape(mask, arr.shape))
    values = ops.ravel(as_array(vals, "place"))
    arr[places] = ops.take(values, np.arange(len(places[0])) % values.size)


def _is_ours(a: Any, name: str) -> None:
    if type(a) is not array:
        raise TypeError(
            f"[np.{name}] Traced values cannot be written into a {type(a).__name__}. "
            f"Hint: make it with fastvjp.numpy, np.zeros say."
        )
