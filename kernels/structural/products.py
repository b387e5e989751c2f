"""BLAS's products of matrices, split into panels: the iterations of a loop, each one call with one thread.

OpenBLAS's own threads would wait for each other where cores are busy, and panels run at the same time anyway.
A panel is a section of the result or, where that is small, of the sums for it. Panels follow from the shapes
alone, so results do not depend on the number of threads.
"""

from __future__ import annotations

import math

import numpy as np

from ...core.avals import aval
from ...core.layouts import Layout
from ...planning.plan import FusedStep, Store, View
from ..elements.registry import helper, kernel
from ..fused import codegen
from ..loops import CHUNK, Allocate, Loop, calling, grain_for
from ..native import blas
from ..native.code import CALLING
from ..native.pointers import address, call

# argument words, behind those of the three arrays
FUNCTION, X_FLAG, Y_FLAG, X_STEP, Y_STEP, OUT_STEP, UNIT = range(3, 10)
ONE, ZERO = 10, 12  # of any dtype
COLUMNS, ROWS, INNER = 14, 16, 18  # of a panel, each followed by that of the last one
AXES, FIRST_AXIS = 20, 21  # of the iterations, innermost first; each with its size and the bytes of out, x and y
PLAIN, TRANSPOSED = ord("N"), ord("T")

LEAST_COLUMNS, LEAST_ROWS, LEAST_INNER = 128, 64, 512
"""Of a panel: BLAS first brings its operands into another order, which has to pay."""
PANELS, AREA = 4, 1 << 17
"""Panels of a large product at least, and elements of the result in one at most."""
SHARED = {"gemm": 1 << 16, "gemv": 1 << 13}
"""Multiplications from which on OpenBLAS may share out a product among threads of its own."""


@helper
def panel(args, i):
    """Where an iteration finds out, x and y, and the words with the columns, rows and inner size of its panel."""
    out, x, y, words, last = args[0], args[1], args[2], address(args), 0
    for axis in range(args[AXES]):
        at = FIRST_AXIS + 4 * axis
        k, i = i % args[at], i // args[at]
        out, x, y = out + k * args[at + 1], x + k * args[at + 2], y + k * args[at + 3]
        last |= (k == args[at] - 1) << axis
    columns, rows, inner = COLUMNS + (last & 1), ROWS + (last >> 1 & 1), INNER + (last >> 2 & 1)
    return out, x, y, words + 8 * columns, words + 8 * rows, words + 8 * inner


@kernel
def gemm(args, start, stop):
    """Products of matrices. BLAS counts columns first: for it this is transposed(y) transposed(x)."""
    words = address(args)
    one, zero, x_flag, y_flag = words + 8 * ONE, words + 8 * ZERO, words + 8 * X_FLAG, words + 8 * Y_FLAG
    x_step, y_step, out_step = words + 8 * X_STEP, words + 8 * Y_STEP, words + 8 * OUT_STEP
    for i in range(start, stop):
        out, x, y, columns, rows, inner = panel(args, i)
        call(
            args[FUNCTION],
            (y_flag, x_flag, columns, rows, inner, one, y, y_step, x, x_step, zero, out, out_step),
        )
    return 0


@kernel
def gemv(args, start, stop):
    """Products of a vector x and a matrix y."""
    words = address(args)
    one, zero, y_flag = words + 8 * ONE, words + 8 * ZERO, words + 8 * Y_FLAG
    x_step, y_step, unit = words + 8 * X_STEP, words + 8 * Y_STEP, words + 8 * UNIT
    for i in range(start, stop):
        out, x, y, columns, _, inner = panel(args, i)
        first, second = (columns, inner) if args[Y_FLAG] == PLAIN else (inner, columns)
        call(args[FUNCTION], (y_flag, first, second, one, y, y_step, x, x_step, zero, out, unit))
    return 0


Reading = tuple[int, int]
"""How BLAS reads an operand: PLAIN or TRANSPOSED, and elements from row to row, column or those of a vector."""


def reads_matrix(x: Layout) -> Reading | None:
    """Rows, or columns, must be dense and must not overlap."""
    (rows, columns), (down, right) = x.shape[-2:], x.strides[-2:]
    if (down == 1 or rows == 1) and (right >= rows or columns == 1):
        return TRANSPOSED, max(right if columns > 1 else rows, 1)
    if (right == 1 or columns == 1) and (down >= columns or rows == 1):
        return PLAIN, max(down if rows > 1 else columns, 1)
    return None


