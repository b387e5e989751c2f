"""Linear algebra by BLAS and LAPACK, matrix by matrix: each an iteration of a loop.

A matrix in C order is its transpose to Fortran. Iterations of a chunk share memory for what a function works
with, and for a word that says how it went, of which functions with integers of 32 bits write one half.
"""

from __future__ import annotations

import numpy as np

from ...core.avals import Aval, aval, int64
from ...devices.operands import aval_of
from ...planning.plan import KernelStep
from ..elements.complex_parts import conjugate
from ..elements.registry import helper, kernel
from ..loops import Allocate, Failure, Loop, calling, grain_for, lowers
from ..native import blas
from ..native.pointers import address, call, pointer
from .structure import copy

SHARED = 64
"""Rows from which on OpenBLAS may share out a matrix among threads of its own."""
LOW = 0xFFFFFFFF
"""The half of a word that is always written."""
UPPER, LOWER, PLAIN, RIGHT, VECTORS = (ord(letter) for letter in "ULNRV")


@helper
def word(args, i):
    """Where an argument word lies."""
    return address(args) + 8 * i


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


@lowers("cholesky")
def lower_cholesky(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """The triangular factor: `potrf` on copies."""
    a = aval_of(step.output)
    if not a.size:
        return []
    n, count = a.shape[-1], _matrices(a)
    grain = grain_for(count, 300 + n**3 / 10) or count
    info = allocate(aval((-(-count // grain),), int64))
    function = blas.function(blas.PREFIXES[a.dtype.name] + "potrf")
    numbers = (function, n, LOWER if step.params["upper"] else UPPER, grain, a.dtype.itemsize)
    failure = Failure(
        np.linalg.LinAlgError, "[cholesky] A matrix is not positive definite. Its number in the flattened batch is"
    )
    loop = Loop(
        calling("cholesky", a.dtype), (step.output, info), (), numbers, count, grain, failure, _one_thread(n)
    )
    return [*copy(step.inputs[0], step.output), loop]


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


# --- eigenvalues -----------------------------------------------------------------------------------------

# argument words, behind those of values, vectors and three kinds of memory to work in
DECOMPOSE, JOB, OF, N, REAL_SIZE, ITEM_SIZE, WORK, INTEGERS, REALS, CHUNK = range(5, 15)


@kernel
def eigh(args, start, stop, dtype):
    """Values, and vectors in the place of the matrices; status: the matrix of which none were found, from 1."""
    job, triangle, order, n, size = word(args, JOB), word(args, OF), word(args, N), args[N], args[ITEM_SIZE]
    work_size, integer_size, real_size = word(args, WORK), word(args, INTEGERS), word(args, REALS)
    chunk = start // args[CHUNK]
    work, integers = args[2] + chunk * args[WORK] * size, args[3] + chunk * (args[INTEGERS] + 1) * 8
    reals, info = args[4] + chunk * args[REALS] * args[REAL_SIZE], integers + args[INTEGERS] * 8
    report = pointer(info, np.int64)
    for i in range(start, stop):
        matrix, values = args[1] + i * n * n * size, args[0] + i * n * args[REAL_SIZE]
        report[0] = 0
        if args[REALS]:
            call(
                args[DECOMPOSE],
                (job, triangle, order, matrix, order, values, work, work_size, reals, real_size, integers,
                 integer_size, info),
            )  # fmt: skip
        else:
            call(
                args[DECOMPOSE],
                (job, triangle, order, matrix, order, values, work, work_size, integers, integer_size, info),
            )
        if report[0] & LOW:
            return i + 1
        vectors = pointer(matrix, dtype)  # as rows, of the conjugate matrix
        for row in range(n):
            vectors[row * n + row] = conjugate(vectors[row * n + row])
            for column in range(row):
                below, above = vectors[row * n + column], vectors[column * n + row]
                vectors[row * n + column], vectors[column * n + row] = conjugate(above), conjugate(below)
    return 0


@lowers("eigh")
def lower_eigh(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """Eigenvalues and vectors of Hermitian matrices: `syevd` or `heevd` on copies."""
    values, vectors = step.outputs
    a, real = aval_of(vectors), values.dtype
    if not a.size:
        return []
    n, count, is_complex = a.shape[-1], _matrices(a), a.dtype.kind == "c"
    grain = grain_for(count, 1000 + 5 * n**3) or count
    chunks = -(-count // grain)
    # sizes as LAPACK's documentation of the two functions asks for them
    work, integers = (2 * n + n * n if is_complex else 1 + 6 * n + 2 * n * n), 3 + 5 * n
    reals = 1 + 5 * n + 2 * n * n if is_complex else 0
    kinds = ((work, a.dtype), (integers + 1, int64), (reals, real))
    memory = [allocate(aval((chunks, size), dtype)) for size, dtype in kinds]
    function = blas.function(blas.PREFIXES[a.dtype.name] + ("heevd" if is_complex else "syevd"))
    triangle = LOWER if step.params["upper"] else UPPER
    sizes = (real.itemsize, a.dtype.itemsize, work, integers, reals, grain)
    failure = Failure(
        np.linalg.LinAlgError, "[eigh] Eigenvalues did not converge. The matrix' number in the flattened batch is"
    )
    loop = Loop(
        calling("eigh", a.dtype),
        (values, vectors, *memory),
        (),
        (function, VECTORS, triangle, n, *sizes),
        count,
        grain,
        failure,
        _one_thread(n),
    )
    return [*copy(step.inputs[0], vectors), loop]


def _matrices(a: Aval) -> int:
    """How many matrices an array holds."""
    return aval(a.shape[:-2], a.dtype).size


def _one_thread(n: int) -> blas.OneThread | None:
    return blas.one_thread() if n >= SHARED else None
