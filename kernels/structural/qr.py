"""QR decompositions: `geqrf`, and `orgqr` or `ungqr`.

The primitive takes transposes, which to Fortran are the matrices themselves, and gives Q as its transpose.
"""

from __future__ import annotations

from ...core.avals import aval
from ...devices.operands import aval_of
from ...planning.plan import KernelStep
from ..elements.registry import kernel
from ..loops import Allocate, Loop, calling, grain_for, lowers
from ..native.pointers import call, pointer
from .lapack import function, matrices, one_thread, word, words, workspace
from .structure import copy

# argument words, behind those of the two results, matrices, and three kinds of memory to work in
FACTOR, GENERATE, M, N, K, COLUMNS, WORK, SIZE, GRAIN = range(6, 15)


@kernel
def qr(args, start, stop, dtype):
    """R from above the diagonal of what `geqrf` makes of a matrix, Q from what is below."""
    m, n, k, columns, size, chunk = args[M], args[N], args[K], args[COLUMNS], args[SIZE], start // args[GRAIN]
    scales, work = args[3] + chunk * k * size, args[4] + chunk * args[WORK] * size
    info, rows, lwork = args[5] + chunk * 8, word(args, M), word(args, WORK)
    for i in range(start, stop):
        place, target = args[2] + i * m * n * size, args[0] + i * m * columns * size
        matrix, q, r = pointer(place, dtype), pointer(target, dtype), pointer(args[1], dtype)
        call(args[FACTOR], (rows, word(args, N), place, rows, scales, work, lwork, info))
        for row in range(columns):
            for column in range(n):
                value = matrix[column * m + row] if row <= column else dtype(0)
                r[(i * columns + row) * n + column] = value
        for j in range(k * m):
            q[j] = matrix[j]
        call(args[GENERATE], (rows, word(args, COLUMNS), word(args, K), target, rows, scales, work, lwork, info))
    return 0


@lowers("qr")
def lower_qr(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """On copies of the operands."""
    q, r = step.outputs
    x, a = aval_of(step.inputs[0]), aval_of(q)
    (n, m), columns, count = x.shape[-2:], a.shape[-2], matrices(x)
    k = min(m, n)
    if not a.size:
        return []
    factor = function("geqrf", a.dtype)
    generate = function("ungqr" if a.dtype.kind == "c" else "orgqr", a.dtype)
    work = max(
        workspace(factor, a.dtype, (m, n, 0, m, 0)),
        workspace(generate, a.dtype, (m, columns, k, 0, m, 0)),
    )
    grain = grain_for(count, 1000 + 2 * m * columns * n) or count
    matrix, chunks = allocate(x), -(-count // grain)
    memory = [*(allocate(aval((chunks, size), a.dtype)) for size in (k, work)), words(count, grain, 1, allocate)]
    loop = Loop(
        calling("qr", a.dtype),
        (q, r, matrix, *memory),
        (),
        (factor, generate, m, n, k, columns, work, a.dtype.itemsize, grain),
        count,
        grain,
        during=one_thread(k),
    )
    return [*copy(step.inputs[0], matrix), loop]
