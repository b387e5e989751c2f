"""Linear algebra by BLAS and LAPACK, matrix by matrix: each an iteration of a loop.

A matrix in C order is its transpose to Fortran.
"""

from __future__ import annotations

import numpy as np

from ...core.avals import Aval, aval
from ...devices.operands import aval_of
from ...planning.plan import KernelStep
from ..elements.registry import helper, kernel
from ..loops import Allocate, Loop, calling, grain_for, lowers
from ..native import blas
from ..native.pointers import address, call
from .structure import copy

SHARED = 64
"""Rows from which on OpenBLAS may share out a matrix among threads of its own."""
UPPER, LOWER, PLAIN, RIGHT = (ord(letter) for letter in "ULNR")


@helper
def word(args, i):
    """Where an argument word lies."""
    return address(args) + 8 * i


# --- triangular systems ----------------------------------------------------------------------------------

# argument words, behind those of the solutions and of the matrices
SOLVE, COLUMNS, ORDER, SIDE, TRIANGLE_OF, TRANSPOSED, DIAGONAL, BYTES, ONE = range(2, 11)


@kernel
def solve_triangular(args, start, stop):
    """Solutions in the place of the right hand sides, which to Fortran are solutions times matrices."""
    columns, order = word(args, COLUMNS), word(args, ORDER)
    side, triangle, transposed = word(args, SIDE), word(args, TRIANGLE_OF), word(args, TRANSPOSED)
    diagonal, one = word(args, DIAGONAL), word(args, ONE)
    matrix_step, out_step = args[ORDER] * args[ORDER] * args[BYTES], args[ORDER] * args[COLUMNS] * args[BYTES]
    for i in range(start, stop):
        matrix, out = args[1] + i * matrix_step, args[0] + i * out_step
        call(args[SOLVE], (side, triangle, transposed, diagonal, columns, order, one, matrix, order, out, columns))
    return 0


@lowers("solve_triangular")
def lower_solve_triangular(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """Solutions for each right hand side: `trsm` on copies of these."""
    x, y = step.inputs
    b = aval_of(step.output)
    if not b.size:
        return []
    matrix = allocate(aval_of(x))
    n, columns, count = b.shape[-2], b.shape[-1], _matrices(b)
    function = blas.function(blas.PREFIXES[b.dtype.name] + "trsm")
    triangle = UPPER if step.params["lower"] else LOWER
    diagonal = ord("U") if step.params["unit"] else PLAIN
    one = np.frombuffer(np.ones(1, b.dtype).tobytes().ljust(16, b"\0"), np.int64).tolist()
    numbers = (function, columns, n, RIGHT, triangle, PLAIN, diagonal, b.dtype.itemsize, *one)
    grain = grain_for(count, 200 + n * n * columns / 4)
    loop = Loop(
        calling("solve_triangular"), (step.output, matrix), (), numbers, count, grain, during=_one_thread(n)
    )
    return [*copy(x, matrix), *copy(y, step.output), loop]


def _matrices(a: Aval) -> int:
    """How many matrices an array holds."""
    return aval(a.shape[:-2], a.dtype).size


def _one_thread(n: int) -> blas.OneThread | None:
    return blas.one_thread() if n >= SHARED else None
