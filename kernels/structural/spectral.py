"""Eigenvalues and singular values by LAPACK, and quotients by the gaps between them."""

from __future__ import annotations

import numpy as np

from ...core.avals import aval, int64
from ...core.layouts import transpose
from ...devices.operands import aval_of
from ...planning.plan import KernelStep, View
from ..elements.complex_parts import conjugate, imag
from ..elements.registry import helper, kernel
from ..elements.scalars import choose
from ..loops import Allocate, Loop, Lowering, calling, grain, grain_for, lowers
from ..native.pointers import call, pointer
from .lapack import (
    ALL,
    LOW,
    LOWER,
    PLAIN,
    SOME,
    UPPER,
    VECTORS,
    failing,
    function,
    in_order,
    matrices,
    one_thread,
    word,
    workspace,
)
from .structure import copy, shaped

DIVERGED = "did not converge (is an element infinite or nan?)"


@helper
def finite(x, size):
    """Whether all elements of a matrix are: LAPACK need not come to an end for others."""
    bad = False
    for i in range(size):
        bad |= not np.isfinite(x[i])
    return not bad


# --- Hermitian matrices ----------------------------------------------------------------------------------

# argument words, behind those of values, matrices and three kinds of memory to work in
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
        vectors = pointer(matrix, dtype)  # as rows, of the conjugate matrix
        report[0] = 0
        for row in range(n):
            lower, upper = (row, n) if args[OF] == LOWER else (0, row + 1)
            for column in range(lower, upper):
                if not np.isfinite(vectors[row * n + column]):
                    return i + 1
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
        for row in range(n if args[JOB] == VECTORS else 0):
            vectors[row * n + row] = conjugate(vectors[row * n + row])
            for column in range(row):
                below, above = vectors[row * n + column], vectors[column * n + row]
                vectors[row * n + column], vectors[column * n + row] = conjugate(above), conjugate(below)
    return 0


