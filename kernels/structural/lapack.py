"""What kernels share that call LAPACK, matrix by matrix: each matrix is an iteration of a loop.

A matrix in C order is its transpose to Fortran. Iterations of a chunk share memory for what a function works
with, and for a word that says how it went, of which functions with integers of 32 bits write one half.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from ...core.avals import Aval, aval, int64
from ...core.layouts import contiguous_strides
from ...devices.operands import aval_of
from ...planning.plan import Operand, View
from ..elements.registry import helper
from ..loops import Allocate, Failure, Loop
from ..native import blas
from ..native.pointers import PythonPointer, address, call
from .structure import copy, shaped

SHARED = 64
"""Rows from which on OpenBLAS may share out a matrix among threads of its own."""
LOW = 0xFFFFFFFF
"""The half of a word that is always written."""
UPPER, LOWER, PLAIN, ADJOINT, LEFT, RIGHT, UNIT = (ord(letter) for letter in "ULNCLRU")
VECTORS, SOME, ALL = (ord(letter) for letter in "VSA")


@helper
def word(args, i):
    """Where an argument word lies."""
    return address(args) + 8 * i


def function(name: str, dtype: np.dtype) -> int:
    """Address of a function by its name without the letter for the dtype."""
    return blas.function(blas.PREFIXES[dtype.name] + name)


def matrices(a: Aval) -> int:
    """How many matrices an array holds."""
    return math.prod(a.shape[:-2])


def one_thread(n: int) -> blas.OneThread | None:
    """The context for matrices of so many rows."""
    return blas.one_thread() if n >= SHARED else None


def rows_in_memory(o: Operand, shape: tuple[int, int], allocate: Allocate) -> tuple[View, list[Loop]]:
    """An operand as rows of elements next to each other, and the loops that bring them there, if any must."""
    view, loops = shaped(o, shape, allocate)
    if shape[1] <= 1 or view.layout.strides[1] == 1:
        return view, loops
    dense = allocate(aval(shape, view.dtype))
    return dense, [*loops, *copy(view, dense)]


def in_order(o: Operand, allocate: Allocate) -> tuple[View, list[Loop]]:
    """An operand whose elements are next to each other, and the loops that bring them there, if any must."""
    a = aval_of(o)
    if isinstance(o, View) and o.layout.strides == contiguous_strides(a.shape):
        return o, []
    dense = allocate(a)
    return dense, copy(o, dense)


@functools.lru_cache(maxsize=1024)
def workspace(address: int, dtype: np.dtype, before: tuple[int, ...], after: tuple[int, ...] = ()) -> int:
    """Elements of the memory in which a function works, as it says; arguments stand before and behind it."""
    arguments = np.zeros((len(before) + len(after) + 3, 2), np.int64)
    arguments[:, 0] = (*before, 0, -1, *after, 0)
    call(address, tuple(arguments.ctypes.data + 16 * i for i in range(len(arguments))))
    return int(arguments[len(before)].view(dtype)[0].real)


def words(count: int, grain: int, size: int, allocate: Allocate) -> View:
    """So many words for each chunk."""
    return allocate(aval((-(-count // grain), size), int64))


def number_words(scalar: np.generic) -> list[int]:
    """The two words that begin with a scalar."""
    return np.frombuffer(scalar.tobytes().ljust(16, b"\0"), np.int64).tolist()


def failing(name: str, what: str, batch: tuple[int, ...], operand: str = "a") -> Failure:
    """Of a primitive for which one of its matrices, in a batch of this shape, is not what it must be."""

    def describe(place: int, args: PythonPointer) -> Exception:
        index = ", ".join(str(int(i)) for i in np.unravel_index(place, batch)) if batch else ""
        return np.linalg.LinAlgError(
            f"[{name}] {operand}[{index}] {what}." if batch else f"[{name}] {operand} {what}."
        )

    return Failure(
        np.linalg.LinAlgError, f"[{name}] A matrix {what}. Its number in the flattened batch is", describe
    )
