"""What kernels do with addresses, in plain Python: pointers, loads, stores, row memory, calls.

Kernels import from here what they name; jitted code sees what pointer_instructions.py has under that name.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np


class PythonPointer:
    """Elements of a dtype from an address on."""

    def __init__(self, address: int | np.integer, dtype: np.dtype | type[np.generic]) -> None:
        self.address = int(address)
        self.dtype = np.dtype(dtype)

    def _at(self, i: int | np.integer) -> np.ndarray:
        size = self.dtype.itemsize
        memory = (ctypes.c_char * size).from_address(self.address + int(i) * size)
        return np.frombuffer(memoryview(memory), self.dtype)

    def __getitem__(self, i: int | np.integer) -> Any:
        return self._at(i)[0]

    def __setitem__(self, i: int | np.integer, value: Any) -> None:
        self._at(i)[0] = value


pointer = PythonPointer


def address(x: PythonPointer | np.ndarray) -> int:
    """Where a pointer points to, or where row memory lies."""
    return x.address if isinstance(x, PythonPointer) else x.ctypes.data


def call(function: int, arguments: tuple[int, ...]) -> int:
    """Call a C function of words, which may be pointers, that returns one."""
    types = [ctypes.c_int64] * (1 + len(arguments))
    return ctypes.CFUNCTYPE(*types)(int(function))(*map(int, arguments))


def load(a: Any, i: int, scope: int, scopes: int) -> Any:
    """Element i of the array of this scope among so many."""
    return a[i]


def store(a: Any, i: int, value: Any, scope: int, scopes: int) -> None:
    """Set it."""
    a[i] = value


def row_memory(size: int, dtype: type[np.generic]) -> np.ndarray:
    """Room until the kernel returns."""
    return np.empty(size, dtype)


def fetch_add(address: int, value: int) -> int:
    """Add to the word at an address, at once for all threads; returns what it was."""
    word = PythonPointer(address, np.int64)
    before = word[0]
    word[0] = before + value
    return before


def fetch_min(address: int, value: int) -> int:
    """Set the word at an address to the smaller of it and a value, likewise."""
    word = PythonPointer(address, np.int64)
    before = word[0]
    word[0] = min(before, value)
    return before


PYTHON_OPERATIONS: dict[str, Any] = {
    **{function.__name__: function for function in (address, call, load, store, row_memory, fetch_add, fetch_min)},
    "pointer": pointer,
    "larger": np.maximum,
    "smaller": np.minimum,
}
"""By the names that kernels call them by; `larger` and `smaller` are nan if either operand is."""
