"""LU factors and what is solved by them: `getrf` and `getrs`, and small matrices side by side.

The primitives take transposes, which to Fortran are the matrices themselves: nothing is turned round.
"""

from __future__ import annotations

import numpy as np

from ...core.avals import aval, int32
from ...devices.operands import aval_of
from ...planning.plan import KernelStep
from ..elements.registry import kernel
from ..loops import Allocate, Failure, Loop, calling, grain_for, lowers
from ..native import blas
from ..native.pointers import call, pointer
from . import small, written
from .lapack import ADJOINT, PLAIN, failing, function, in_order, matrices, one_thread, rows_in_memory, word, words
from .small import placed, small_pivot
from .structure import copy, shaped

# --- factors ---------------------------------------------------------------------------------------------

# argument words, behind those of the three results and of integers to work with
FACTOR, M, N, GRAIN, SIZE = range(4, 9)


@kernel
def lu(args, start, stop, integer):
    """Factors in the place of the matrices; pivots from 0, and where each row of the matrix comes to stand."""
    pivots, rows, m, n = pointer(args[1], np.int32), pointer(args[2], np.int32), args[M], args[N]
    steps = min(m, n)
    memory = args[3] + start // args[GRAIN] * (1 + steps + m) * 8
    found, order = pointer(memory + 8, integer), pointer(memory + 8 + steps * 8, np.int32)
    for i in range(start, stop):
        matrix = args[0] + i * m * n * args[SIZE]
        call(args[FACTOR], (word(args, M), word(args, N), matrix, word(args, M), memory + 8, memory))
        for k in range(steps):
            pivots[i * steps + k] = np.int32(found[k] - 1)
        placed(rows, i * m, pivots, i * steps, steps, order, m)
    return 0


