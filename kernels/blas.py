"""Addresses of BLAS functions: of the library that NumPy uses, else of SciPy's.

They are called as Fortran calls them: every argument is a pointer. A pointer to an int64 word serves for
libraries with integers of 32 bits, too, as long as the number fits.
"""

from __future__ import annotations

import ctypes
import functools

from numpy._core import _multiarray_umath

NAMES = ("scipy_{}_64_", "{}_64_", "scipy_{}_", "{}_")
"""How libraries decorate the names of BLAS functions."""
CONTROLS = ("scipy_openblas_{}64_", "openblas_{}64_", "scipy_openblas_{}", "openblas_{}")
"""How OpenBLAS decorates those that control it."""
LARGEST_INTEGER = 2**31 - 1


def function(name: str) -> int:
    """Address of a BLAS function, such as "sgemm"."""
    return _symbol(_numpy_library(), NAMES, name) or _scipy_function(name)


@functools.cache
def thread_controls() -> tuple[int, int]:
    """Addresses of OpenBLAS's functions that get and set the number of its threads; (0, 0) of other libraries."""
    library = _numpy_library()
    if not _symbol(library, NAMES, "sgemm"):
        library = _library(_scipy_module().__file__)
    get, set_ = (_symbol(library, CONTROLS, name) for name in ("get_num_threads", "set_num_threads"))
    return (get, set_) if get and set_ else (0, 0)


@functools.cache
def _numpy_library() -> ctypes.CDLL | None:
    return _library(_multiarray_umath.__file__)


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


def _scipy_module():
    from scipy.linalg import cython_blas

    return cython_blas


def _scipy_function(name: str) -> int:
    capsule = ctypes.py_object(_scipy_module().__pyx_capi__[name])
    name_of, pointer_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.restype, pointer_of.restype = ctypes.c_char_p, ctypes.c_void_p
    return pointer_of(capsule, ctypes.c_char_p(name_of(capsule)))
