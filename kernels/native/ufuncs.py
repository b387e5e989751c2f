"""Addresses of the loops of ufuncs, NumPy's Fourier transforms and scipy.special's, to call them natively.

They are in the public structure of ufuncs (`PyUFuncObject` in NumPy's C interface), one for each dtype, and are
called as any loop of a ufunc: (arrays, sizes, strides in bytes, data). These keep no state but a cache of factors
under a lock, so several threads may be in them at once.
"""

from __future__ import annotations

import ctypes
import functools
from importlib import import_module
from typing import NamedTuple

import numpy as np

from .interrupts import postponed


class UfuncLoop(NamedTuple):
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
def ufunc_loop(module: str, name: str, types: str, operands: int) -> UfuncLoop:
    """The loop of a ufunc of so many operands whose types begin so ("dd->"); RuntimeError if there is none."""
    try:
        ufunc = getattr(_imported(module), name)
        found = _Ufunc.from_address(id(ufunc))
        wanted = (operands, 1, operands + 1, len(ufunc.types))
        assert (found.inputs, found.outputs, found.operands, found.types) == wanted
        (i,) = (i for i, given in enumerate(ufunc.types) if given.startswith(types))
    except (ImportError, AttributeError, AssertionError, ValueError) as error:
        library = import_module(module.partition(".")[0])
        raise RuntimeError(
            f"[{module.partition('._')[0]}] {library.__name__} {library.__version__} has no function {name} of "
            f"{types} as it was known. Hint: another version of it, or fastvjp.pure_callback with a function that "
            "calls it."
        ) from error
    return UfuncLoop(found.functions[i] or 0, (found.data[i] or 0) if found.data else 0)


@postponed()
def _imported(module: str) -> object:
    return import_module(module)


def transform(name: str, dtype: np.dtype) -> UfuncLoop:
    """The loop of a Fourier transform of arrays of this dtype."""
    return ufunc_loop("numpy.fft._pocketfft_umath", name, dtype.char, 2)


def special(name: str, dtype: np.dtype, operands: int) -> UfuncLoop:
    """The loop of a function of scipy.special of so many operands, all of this dtype."""
    # where they are ufuncs with SCIPY_ARRAY_API=1, too
    return ufunc_loop("scipy.special._ufuncs", name, dtype.char * operands + "->", operands)
