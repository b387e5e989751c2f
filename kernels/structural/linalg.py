"""Factors of positive definite matrices and triangular systems: LAPACK's, and small matrices side by side."""

from __future__ import annotations

import numpy as np

from ...devices.operands import aval_of
from ...planning.plan import KernelStep
from ..elements.registry import kernel
from ..loops import Allocate, Loop, calling, grain_for, lowers
from ..native.pointers import call, pointer
from . import small, written
from .lapack import (
    LOW,
    LOWER,
    PLAIN,
    RIGHT,
    UNIT,
    UPPER,
    failing,
    function,
    matrices,
    number_words,
    one_thread,
    word,
    words,
)
from .products import reads_matrix
from .structure import copy, shaped

# --- factors of positive definite matrices ---------------------------------------------------------------

# argument words, behind those of the result and of a word for each chunk
FUNCTION, ROWS, TRIANGLE, GRAIN, SIZE = range(2, 7)


@kernel
def cholesky(args, start, stop, dtype):
    """Factors in the place of the matrices; status: the matrix that is not positive definite, from 1."""
    out, n, upper = pointer(args[0], dtype), args[ROWS], args[TRIANGLE] == LOWER
    rows, triangle = word(args, ROWS), word(args, TRIANGLE)
    info = args[1] + start // args[GRAIN] * 8
    report = pointer(info, np.int64)
    for i in range(start, stop):
        first = i * n * n
        report[0] = 0
        call(args[FUNCTION], (triangle, rows, args[0] + first * args[SIZE], rows, info))
        if report[0] & LOW:
            return i + 1
        for row in range(n):
            for column in range(0 if upper else row + 1, row if upper else n):
                out[first + row * n + column] = dtype(0)
    return 0


@written.writes("cholesky")
def write_cholesky(step: KernelStep) -> written.Writing | None:
    """The triangular factor."""
    a = aval_of(step.output)
    failure = failing("cholesky", "is not positive definite", a.shape[:-2])
    return (written.cholesky, failure) if written.is_tiny(a.shape[-1]) else None


@lowers("cholesky")
def lower_cholesky(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """The triangular factor: `potrf` on copies."""
    a = aval_of(step.output)
    if not a.size:
        return []
    n, count, upper = a.shape[-1], matrices(a), step.params["upper"]
    failure = failing("cholesky", "is not positive definite", a.shape[:-2])
    tiny = written.lowered(step, allocate)
    if tiny is not None:
        return tiny
    if small.is_small(n):
        x, copies = shaped(step.inputs[0], (count, n, n), allocate)
        loops, grain = small.tiles(count, n**3 // 3 + n * n)
        matrix, row, column = x.layout.strides
        order = (1, n, matrix, column, row) if upper else (n, 1, matrix, row, column)
        source = calling("small_cholesky", a.dtype)
        return [*copies, Loop(source, (step.output, x), (), (count, n, *order), loops, grain, failure)]
    grain = grain_for(count, 300 + n**3 / 10) or count
    numbers = (function("potrf", a.dtype), n, LOWER if upper else UPPER, grain, a.dtype.itemsize)
    arrays = (step.output, words(count, grain, 1, allocate))
    loop = Loop(calling("cholesky", a.dtype), arrays, (), numbers, count, grain, failure, one_thread(n))
    return [*copy(step.inputs[0], step.output), loop]


@written.writes("cholesky_back")
def write_cholesky_back(step: KernelStep) -> written.Writing:
    """Transposes of upper factors are conjugates of lower ones, and so is the result."""
    return written.cholesky_back, None


@lowers("cholesky_back")
def lower_cholesky_back(step: KernelStep, allocate: Allocate) -> list[Loop] | None:
    """All are tiny."""
    return written.lowered(step, allocate) if aval_of(step.output).size else []


# --- triangular systems ----------------------------------------------------------------------------------

# argument words, behind those of the solutions and of the matrices
SOLVE, COLUMNS, ORDER, SIDE, TRIANGLE_OF, FLAG, DIAGONAL, BYTES, ONE, _, STEP, MATRIX = range(2, 14)


@kernel
def solve_triangular(args, start, stop, dtype):
    """Solutions in the place of the right hand sides, which to Fortran are solutions times matrices.

    Status: the first matrix with a zero on its diagonal, from 1.
    """
    columns, order, n = word(args, COLUMNS), word(args, ORDER), args[ORDER]
    side, triangle, flag = word(args, SIDE), word(args, TRIANGLE_OF), word(args, FLAG)
    diagonal, one, step = word(args, DIAGONAL), word(args, ONE), word(args, STEP)
    for i in range(start, stop):
        matrix, out = args[1] + i * args[MATRIX] * args[BYTES], args[0] + i * n * args[COLUMNS] * args[BYTES]
        if args[DIAGONAL] != UNIT:
            elements = pointer(matrix, dtype)
            for k in range(n):
                if elements[k * args[STEP] + k] == dtype(0):
                    return i + 1
        call(args[SOLVE], (side, triangle, flag, diagonal, columns, order, one, matrix, step, out, columns))
    return 0


@lowers("solve_triangular")
def lower_solve_triangular(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """Solutions for each right hand side: `trsm` on copies of these."""
    x, y = step.inputs
    b = aval_of(step.output)
    if not b.size:
        return []
    n, columns, count = b.shape[-2], b.shape[-1], matrices(b)
    lower, unit = step.params["lower"], step.params["unit"]
    failure = failing(step.params["of"], "is singular: there is a zero on its diagonal", b.shape[:-2])
    matrix, copies = shaped(x, (count, n, n), allocate)
    if small.is_small(n) and columns <= small.LARGEST:
        values, more = shaped(y, (count, n, columns), allocate)
        loops, grain = small.tiles(count, n * n * (columns + 1))
        numbers = (count, n, columns, int(lower), int(unit), *matrix.layout.strides, *values.layout.strides)
        source = calling("small_triangular", b.dtype)
        return [*copies, *more, Loop(source, (step.output, matrix, values), (), numbers, loops, grain, failure)]
    reading = reads_matrix(matrix.layout)
    if reading is None:
        dense = allocate(aval_of(matrix))
        copies, matrix, reading = [*copies, *copy(matrix, dense)], dense, (PLAIN, n)
    flag, across = reading
    triangle, diagonal = UPPER if lower == (flag == PLAIN) else LOWER, UNIT if unit else PLAIN
    one, size = number_words(b.dtype.type(1)), b.dtype.itemsize
    numbers = (function("trsm", b.dtype), columns, n, RIGHT, triangle, flag, diagonal, size, *one)
    grain = grain_for(count, 200 + n * n * columns / 4)
    loop = Loop(
        calling("solve_triangular", b.dtype),
        (step.output, matrix),
        (),
        (*numbers, across, matrix.layout.strides[0]),
        count,
        grain,
        failure,
        one_thread(n),
    )
    return [*copies, *copy(y, step.output), loop]
