"""NumPy's methods that change an array; of those that arrays here do not have, what to use instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from .. import ops
from ..arrays.array import array
from ..arrays.public import attach
from ..ops.complex_parts import imag_set, real_set


def fill(self: array, value: Any) -> None:
    """Give all elements one value."""
    self[...] = value


def put(self: array, ind: Any, v: Any, mode: str = "raise") -> None:
    """Give the elements at these places of the flattened array these values, which are repeated."""
    np.put(self, ind, v, mode)  # type: ignore[arg-type]


def sort(self: array, axis: int = -1, kind: Any = None, order: None = None, *, stable: Any = None) -> None:
    """Sort along an axis, in place; `fastvjp.sort` gives a new array."""
    self[...] = np.sort(self, axis, kind, order, stable=stable)


def partition(self: array, kth: int, axis: int = -1, kind: Any = "introselect", order: None = None) -> None:
    """Put the element at `kth` where sorting would put it, smaller ones before it, in place."""
    self[...] = ops.partition(self, kth, axis)


class Flat:
    """The elements of an array in C order, under one axis; parts of it are values, as NumPy's."""

    __slots__ = ("base",)

    def __init__(self, base: array) -> None:
        self.base = base

    def __len__(self) -> int:
        return self.base.size

    def __getitem__(self, index: Any) -> array:
        return ops.flatten(self.base)[index].copy()

    def __setitem__(self, index: Any, value: Any) -> None:
        elements = ops.flatten(self.base)
        elements[index] = value
        self.base[...] = ops.reshape(elements, self.base.shape)

    def __iter__(self) -> Iterator[array]:
        return iter(ops.flatten(self.base))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return ops.flatten(self.base).__array__(dtype, copy)

    def copy(self) -> array:
        """The elements as an array."""
        return ops.flatten(self.base)


def _set_flat(self: array, value: Any) -> None:
    Flat(self)[...] = np.resize(value, (self.size,))


for _method in (fill, put, sort, partition):
    attach(_method.__name__, _method)
attach("flat", property(Flat, _set_flat))
for _name, _set in (("real", real_set), ("imag", imag_set)):
    setattr(array, _name, vars(array)[_name].setter(_set))


_INSTEAD = {
    "base": "np.shares_memory needs NumPy's arrays; x.copy() is an array of its own",
    "byteswap": "np.asarray(fastvjp.stop_gradient(x)).byteswap()",
    "ctypes": "np.asarray(fastvjp.stop_gradient(x)).ctypes",
    "data": "memoryview(np.asarray(fastvjp.stop_gradient(x)))",
    "dump": "pickle.dump(x, file)",
    "dumps": "pickle.dumps(x)",
    "flags": "arrays can be written to; how NumPy's would lie in memory x.strides tells",
    "getfield": "x.view(dtype)",
    "resize": "x = np.resize(x, shape), which repeats elements, or np.pad(x, width)",
    "searchsorted": "np.searchsorted(x, v)",
    "setfield": "x.view(dtype)[...] = value",
    "setflags": "arrays can always be written to; x.copy() keeps its values",
    "tobytes": "np.asarray(fastvjp.stop_gradient(x)).tobytes()",
    "tofile": "np.asarray(fastvjp.stop_gradient(x)).tofile(file)",
}
"""NumPy's members that arrays do not have."""


def _missing(name: str, instead: str) -> property:
    def missing(self: array) -> NoReturn:
        raise AttributeError(f"[{name}] Arrays of fastvjp have no {name}. Hint: {instead}.")

    return property(missing)


for _name, _hint in _INSTEAD.items():
    if _name not in vars(array):
        attach(_name, _missing(_name, _hint))
