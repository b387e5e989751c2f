"""Addresses of the loops of NumPy's Fourier transforms: those that its ufuncs call, without Python.

They are in the public structure of ufuncs (`PyUFuncObject` in NumPy's C interface), one for each dtype, and are
called as any loop of a ufunc: (arrays, sizes, strides in bytes, data). They keep no state but a cache of factors
under a lock, so several threads may be in them at once.
"""

from __future__ import annotations

import ctypes
import functools
from importlib import import_module
from typing import NamedTuple

import numpy as np


class Transform(NamedTuple):
    """A loop of a ufunc: the address of the function, and its data."""

    function: int
    data: int


class _Ufunc(ctypes.Structure):
    """The beginning of `PyUFuncObject`."""

    _fields_ = (
        ("head", ctypes.c_byte * object.__basicsize__),
        ("inputs", ctypes.c_int),
        ("outputs", ctypes.c_int),
        ("operands", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
        ("types", ctypes.c_int),
    )


@functools.cache
def transform(name: str, dtype: np.dtype) -> Transform:
    """The loop of the ufunc of this name, from arrays of this dtype; RuntimeError if NumPy has it otherwise."""
    try:
        ufunc = getattr(import_module("numpy.fft._pocketfft_umath"), name)
        found = _Ufunc.from_address(id(ufunc))
        assert (found.inputs, found.outputs, found.operands, found.types) == (2, 1, 3, len(ufunc.types))
        (i,) = (i for i, types in enumerate(ufunc.types) if types[0] == dtype.char)
    except (ImportError, AttributeError, AssertionError, ValueError) as error:
        raise RuntimeError(
            f"[fft] NumPy {np.__version__} has no transform {name} of {dtype} as it was known. Hint: another "
            f"version of NumPy, or fastvjp.pure_callback with a function that calls numpy.fft."
        ) from error
    return Transform(found.functions[i] or 0, (found.data[i] or 0) if found.data else 0)