def hermitian(with_vectors: bool) -> Lowering:
    """Eigenvalues, and vectors, of Hermitian matrices: `syevd` or `heevd` on copies."""

    def lower(step: KernelStep, allocate: Allocate) -> list[Loop]:
        values, a = step.outputs[0], aval_of(step.inputs[0])
        if not a.size:
            return []
        matrix = step.outputs[1] if with_vectors else allocate(a)
        real_dtype, n, count, is_complex = values.dtype, a.shape[-1], matrices(a), a.dtype.kind == "c"
        grain = grain_for(count, 1000 + 5 * n**3) or count
        chunks = -(-count // grain)
        # sizes as LAPACK's documentation of the two functions asks for them
        work, integers = (2 * n + n * n if is_complex else 1 + 6 * n + 2 * n * n), 3 + 5 * n
        reals = 1 + 5 * n + 2 * n * n if is_complex else 0
        kinds = ((work, a.dtype), (integers + 1, int64), (reals, real_dtype))
        memory = [allocate(aval((chunks, size), dtype)) for size, dtype in kinds]
        decompose = function("heevd" if is_complex else "syevd", a.dtype)
        job, triangle = VECTORS if with_vectors else PLAIN, LOWER if step.params["upper"] else UPPER
        sizes = (real_dtype.itemsize, a.dtype.itemsize, work, integers, reals, grain)
        failure = failing(step.primitive.name, f"has eigenvalues that {DIVERGED}", a.shape[:-2])
        loop = Loop(
            calling("eigh", a.dtype),
            (values, matrix, *memory),
            (),
            (decompose, job, triangle, n, *sizes),
            count,
            grain,
            failure,
            one_thread(n),
        )
        return [*copy(step.inputs[0], matrix), loop]

    return lower


lowers("eigh")(hermitian(True))
lowers("eigvalsh")(hermitian(False))


# --- any square matrices ---------------------------------------------------------------------------------

# argument words, behind those of values, vectors, matrices, and four kinds of memory to work in
EIG, EIG_JOB, NO_JOB, EIG_N, EIG_SIZE, EIG_WORK, EIG_CHUNK, FOUND, PARTS = range(7, 16)


@kernel
def eig(args, start, stop, dtype, complex_dtype):
    """Complex values, and vectors in columns; status: the matrix of which none were found, from 1."""
    values, vectors, n = pointer(args[0], complex_dtype), pointer(args[1], complex_dtype), args[EIG_N]
    order, size, chunk = word(args, EIG_N), args[EIG_SIZE], start // args[EIG_CHUNK]
    found, parts = args[3] + chunk * args[FOUND] * size, args[4] + chunk * args[PARTS] * size
    work, info = args[5] + chunk * args[EIG_WORK] * size, args[6] + chunk * 8
    rows, halves, report = pointer(found, dtype), pointer(parts, dtype), pointer(info, np.int64)
    job, no_job, work_size = word(args, EIG_JOB), word(args, NO_JOB), word(args, EIG_WORK)
    for i in range(start, stop):
        matrix, first, wanted = args[2] + i * n * n * size, i * n * n, args[EIG_JOB] == VECTORS
        report[0] = 0
        sample = pointer(matrix, dtype)[0]
        if not finite(pointer(matrix, dtype), n * n):
            return i + 1
        if isinstance(sample, (complex, np.complex64)):
            own = args[0] + i * n * size
            call(
                args[EIG],
                (no_job, job, order, matrix, order, own, found, order, found, order, work, work_size, parts, info),
            )
        else:
            imaginary = parts + n * size
            call(
                args[EIG],
                (no_job, job, order, matrix, order, parts, imaginary, found, order, found, order, work, work_size,
                 info),
            )  # fmt: skip
            for k in range(n):
                values[i * n + k] = complex_dtype(complex(halves[k], halves[n + k]))
        if report[0] & LOW:
            return i + 1
        for k in range(n if wanted else 0):
            if isinstance(sample, (complex, np.complex64)):
                for j in range(n):
                    vectors[first + j * n + k] = complex_dtype(rows[k * n + j])
            else:  # two conjugate vectors are one of real parts and one of imaginary ones
                side = np.sign(halves[n + k])
                one, other = k - (side < 0), k + (side > 0)
                for j in range(n):
                    vectors[first + j * n + k] = complex_dtype(
                        complex(rows[one * n + j], side * rows[other * n + j])
                    )
    return 0


def general(with_vectors: bool) -> Lowering:
    """Eigenvalues, and vectors, of any square matrices: `geev` on transposed copies."""

    def lower(step: KernelStep, allocate: Allocate) -> list[Loop]:
        (x,) = step.inputs
        values, a = step.outputs[0], aval_of(x)
        if not a.size:
            return []
        n, count, is_complex, size = a.shape[-1], matrices(a), a.dtype.kind == "c", a.dtype.itemsize
        given, copies = shaped(x, (count, n, n), allocate)
        matrix = allocate(aval_of(given))
        job = VECTORS if with_vectors else PLAIN
        values_of, reals = (1, (0,)) if is_complex else (2, ())
        before = (PLAIN, job, n, 0, n, *(0,) * values_of, 0, n, 0, n)
        work = workspace(function("geev", a.dtype), a.dtype, before, reals)
        grain = grain_for(count, 2000 + 25 * n**3) or count
        chunks = -(-count // grain)
        found, parts = n * n if with_vectors else 1, n if is_complex else 2 * n
        kinds = ((found, a.dtype), (parts, a.dtype), (work, a.dtype), (1, int64))
        memory = [allocate(aval((chunks, size), dtype)) for size, dtype in kinds]
        numbers = (function("geev", a.dtype), job, PLAIN, n, size, work, grain, found, parts)
        failure = failing(step.primitive.name, f"has eigenvalues that {DIVERGED}", a.shape[:-2])
        vectors = step.outputs[1] if with_vectors else values
        loop = Loop(
            calling("eig", a.dtype, values.dtype),
            (values, vectors, matrix, *memory),
            (),
            numbers,
            count,
            grain,
            failure,
            one_thread(n),
        )
        turned = View(given.buffer, given.dtype, transpose(given.layout, (0, 2, 1)))
        return [*copies, *copy(turned, matrix), loop]

    return lower


lowers("eig")(general(True))
lowers("eigvals")(general(False))


# --- singular values -------------------------------------------------------------------------------------

# argument words, behind those of the three results, matrices, and four kinds of memory to work in
SVD, SVD_JOB, M, K, ROWS, COLUMNS, SVD_WORK, SVD_REALS, SVD_SIZE, SVD_REAL_SIZE, SVD_CHUNK, SVD_N = range(8, 20)


@kernel
def svd(args, start, stop, dtype):
    """To Fortran the matrices are transposes, so that what comes first is V^H, by columns, and then U.

    Status: the matrix of which none were found, from 1.
    """
    m, n, k, size, real_size = args[M], args[SVD_N], args[K], args[SVD_SIZE], args[SVD_REAL_SIZE]
    chunk = start // args[SVD_CHUNK]
    work, reals = args[4] + chunk * args[SVD_WORK] * size, args[5] + chunk * args[SVD_REALS] * real_size
    integers, info = args[6] + chunk * 8 * k * 8, args[7] + chunk * 8
    job, rows, columns, report = word(args, SVD_JOB), word(args, M), word(args, SVD_N), pointer(info, np.int64)
    own, work_size = word(args, ROWS), word(args, SVD_WORK)
    for i in range(start, stop):
        matrix, values = args[3] + i * m * n * size, args[1] + i * k * real_size
        u, v = args[0] + i * m * args[ROWS] * size, args[2] + i * n * args[COLUMNS] * size
        report[0] = 0
        if not finite(pointer(matrix, dtype), m * n):
            return i + 1
        if args[SVD_REALS]:
            call(
                args[SVD],
                (job, columns, rows, matrix, columns, values, v, columns, u, own, work, work_size, reals, integers,
                 info),
            )  # fmt: skip
        else:
            call(
                args[SVD],
                (job, columns, rows, matrix, columns, values, v, columns, u, own, work, work_size, integers, info),
            )
        if report[0] & LOW:
            return i + 1
    return 0


def singular(with_vectors: bool) -> Lowering:
    """Singular values, and vectors: `gesdd` on copies."""

    def lower(step: KernelStep, allocate: Allocate) -> list[Loop]:
        a = aval_of(step.inputs[0])
        if not a.size:
            return []
        u, values, v = step.outputs if with_vectors else (step.output,) * 3
        (m, n), count, real_dtype = a.shape[-2:], matrices(a), values.dtype
        k, larger = min(m, n), max(m, n)
        rows, columns = (u.layout.shape[-1], v.layout.shape[-2]) if with_vectors else (1, 1)
        job = PLAIN if not with_vectors else SOME if rows == columns == k else ALL
        matrix, is_complex = allocate(a), a.dtype.kind == "c"
        reals = 0 if not is_complex else 7 * k if not with_vectors else k * max(5 * k + 7, 2 * larger + 2 * k + 1)
        decompose, no_reals = function("gesdd", a.dtype), (0,) * is_complex
        work = workspace(decompose, a.dtype, (job, n, m, 0, n, 0, 0, n, 0, rows), (*no_reals, 0))
        grain = grain_for(count, 2000 + 15 * m * n * k) or count
        kinds = ((work, a.dtype), (reals, real_dtype), (8 * k, int64), (1, int64))
        memory = [allocate(aval((-(-count // grain), size), dtype)) for size, dtype in kinds]
        sizes = (a.dtype.itemsize, real_dtype.itemsize, grain, n)
        failure = failing(step.primitive.name, f"has singular values that {DIVERGED}", a.shape[:-2])
        loop = Loop(
            calling("svd", a.dtype),
            (u, values, v, matrix, *memory),
            (),
            (decompose, job, m, k, rows, columns, work, reals, *sizes),
            count,
            grain,
            failure,
            one_thread(k),
        )
        return [*copy(step.inputs[0], matrix), loop]

    return lower


lowers("svd")(singular(True))
lowers("svdvals")(singular(False))


# --- quotients by gaps -----------------------------------------------------------------------------------

CLOSE = 8
"""Values whose gap is no more than so many units in the last place of the largest, times the root of their number,
count as equal: which vectors belong to them is then an accident of rounding. (Equal ones come out up to a quarter
of that apart, measured for 3 to 300 of them.)"""
PHASE, SKEW, ENTRIES, TOLD, ZERO = (1 << bit for bit in range(5))
"""What must hold: diagonals are real; and where values are equal, x is Hermitian; its elements are zero; it tells
that the cotangents d of the values are all there is; these are zero."""
CHECKS = {
    "none": 0,
    "turns": PHASE | SKEW,
    "both": PHASE | ENTRIES | TOLD,
    "entries": ENTRIES,
    "vectors": PHASE | ENTRIES,
    "all": PHASE | ENTRIES | ZERO,
}
"""By the names that primitives/spectral.py explains."""

FREE = "has further columns of Q, and its derivative is not determined: it depends on their choice"
UNDETERMINED = (
    "has equal values, and its derivative is not determined: it depends on which vectors belong to them, on the "
    "phase of a vector, or on values and vectors both. Hint: eigvalsh, eigvals or svdvals for what depends on "
    "values alone; inv, pinv, expm, logm, sqrtm or matrix_power for functions of the matrix"
)

# argument words, behind those of the result, matrices, values and their cotangents
GAP_N, CHECK = 4, 5


@helper
def larger_size(size, x):
    """The larger of a size and that of a number."""
    own = type(size)(np.abs(x))
    return choose(own > size, own, size)


@helper
def told(check, one, other, upper, lower, d_one, d_other, little, d_little):
    """Whether two elements of x, those on the diagonal beside them and two cotangents are as they must be."""
    if check & SKEW:
        return np.abs(upper - conjugate(lower)) <= little
    if check & ENTRIES and (np.abs(upper) > little or np.abs(lower) > little):
        return False
    if check & ZERO:
        return np.abs(d_one) <= d_little and np.abs(d_other) <= d_little
    if check & TOLD and (np.abs(d_one) > d_little or np.abs(d_other) > d_little):
        seen = np.abs(one) > little or np.abs(other) > little
        return seen and np.abs(d_one - d_other) <= d_little
    return True


@kernel
def by_gaps(args, start, stop, dtype, values_dtype, real_dtype, eps):
    """x_ij / (w_j - w_i), 0 for equal values; status: the first matrix that fails the check, from 1."""
    out, x = pointer(args[0], dtype), pointer(args[1], dtype)
    w, d, n, check = pointer(args[2], values_dtype), pointer(args[3], values_dtype), args[GAP_N], args[CHECK]
    for matrix in range(start, stop):
        base, line = matrix * n * n, matrix * n
        largest, size, d_size = real_dtype(0), real_dtype(0), real_dtype(0)
        for i in range(n):
            largest, d_size = larger_size(largest, w[line + i]), larger_size(d_size, d[line + i])
            for j in range(n):
                size = larger_size(size, x[base + i * n + j])
        close = real_dtype(largest * real_dtype(CLOSE * eps * np.sqrt(n)))
        little, d_little = (
            real_dtype(size * real_dtype(np.sqrt(eps))),
            real_dtype(d_size * real_dtype(np.sqrt(eps))),
        )
        for i in range(n):
            one = x[base + i * n + i]
            out[base + i * n + i] = dtype(0)
            if check & PHASE and np.abs(imag(one)) > little:
                return matrix + 1
            for j in range(i):
                above, below = base + j * n + i, base + i * n + j
                upper, lower, gap = x[above], x[below], w[line + i] - w[line + j]
                if np.abs(gap) > close:
                    out[above], out[below] = dtype(upper / gap), dtype(-lower / gap)
                else:
                    other = x[base + j * n + j]
                    if not told(check, one, other, upper, lower, d[line + i], d[line + j], little, d_little):
                        return matrix + 1
                    out[above], out[below] = dtype(0), dtype(0)
    return 0


@lowers("by_gaps")
def lower_by_gaps(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """Matrix by matrix."""
    a = aval_of(step.output)
    if not a.size:
        return []
    n, count, loops, read = a.shape[-1], matrices(a), [], []
    for o in step.inputs:
        view, copies = in_order(o, allocate)
        read.append(view)
        loops += copies
    w, real_dtype = read[1], a.dtype.type(0).real.dtype
    of = step.params["of"]
    failure = failing(of, FREE if of == "qr" else UNDETERMINED, a.shape[:-2])
    source = calling("by_gaps", a.dtype, w.dtype, real_dtype, float(np.finfo(real_dtype).eps))
    numbers = (n, CHECKS[step.params["check"]])
    return [*loops, Loop(source, (step.output, *read), (), numbers, count, grain(4 * n * n), failure)]
