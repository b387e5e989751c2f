"""Buffers of the cpu device: NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.layouts import Layout
from ...core.program import Buffer
from ..native.memory import address_of


class CpuBuffer:
    """A NumPy array that nobody writes to any more."""

    __slots__ = ("address", "array", "layout")

    device = "cpu"

    def __init__(self, array: np.ndarray, address: int, layout: tuple[int, ...] | None) -> None:
        self.array = array
        self.address = address
        self.layout = layout

    def __reduce__(self) -> tuple[Any, ...]:
        return upload, (np.array(self.array, order="C"),)

    def numpy(self) -> np.ndarray:
        """A read-only view."""
        view = self.array.view()
        view.flags.writeable = False
        return view

    def own(self) -> np.ndarray:
        """The array itself, for the last who holds the buffer."""
        return self.array


def upload(array: np.ndarray) -> CpuBuffer:
    """Take over an array; the caller must not write to it afterwards."""
    flags = array.flags
    if flags.c_contiguous and flags.aligned:
        return CpuBuffer(array, address_of(array), None)
    if any(s % array.itemsize for s in array.strides) or not flags.aligned:
        array = array.copy()
    layout = None if array.flags.c_contiguous else tuple(s // array.itemsize for s in array.strides)
    return CpuBuffer(array, address_of(array), layout)


def as_cpu(value: Buffer) -> CpuBuffer:
    """A buffer of any device as one of this."""
    return value if type(value) is CpuBuffer else upload(value.numpy())


def strided(array: np.ndarray, layout: Layout) -> np.ndarray:
    """The elements of an array in a layout."""
    if array.shape == layout.shape and layout.offset == 0:
        strides = tuple(s * array.itemsize for s in layout.strides)
        if array.strides == strides:
            return array
    if 0 in layout.shape:
        return np.empty(layout.shape, array.dtype)
    if array.flags.c_contiguous:  # of which a view is made in a tenth of the time
        size = array.itemsize
        strides = tuple([s * size for s in layout.strides])
        return np.ndarray(layout.shape, array.dtype, array, layout.offset * size, strides)
    start = array
    if layout.offset:  # the element at the offset, as the base of the view
        steps, size = abs(layout.offset), array.itemsize if layout.offset > 0 else -array.itemsize
        start = np.lib.stride_tricks.as_strided(array, (steps + 1,), (size,))[steps:]
    return np.lib.stride_tricks.as_strided(start, layout.shape, tuple(s * array.itemsize for s in layout.strides))