def reads_vector(x: Layout) -> Reading | None:
    """A vector, as the only row, must go forward."""
    return (PLAIN, x.strides[-1]) if x.strides[-1] > 0 else None


def product(
    name: str, x: View, y: View, out: View, read_x: Reading, read_y: Reading, allocate: Allocate
) -> list[Loop]:
    """The loops of a product by gemm or gemv of operands that BLAS can read."""
    *batch, rows, columns = out.layout.shape
    inner, size = x.layout.shape[-1], out.dtype.itemsize
    multiplications = rows * inner * columns
    if name == "gemm":  # 256 bits of real products in a nanosecond
        cost = 100 + multiplications * size * (2 if out.dtype.kind == "c" else 1) / 128
    else:  # time to read the matrix
        cost = 50 + multiplications * size / 20
    (across, wide), (down, high), (pieces, deep) = panels = _panels(columns, rows, inner, cost)
    count = across * down * pieces
    out_step = out.layout.strides[-2] if rows > 1 else columns
    target, sums = (out, []) if pieces == 1 else _summed(out, pieces, allocate)
    # axes of the iterations: size, and elements from one to the next of out, x and y
    total = math.prod(out.layout.shape)
    axes = [
        (across, wide, 0, wide * y.layout.strides[-1]),
        (down, high * out_step, high * x.layout.strides[-2], 0),
        (pieces, total, deep * x.layout.strides[-1], deep * y.layout.strides[-2]),
        *reversed(list(zip(batch, *(v.layout.strides[:-2] for v in (out, x, y)), strict=True))),
    ]
    prefix = blas.PREFIXES[out.dtype.name]
    during = blas.one_thread() if multiplications / count >= SHARED[name] else None
    (x_flag, x_step), (y_flag, y_step) = read_x, read_y
    numbers = [blas.function(prefix + name), x_flag, y_flag, x_step, y_step, out_step, 1]
    numbers += [*scalar_words(1, out.dtype), *scalar_words(0, out.dtype)]
    for whole, (parts, part) in zip((columns, rows, inner), panels, strict=True):
        numbers += [part, whole - (parts - 1) * part]
    numbers.append(len(axes))
    for n, *steps in axes:
        numbers += [n, *(step * size for step in steps)]
    iterations = math.prod(batch) * count
    grain = grain_for(iterations, cost / count)
    arrays = (target, x, y)
    loop = Loop(
        calling(name), arrays, (), tuple(numbers), iterations, grain,
        during=during, work=math.prod(batch) * multiplications, effort=CALLING,
    )  # fmt: skip
    return [loop, *sums]


def _panels(columns: int, rows: int, inner: int, cost: float) -> tuple[tuple[int, int], ...]:
    """Numbers and sizes of panels: across, down, and of pieces of the sums."""
    across = down = pieces = 1
    while cost / (across * down * pieces) >= 2 * CHUNK:
        wide, high, deep = columns / across, rows / down, inner / pieces
        enough = across * down * pieces >= PANELS
        if enough and wide * high <= AREA:
            break
        if high >= 2 * LEAST_ROWS and (high / LEAST_ROWS >= wide / LEAST_COLUMNS or wide < 2 * LEAST_COLUMNS):
            down *= 2
        elif wide >= 2 * LEAST_COLUMNS:
            across *= 2
        elif deep >= 2 * LEAST_INNER and not enough:
            pieces *= 2
        else:
            break
    return _parts(columns, across), _parts(rows, down), _parts(inner, pieces)


def _parts(size: int, parts: int) -> tuple[int, int]:
    """About so many parts and their size, a multiple of what BLAS computes at once."""
    part = size if parts == 1 else -(-size // parts // 16) * 16
    return -(-size // max(part, 1)) or 1, part


def _summed(out: View, pieces: int, allocate: Allocate) -> tuple[View, list[Loop]]:
    """Memory for a result of every piece, and the loops that sum them up."""
    total = math.prod(out.layout.shape)
    parts = allocate(aval((pieces, total), out.dtype))
    target = View(out.buffer, out.dtype, Layout((pieces, total), (0, 1)))
    loops = codegen.lower(FusedStep((pieces, total), 2, [parts], [], [Store(0, target, "add")]), allocate)
    return View(parts.buffer, parts.dtype, out.layout), loops


def scalar_words(value: float, dtype: np.dtype) -> list[int]:
    """The two words that begin with a number of this dtype."""
    return np.frombuffer(np.array([value], dtype).tobytes().ljust(16, b"\0"), np.int64).tolist()
