"""Addresses of arrays, each thread's memory for temporaries, and memory of large outputs that is used again."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable

import numpy as np

from ...devices.pool import Pool
from ...planning.plan import ALIGNMENT

KEPT_SCRATCH = 1 << 28
"""Bytes of scratch memory that a thread keeps; a plan that needs more has it for one run."""
NO_SCRATCH = np.empty(0, np.uint8)
LARGE = 1 << 18
"""Bytes of an output whose memory is used again: malloc may return so much to the system, call by call, and new
pages cost ten times as much as simple arithmetic on them."""
KEPT_OUTPUTS = 1 << 28
"""Bytes of such memory that are kept while no output lies there."""


def _slow_address(array: np.ndarray) -> int:
    return array.ctypes.data


def _fast_address(array: np.ndarray) -> int:
    """The pointer to the data is the first field behind the object header; `ctypes` takes ten times as long."""
    return _pointer_at(id(array) + _HEADER).value or 0


_HEADER = object.__basicsize__
_pointer_at = ctypes.c_void_p.from_address
_sample = np.empty(1)
address_of = _fast_address if _fast_address(_sample) == _slow_address(_sample) else _slow_address
"""Address of the first element of an array."""
ADDRESSING = {"address_of": address_of, "pointer_at": _pointer_at}
"""What `address_text` names."""


def address_text(name: str) -> str:
    """`address_of` of the array of this name in generated code, without a call of a function in Python."""
    if address_of is _fast_address:
        return f"pointer_at(id({name}) + {_HEADER}).value or 0"
    return f"address_of({name})"


class _Memory(np.ndarray):
    """Bytes of their own. Not a plain array: for one of those NumPy would pass over the lease as a view's base."""


def own_memory(size: int) -> np.ndarray:
    """So many bytes from the beginning of a cache line on; NumPy begins 16 bytes behind one."""
    whole = np.empty(size + ALIGNMENT - 1, np.uint8)
    return _Memory(size, np.uint8, whole, -address_of(whole) % ALIGNMENT)


class _Scratch(threading.local):
    memory = NO_SCRATCH


_scratch = _Scratch()


def scratch_memory(size: int) -> np.ndarray:
    """At least so many bytes for temporaries, shared by all that this thread runs one after the other."""
    memory = _scratch.memory
    if memory.nbytes >= size:
        return memory
    if size > KEPT_SCRATCH:
        return own_memory(size)
    # at least doubled, so that the smaller ones before it, which executables may hold, are no more than it
    _scratch.memory = memory = own_memory(min(max(size, 2 * memory.nbytes), KEPT_SCRATCH))
    return memory


class _Lease(np.ndarray):
    """The base of an output's array, and so of all its views: when it dies the memory is free."""

    free = Pool(own_memory, KEPT_OUTPUTS)

    def __del__(self) -> None:
        if self.base is not None:
            self.free.give_back(self.base, self.nbytes)


def output_memory(size: int) -> Callable[[tuple[int, ...], np.dtype], np.ndarray]:
    """The function `empty(shape, dtype)` for an output of so many bytes."""

    def empty(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        return np.ndarray(shape, dtype, _Lease.free.take(size).view(_Lease))

    return np.empty if size < LARGE else empty
