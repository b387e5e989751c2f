"""How the standard makes arrays: of NumPy's default dtypes, on a device, from whatever is an array."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import devices, ops
from ...arrays.array import array, as_array, from_numpy
from ...arrays.public import attach
from ...core.avals import float64
from ..namespace.modules import holds_array
from .members import adopted, held, placed, standard


def _of_one_value(original: Any, value: float) -> None:
    def make(shape: Any, *, dtype: Any = None, device: Any = None) -> array:
        with placed(device):
            return ops.full(shape, value, held(float64) if dtype is None else dtype)

    make.__name__ = make.__qualname__ = original.__name__
    make.__doc__ = f"`numpy.{original.__name__}` without memory."
    globals()[original.__name__] = standard(original)(make)


for _constant, _value in ((np.zeros, 0), (np.ones, 1), (np.empty, 0)):
    _of_one_value(_constant, _value)


@standard(np.full)
def full(shape: Any, fill_value: Any, *, dtype: Any = None, device: Any = None) -> array:
    """`numpy.full`: of the dtype that NumPy gives the value, unless another is given."""
    with placed(device):
        if dtype is None and not isinstance(fill_value, array):
            dtype = held(np.asarray(fill_value).dtype)
        return ops.full(shape, fill_value, dtype)


@standard(np.asarray, np.array)
def asarray(obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> array:
    """An array of what is one, of numbers, or of nested lists; Python's floats are float64, as NumPy's are.

    Raises:
        ValueError: `copy` is False, and `obj` is no fastvjp.array of this dtype on this device.
    """
    wanted = None if dtype is None else np.dtype(dtype)
    with placed(device):
        if isinstance(obj, array):
            made = as_array(obj, "asarray", wanted)
        elif isinstance(obj, _NUMBERS) and not holds_array(obj):
            numbers = np.asarray(obj, wanted)
            made = adopted(numbers if dtype is not None else numbers.astype(held(numbers.dtype), copy=False))
        else:
            made = as_array(obj, "asarray", wanted)
    made = made if device is None else to_device(made, device)
    if copy is False and made is not obj:
        raise ValueError(f"[asarray] A {type(obj).__name__} becomes this array only by a copy, but copy=False.")
    return made.copy() if copy and made is obj else made


_NUMBERS = (bool, int, float, complex, list, tuple, range)


@standard(np.from_dlpack)
def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> array:
    """An array of what has `__dlpack__`; see `asarray`."""
    made = x if isinstance(x, array) else from_numpy(np.from_dlpack(x), "from_dlpack")
    return asarray(made, device=device, copy=copy if made is x or copy is False else None)


def to_device(self: array, device: str, /, *, stream: None = None) -> array:
    """The array on a device; itself if it lies there, or is recorded and lies nowhere yet.

    Raises:
        ValueError: no such device, or a stream, of which devices have none.
    """
    if stream is not None:
        raise ValueError(f"[to_device] Expected no stream, got {stream!r}.")
    with placed(device):
        if self._var.value is None:
            return self
        there = devices.current().name
    return self if self.device == there else moved(self, there)


def moved(x: array, device: str) -> array:
    """A copy of an array in memory of a device."""
    with placed(device):
        return from_numpy(x._values(), "to_device")


attach("to_device", to_device)
