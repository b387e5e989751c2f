"""Systems of banded matrices: LAPACK's."""

from __future__ import annotations

import numpy as np

from ...core.avals import aval
from ...devices.operands import aval_of
from ...planning.plan import KernelStep
from ..elements.registry import kernel
from ..loops import Allocate, Loop, calling, grain_for, lowers
from ..native.pointers import call, pointer
from .lapack import LOW, LOWER, failing, function, in_order, matrices, one_thread, word, words
from .structure import copy

# argument words, behind the solutions, the matrices, copies of them, pivots and a word for each chunk: of a copy
# `first` elements of each column are room for what pivoting fills, and of a column given `skipped` are not read
FUNCTION, ROWS, SIDES, BELOW, ABOVE, COLUMN, GIVEN, FIRST, SKIPPED, TRIANGLE, GRAIN, SIZE = range(5, 17)


@kernel
def banded_solve(args, start, stop, dtype, definite):
    """Solutions in the place of the right hand sides; status: the matrix of which there are none, from 1."""
    x, copies = pointer(args[1], dtype), pointer(args[2], dtype)
    n, column, given, first, skipped = args[ROWS], args[COLUMN], args[GIVEN], args[FIRST], args[SKIPPED]
    rows, sides, below, above, step = (
        word(args, ROWS),
        word(args, SIDES),
        word(args, BELOW),
        word(args, ABOVE),
        word(args, COLUMN),
    )
    chunk = start // args[GRAIN]
    pivots, info = args[3] + chunk * n * 8, args[4] + chunk * 8
    report = pointer(info, np.int64)
    for i in range(start, stop):
        for j in range(n):
            for k in range(column - first):
                copies[(i * n + j) * column + first + k] = x[(i * n + j) * given + skipped + k]
        matrix = args[2] + i * n * column * args[SIZE]
        out = args[0] + i * n * args[SIDES] * args[SIZE]
        report[0] = 0
        if definite:
            call(args[FUNCTION], (word(args, TRIANGLE), rows, below, sides, matrix, step, out, rows, info))
        else:
            call(args[FUNCTION], (rows, below, above, sides, matrix, step, pivots, out, rows, info))
        if report[0] & LOW:
            return i + 1
    return 0


@lowers("banded_solve")
def lower_banded_solve(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """`gbsv`, or `pbsv` of the lower half, on copies."""
    b = aval_of(step.output)
    if not b.size:
        return []
    below, above, definite = (step.params[p] for p in ("below", "above", "definite"))
    sides, n = b.shape[-2:]
    count, given = matrices(b), below + above + 1
    first, skipped = (0, above) if definite else (below, 0)
    column = below + 1 if definite else first + given
    x, copies = in_order(step.inputs[0], allocate)
    grain = grain_for(count, 300 + n * (below + 1) * (column + 2 * sides)) or count
    what = "is not positive definite" if definite else "is singular"
    loop = Loop(
        calling("banded_solve", b.dtype, int(definite)),
        (
            step.output,
            x,
            allocate(aval((count, n, column), b.dtype)),
            words(count, grain, n, allocate),
            words(count, grain, 1, allocate),
        ),
        (),
        (
            function("pbsv" if definite else "gbsv", b.dtype),
            n,
            sides,
            below,
            above,
            column,
            given,
            first,
            skipped,
            LOWER,
            grain,
            b.dtype.itemsize,
        ),
        count,
        grain,
        failing(step.params["of"], what, b.shape[:-2], "ab"),
        one_thread(n),
    )
    return [*copies, *copy(step.inputs[1], step.output), loop]
