"""Addresses of BLAS and LAPACK functions: of the library that NumPy uses, else of SciPy's.

They are called as Fortran calls them: every argument is a pointer. A pointer to an int64 word serves for
libraries with integers of 32 bits, too, as long as the number fits.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from .interrupts import postponed
from .pointers import call

NAMES = ("scipy_{}_64_", "{}_64_", "scipy_{}_", "{}_")
"""How libraries decorate the names of functions."""
CONTROLS = ("scipy_openblas_{}64_", "openblas_{}64_", "scipy_openblas_{}", "openblas_{}")
"""How OpenBLAS decorates those that control it."""
LARGEST_INTEGER = 2**31 - 1


PREFIXES = {"float32": "s", "float64": "d", "complex64": "c", "complex128": "z"}
"""Of the names of functions, by the dtype."""


@functools.cache
def function(name: str) -> int:
    """Address of a function, such as "sgemm" or "dpotrf"."""
    return _symbol(_numpy_library(), NAMES, name) or _scipy_function(name)


@functools.cache
def integer() -> str:
    """The dtype of the integers in arrays of LAPACK's functions: what one of them writes says so."""
    size, report, pivots = np.array(2), np.zeros(1, np.int64), np.zeros(2, np.int64)
    swap = np.array([[0.0, 1.0], [1.0, 0.0]])
    call(function("dgetrf"), tuple([x.ctypes.data for x in (size, size, swap, size, pivots, report)]))
    return "int64" if pivots[0] == 2 else "int32"


class OneThread:
    """Calls functions while OpenBLAS uses one thread.

    The number holds for the whole process. The first of all calls that are running sets it to 1, the last puts it
    back: if each did so for itself, one could take another's 1 for the user's number, or have threads come back
    while it runs, and with them sums in another order.

    An interrupt may come behind any call and as a function begins, but not between an assignment and what stands
    before or behind it: so no call is taken for one that runs when it does not, and what an interrupt kept from
    being put back is put back in a second try.
    """

    def __init__(self, get: int, set_: int) -> None:
        self.get = ctypes.CFUNCTYPE(ctypes.c_int)(get)
        self.set = ctypes.CFUNCTYPE(None, ctypes.c_int)(set_)
        self.lock = threading.Lock()
        self.calls: list[list[bool]] = []
        """Of each call that has begun whether it is running."""
        self.before = 1
        """The number to put back, where `lowered`."""
        self.lowered = False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._leave_all)

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function gives that is called so."""
        call = [True]
        try:
            self._settle(call)
            return function(*arguments)
        finally:
            call[0] = False
            try:
                self._settle()
            except BaseException:
                self._settle()
                raise

    def _settle(self, *more: list[bool]) -> None:
        """Have the number that belongs to the calls that are running, now with these."""
        with self.lock:
            self.calls = [call for call in (*self.calls, *more) if call[0]]
            if self.calls and not self.lowered:
                self.before = self.get()
                self.lowered = self.before != 1
                if self.lowered:
                    self.set(1)
            if self.lowered and not self.calls:
                self.set(self.before)
                self.lowered = False

    def _leave_all(self) -> None:
        """In a forked child, where the threads that were inside do not exist."""
        self.lock, self.calls = threading.Lock(), []
        self._settle()


@functools.cache
def one_thread() -> OneThread | None:
    """What calls so, for the library of `function`; None of another than OpenBLAS."""
    library = _numpy_library()
    if not _symbol(library, NAMES, "sgemm"):
        library = _library(str(_scipy_modules()[0].__file__))
    get, set_ = (_symbol(library, CONTROLS, name) for name in ("get_num_threads", "set_num_threads"))
    return OneThread(get, set_) if get and set_ else None


@functools.cache
def _numpy_library() -> ctypes.CDLL | None:
    return _library(str(import_module("numpy._core._multiarray_umath").__file__))


def _library(path: str) -> ctypes.CDLL | None:
    """An extension module as a library: it finds symbols of the libraries that it is linked to, too."""
    try:
        return ctypes.CDLL(path)
    except OSError:
        return None


def _symbol(library: ctypes.CDLL | None, names: tuple[str, ...], name: str) -> int:
    for decorated in names:
        found = getattr(library, decorated.format(name), None)
        if found is not None:
            return ctypes.cast(found, ctypes.c_void_p).value or 0
    return 0


@postponed()
def _scipy_modules() -> list[ModuleType]:
    from scipy.linalg import cython_blas, cython_lapack

    return [cython_blas, cython_lapack]


def _scipy_function(name: str) -> int:
    found = [m.__pyx_capi__[name] for m in _scipy_modules() if name in m.__pyx_capi__]
    if not found:
        raise RuntimeError(f"[kernels] Neither NumPy's library nor SciPy's has the function {name}.")
    capsule = ctypes.py_object(found[0])
    name_of, pointer_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.restype, pointer_of.restype = ctypes.c_char_p, ctypes.c_void_p
    return pointer_of(capsule, ctypes.c_char_p(name_of(capsule)))