@lowers("lu")
def lower_lu(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """On copies of the operands."""
    factors, pivots, rows = step.outputs
    a = aval_of(factors)
    (n, m), count = a.shape[-2:], matrices(a)
    if count * m == 0:
        return []
    if small.is_small(m, n):
        x, copies = shaped(step.inputs[0], (count, n, m), allocate)
        real = a.dtype.type(0).real.dtype
        loops, grain = small.tiles(count, m * n * min(m, n))
        numbers = (count, m, n, *x.layout.strides)
        source = calling("small_lu", a.dtype, real)
        return [*copies, Loop(source, (factors, pivots, rows, x), (), numbers, loops, grain)]
    grain = grain_for(count, 300 + m * n * min(m, n) / 10) or count
    memory = words(count, grain, 1 + min(m, n) + m, allocate)
    numbers = (function("getrf", a.dtype), m, n, grain, a.dtype.itemsize)
    loop = Loop(
        calling("lu", blas.integer()),
        (factors, pivots, rows, memory),
        (),
        numbers,
        count,
        grain,
        during=one_thread(min(m, n)),
    )
    return [*copy(step.inputs[0], factors), loop]


# --- solutions -------------------------------------------------------------------------------------------

# argument words, behind those of solutions, factors, pivots and integers to work with
SOLVE, FLAG, ORDER, SYSTEMS, CHUNK, BYTES, CHECKED, MATRIX, PIVOT = range(4, 13)


@kernel
def solve(args, start, stop, dtype, integer, eps):
    """Solutions in the place of right hand sides, row by row; status: the first singular matrix, from 1."""
    n, systems, pivots = args[ORDER], args[SYSTEMS], pointer(args[2], np.int32)
    memory = args[3] + start // args[CHUNK] * (1 + n) * 8
    exchanges = pointer(memory + 8, integer)
    for i in range(start, stop):
        matrix = args[1] + i * args[MATRIX] * args[BYTES]
        factors = pointer(matrix, dtype)
        if args[CHECKED] >= 0 and small_pivot(factors, n, 1, 0, args[CHECKED] * eps):
            return i + 1
        for k in range(n):
            exchanges[k] = integer(pivots[i * args[PIVOT] + k] + 1)
        out = args[0] + i * n * systems * args[BYTES]
        order = word(args, ORDER)
        call(
            args[SOLVE],
            (word(args, FLAG), order, word(args, SYSTEMS), matrix, order, memory + 8, out, order, memory),
        )
    return 0


@lowers("solve")
def lower_solve(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """On copies of the right hand sides."""
    _, factors, pivots, y = step.inputs
    out = aval_of(step.output)
    if not out.size:
        return []
    (systems, n), count, dtype = out.shape[-2:], matrices(out), out.dtype
    adjoint = step.params["adjoined"]
    checked = -1 if step.params["checked"] is None else step.params["checked"]
    of, eps = step.params["of"], float(np.finfo(dtype).eps)
    failure = failing(
        of, "has too few eigenvectors, and no derivative" if of == "eig" else "is singular", out.shape[:-2]
    )
    matrix, copies = rows_in_memory(factors, (count, n * n), allocate)
    exchanges, more = rows_in_memory(pivots, (count, n), allocate)
    if small.is_small(n) and systems <= small.LARGEST:
        values, most = shaped(y, (count, systems, n), allocate)
        loops, grain = small.tiles(count, n * n * (systems + 1))
        numbers = (
            count,
            n,
            systems,
            int(adjoint),
            checked,
            matrix.layout.strides[0],
            exchanges.layout.strides[0],
        )
        loop = Loop(
            calling("small_solve", dtype, eps),
            (step.output, matrix, exchanges, values),
            (),
            (*numbers, *values.layout.strides),
            loops,
            grain,
            failure,
        )
        return [*copies, *more, *most, loop]
    grain = grain_for(count, 300 + n * n * systems / 8) or count
    memory = words(count, grain, 1 + n, allocate)
    flag = ADJOINT if adjoint else PLAIN
    numbers = (function("getrs", dtype), flag, n, systems, grain, dtype.itemsize, checked)
    loop = Loop(
        calling("solve", dtype, blas.integer(), eps),
        (step.output, matrix, exchanges, memory),
        (),
        (*numbers, matrix.layout.strides[0], exchanges.layout.strides[0]),
        count,
        grain,
        failure,
        one_thread(n),
    )
    return [*copies, *more, *copy(y, step.output), loop]


def _singular(step: KernelStep) -> Failure | None:
    """What is wrong with singular matrices, where somebody asks."""
    batch = aval_of(step.output).shape[:-2]
    return failing(step.params["of"], "is singular", batch) if step.params["checked"] else None


@written.writes("eliminate")
def write_eliminate(step: KernelStep) -> written.Writing | None:
    """Factors are not kept."""
    return (written.eliminate, _singular(step)) if written.is_tiny(*aval_of(step.output).shape[-2:]) else None


@lowers("eliminate")
def lower_eliminate(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """Matrices side by side."""
    out = aval_of(step.output)
    if not out.size:
        return []
    (n, columns), count, dtype = out.shape[-2:], matrices(out), out.dtype
    checked, failure = int(step.params["checked"]), failing(step.params["of"], "is singular", out.shape[:-2])
    tiny = written.lowered(step, allocate)
    if tiny is not None:
        return tiny
    x, copies = shaped(step.inputs[0], (count, n, n), allocate)
    y, more = shaped(step.inputs[1], (count, n, columns), allocate)
    loops, grain = small.tiles(count, n * n * (n + columns))
    loop = Loop(
        calling("eliminate", dtype, dtype.type(0).real.dtype),
        (step.output, x, y),
        (),
        (count, n, columns, checked, *x.layout.strides, *y.layout.strides),
        loops,
        grain,
        failure,
    )
    return [*copies, *more, loop]


@written.writes("inverse")
def write_inverse(step: KernelStep) -> written.Writing:
    """Elimination, with zeros and ones known."""
    return written.inverse, _singular(step)


@lowers("inverse")
def lower_inverse(step: KernelStep, allocate: Allocate) -> list[Loop] | None:
    """All are tiny."""
    return written.lowered(step, allocate) if aval_of(step.output).size else []


@written.writes("inverse_back")
def write_inverse_back(step: KernelStep) -> written.Writing:
    """Both products at once."""
    return written.inverse_back, None


@lowers("inverse_back")
def lower_inverse_back(step: KernelStep, allocate: Allocate) -> list[Loop] | None:
    """All are tiny."""
    return written.lowered(step, allocate) if aval_of(step.output).size else []


# --- adjugates -------------------------------------------------------------------------------------------


@kernel
def adjugate(args, start, stop, dtype):
    """adj(P L U) = adj(U) L^-1 P^T det(P), row by row.

    An element of adj(U) is a product of diagonal elements before and behind, and between them a recurrence as that
    for U^-1 but without a division: it holds for zeros on the diagonal, too.
    """
    out, factors, pivots = pointer(args[0], dtype), pointer(args[1], dtype), pointer(args[2], np.int32)
    n = args[5]
    row = pointer(args[3] + start // args[6] * 2 * n * args[7], dtype)
    places = pointer(args[4] + start // args[6] * 2 * n * 4, np.int32)
    for i in range(start, stop):
        base, sign = i * n * n, dtype(1)
        placed(places, 0, pivots, i * n, n, pointer(args[4] + (start // args[6] * 2 + 1) * n * 4, np.int32), n)
        for k in range(n):
            if pivots[i * n + k] != k:
                sign = -sign
        before = sign
        for first in range(n):
            for j in range(first):
                row[j] = dtype(0)
            row[first], row[n + first] = dtype(1), dtype(1)
            for j in range(first + 1, n):
                total, diagonal = dtype(0), factors[base + j * n + j]
                for k in range(first, j):
                    total += row[n + k] * factors[base + j * n + k]
                    row[n + k] *= diagonal
                row[j], row[n + j] = -total, -total
            behind = before
            for j in range(n - 1, first - 1, -1):
                row[j] *= behind
                behind *= factors[base + j * n + j]
            for j in range(n - 1, -1, -1):
                total = row[j]
                for k in range(j + 1, n):
                    total -= row[k] * factors[base + j * n + k]
                row[j] = total
            for j in range(n):
                out[base + first * n + j] = row[places[j]]
            before *= factors[base + first * n + first]
    return 0


@lowers("adjugate")
def lower_adjugate(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """Without LAPACK."""
    a = aval_of(step.output)
    if not a.size:
        return []
    n, count = a.shape[-1], matrices(a)
    factors, copies = in_order(step.inputs[1], allocate)
    pivots, more = in_order(step.inputs[2], allocate)
    grain = grain_for(count, n**3) or count
    chunks = -(-count // grain)
    memory = [allocate(aval((chunks, 2 * n), dtype)) for dtype in (a.dtype, int32)]
    arrays = (step.output, factors, pivots, *memory)
    numbers = (n, grain, a.dtype.itemsize)
    return [*copies, *more, Loop(calling("adjugate", a.dtype), arrays, (), numbers, count, grain)]
