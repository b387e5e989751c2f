"""Addresses of arrays, and each thread's memory for temporaries."""

from __future__ import annotations

import ctypes
import threading

import numpy as np

KEPT_SCRATCH = 1 << 28
"""Bytes of scratch memory that a thread keeps; a plan that needs more has it for one run."""
NO_SCRATCH = np.empty(0, np.uint8)


def _slow_address(array: np.ndarray) -> int:
    return array.ctypes.data


def _fast_address(array: np.ndarray) -> int:
    """The pointer to the data is the first field behind the object header; `ctypes` takes ten times as long."""
    return _pointer_at(id(array) + object.__basicsize__).value or 0


_pointer_at = ctypes.c_void_p.from_address
_sample = np.empty(1)
address_of = _fast_address if _fast_address(_sample) == _slow_address(_sample) else _slow_address
"""Address of the first element of an array."""


class _Scratch(threading.local):
    memory = NO_SCRATCH


_scratch = _Scratch()


def scratch_memory(size: int) -> np.ndarray:
    """At least so many bytes for temporaries, shared by all that this thread runs one after the other."""
    memory = _scratch.memory
    if memory.nbytes >= size:
        return memory
    if size > KEPT_SCRATCH:
        return np.empty(size, np.uint8)
    # at least doubled, so that the smaller ones before it, which executables may hold, are no more than it
    _scratch.memory = memory = np.empty(min(max(size, 2 * memory.nbytes), KEPT_SCRATCH), np.uint8)
    return memory
