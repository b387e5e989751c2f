"""Matrix products by BLAS, which reads operands where they lie if it can.

A product out = x y is split into panels of its result, the iterations of a loop: each is one call of BLAS with one
thread. Panels follow from the shapes, so results do not depend on the number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ..avals import aval
from ..layouts import Layout, broadcast_to, contiguous_strides, transpose
from ..plan import Call, FusedStep, KernelStep, Operand, Scalar, Store, View
from . import blas, codegen
from .jit import helper
from .loops import CHUNK, Allocate, Loop, Lowering, grain_for
from .pointers import address, call

# argument words, behind those of the three arrays
FUNCTION, GET_THREADS, SET_THREADS = 3, 4, 5
X_FLAG, Y_FLAG, INNER, X_STEP, Y_STEP, OUT_STEP, UNIT = range(6, 13)
ONE, ZERO = 13, 15  # of any dtype
DOWN, ACROSS, ROWS, LAST_ROWS, COLUMNS, LAST_COLUMNS = range(17, 23)  # panels, and their sizes
OUT_ROW, OUT_COLUMN, X_ROW, Y_COLUMN = range(23, 27)  # bytes from panel to panel
AXES, FIRST_AXIS = 27, 28  # of the batch, innermost first; each with its size and the bytes of out, x and y
PLAIN, TRANSPOSED = ord("N"), ord("T")

PREFIXES = {"float32": "s", "float64": "d", "complex64": "c", "complex128": "z"}
"""Of the names of BLAS functions."""
LEAST = 64, 128
"""Rows and columns of a panel at least: BLAS first brings its operands into another order, which has to pay."""
PANELS, AREA = 4, 1 << 17
"""Panels of a large product at least, and elements of one at most."""
SHARED = {"gemm": 1 << 16, "gemv": 1 << 13}
"""Multiplications from which on OpenBLAS may share out a product among threads of its own."""


@helper
def one_thread(args):
    """Let OpenBLAS use one thread, and return how many it had.

    They would wait for each other where cores are busy, and panels run at the same time anyway. The number holds
    for the whole process; whoever finds another than 1 puts it back, so that in the end it is the user's.
    """
    if args[SET_THREADS] == 0:
        return 1
    threads = call(args[GET_THREADS], ()) & 0xFFFFFFFF
    if threads != 1:
        call(args[SET_THREADS], (1,))
    return threads


@helper
def put_back(args, threads):
    if threads != 1:
        call(args[SET_THREADS], (threads,))


@helper
def panel(args, i):
    """Where an iteration finds out, x and y, and the words with the sizes of its panel."""
    down, across = args[DOWN], args[ACROSS]
    column, row, batch = i % across, i // across % down, i // (across * down)
    out = args[0] + row * args[OUT_ROW] + column * args[OUT_COLUMN]
    x, y = args[1] + row * args[X_ROW], args[2] + column * args[Y_COLUMN]
    for axis in range(FIRST_AXIS, FIRST_AXIS + 4 * args[AXES], 4):
        k, batch = batch % args[axis], batch // args[axis]
        out, x, y = out + k * args[axis + 1], x + k * args[axis + 2], y + k * args[axis + 3]
    rows = address(args) + 8 * (LAST_ROWS if row == down - 1 else ROWS)
    columns = address(args) + 8 * (LAST_COLUMNS if column == across - 1 else COLUMNS)
    return out, x, y, rows, columns


@helper
def gemm(args, start, stop):
    """Products of matrices. BLAS counts columns first: for it this is transposed(y) transposed(x)."""
    words = address(args)
    inner, one, zero = words + 8 * INNER, words + 8 * ONE, words + 8 * ZERO
    x_flag, y_flag = words + 8 * X_FLAG, words + 8 * Y_FLAG
    x_step, y_step, out_step = words + 8 * X_STEP, words + 8 * Y_STEP, words + 8 * OUT_STEP
    threads = one_thread(args)
    for i in range(start, stop):
        out, x, y, rows, columns = panel(args, i)
        call(
            args[FUNCTION],
            (y_flag, x_flag, columns, rows, inner, one, y, y_step, x, x_step, zero, out, out_step),
        )
    put_back(args, threads)
    return 0


@helper
def gemv(args, start, stop):
    """Products of a vector x and a matrix y."""
    words = address(args)
    inner, one, zero = words + 8 * INNER, words + 8 * ONE, words + 8 * ZERO
    y_flag, x_step, y_step, unit = words + 8 * Y_FLAG, words + 8 * X_STEP, words + 8 * Y_STEP, words + 8 * UNIT
    threads = one_thread(args)
    for i in range(start, stop):
        out, x, y, _, columns = panel(args, i)
        first, second = (columns, inner) if args[Y_FLAG] == PLAIN else (inner, columns)
        call(args[FUNCTION], (y_flag, first, second, one, y, y_step, x, x_step, zero, out, unit))
    put_back(args, threads)
    return 0


def lower(step: KernelStep, allocate: Allocate) -> list[Loop] | None:
    """The product, behind copies of what BLAS cannot read. Integers and huge sizes are left to NumPy."""
    out = step.output
    dtype = out.dtype
    if dtype.name not in PREFIXES:
        return None
    if 0 in out.layout.shape:
        return []
    x, copy_x = _in_memory(step.inputs[0], allocate)
    y, copy_y = _in_memory(step.inputs[1], allocate)
    x, y, out = _canonical(x, y, out)
    by_vector = out.layout.shape[-2] == 1 and x.layout.shape[-1] > 0
    reads_x = _reads_vector if by_vector else _reads_matrix
    x, again_x = _readable(x, reads_x, allocate)
    y, again_y = _readable(y, _reads_matrix, allocate)
    product = _product("gemv" if by_vector else "gemm", x, y, out, reads_x(x.layout), _reads_matrix(y.layout))
    return None if product is None else [*copy_x, *copy_y, *again_x, *again_y, product]


def _in_memory(o: Operand, allocate: Allocate) -> tuple[View, list[Loop]]:
    if isinstance(o, View):
        return o, []
    matrix, loops = _copied(Scalar(o.leaf, aval(o.aval.shape[-2:], o.aval.dtype)), allocate)
    return View(matrix.buffer, matrix.dtype, broadcast_to(matrix.layout, o.aval.shape)), loops


def _copied(o: Operand, allocate: Allocate) -> tuple[View, list[Loop]]:
    a = o.aval if isinstance(o, Scalar) else aval(o.layout.shape, o.dtype)
    copy = allocate(a)
    step = FusedStep(a.shape, 0, [o], [Call("copy", a.dtype, (0,))], [Store(1, copy)])
    return copy, codegen.lower(step, allocate)


def _canonical(x: View, y: View, out: View) -> tuple[View, View, View]:
    """The same product with as few batch axes as can be, and the vector, if there is one, on the left."""
    for _ in range(2):
        x, y, out = (replace(v, layout=a) for v, a in zip((x, y, out), _tall(x, y, out), strict=True))
        if out.layout.shape[-1] == 1:
            x, y, out = (replace(v, layout=_swapped(v.layout)) for v in (y, x, out))
    return x, y, out


def _swapped(x: Layout) -> Layout:
    axes = range(len(x.shape))
    return transpose(x, (*axes[:-2], axes[-1], axes[-2]))


def _tall(*operands: View) -> tuple[Layout, Layout, Layout]:
    """Inner batch axes along which y repeats become rows of x."""
    x, y, out = (v.layout for v in operands)
    while len(out.shape) > 2:
        batch, rows = out.shape[-3:-1]
        if batch > 1 and y.strides[-3] != 0:
            break
        if batch > 1 and rows > 1 and any(v.strides[-3] != rows * v.strides[-2] for v in (x, out)):
            break
        x, out = (_rows_joined(v, batch * rows) for v in (x, out))
        y = Layout(y.shape[:-3] + y.shape[-2:], y.strides[:-3] + y.strides[-2:], y.offset)
    return x, y, out


def _rows_joined(x: Layout, rows: int) -> Layout:
    down = x.strides[-2] if x.shape[-2] > 1 else x.strides[-3]
    return Layout((*x.shape[:-3], rows, x.shape[-1]), (*x.strides[:-3], down, x.strides[-1]), x.offset)


_Reading = tuple[int, int]
"""How BLAS reads an operand: PLAIN or TRANSPOSED, and elements from row to row, column or those of a vector."""


def _reads_matrix(x: Layout) -> _Reading | None:
    """Rows, or columns, must be dense and must not overlap."""
    (rows, columns), (down, right) = x.shape[-2:], x.strides[-2:]
    if (down == 1 or rows == 1) and (right >= rows or columns == 1):
        return TRANSPOSED, max(right if columns > 1 else rows, 1)
    if (right == 1 or columns == 1) and (down >= columns or rows == 1):
        return PLAIN, max(down if rows > 1 else columns, 1)
    return None


def _reads_vector(x: Layout) -> _Reading | None:
    return (PLAIN, x.strides[-1]) if x.strides[-1] > 0 else None


def _readable(x: View, reads: Callable[[Layout], _Reading | None], allocate: Allocate) -> tuple[View, list[Loop]]:
    """The operand or, if BLAS cannot read it, a copy; what batch axes repeat is copied once."""
    shape, strides, offset = x.layout
    if 0 in shape:
        return View(x.buffer, x.dtype, Layout(shape, contiguous_strides(shape))), []
    if reads(x.layout):
        return x, []
    repeats = [s == 0 for s in strides[:-2]] + [False, False]
    once = tuple(1 if r else n for n, r in zip(shape, repeats, strict=True))
    copy, loops = _copied(View(x.buffer, x.dtype, Layout(once, strides, offset)), allocate)
    return View(copy.buffer, copy.dtype, broadcast_to(copy.layout, shape)), loops


def _product(
    name: str, x: View, y: View, out: View, read_x: _Reading | None, read_y: _Reading | None
) -> Loop | None:
    *batch, rows, columns = out.layout.shape
    inner, size, complex_ = x.layout.shape[-1], out.dtype.itemsize, out.dtype.kind == "c"
    (x_flag, x_step), (y_flag, y_step) = read_x or (PLAIN, 1), read_y or (PLAIN, 1)
    out_step = out.layout.strides[-2] if rows > 1 else columns
    if max(rows, columns, inner, x_step, y_step, out_step) > blas.LARGEST_INTEGER:
        return None
    multiplications = rows * inner * columns
    if name == "gemm":  # 256 bits of products in a nanosecond
        cost = 100 + multiplications * size * (2 if complex_ else 1) / 128
    else:  # which the memory of the matrix dominates
        cost = 50 + multiplications * size / 20
    down, across = _panels(rows, columns, cost)
    panel_rows, panel_columns = _part(rows, down), _part(columns, across)
    down, across = -(-rows // panel_rows), -(-columns // panel_columns)
    shared = multiplications / (down * across) >= SHARED[name]
    numbers = (
        *(blas.function(PREFIXES[out.dtype.name] + name), *(blas.thread_controls() if shared else (0, 0))),
        *(x_flag, y_flag, inner, x_step, y_step, out_step, 1),
        *_words(np.ones(1, out.dtype)),
        *_words(np.zeros(1, out.dtype)),
        *(down, across, panel_rows, rows - (down - 1) * panel_rows),
        *(panel_columns, columns - (across - 1) * panel_columns),
        *(panel_rows * out_step * size, panel_columns * size),
        *(panel_rows * x.layout.strides[-2] * size, panel_columns * y.layout.strides[-1] * size),
        len(batch),
    )
    strides = (v.layout.strides[:-2] for v in (out, x, y))
    axes = list(zip(batch, *strides, strict=True))[::-1]
    numbers += tuple(k for n, *steps in axes for k in (n, *(s * size for s in steps)))
    count = math.prod(batch) * down * across
    grain = grain_for(count, cost / (down * across))
    source = f"def fused(args, start, stop):\n    return {name}(args, start, stop)\n"
    return Loop(source, (out, x, y), (), numbers, count, grain)


def _words(scalar: np.ndarray) -> list[int]:
    """The two words that begin with a scalar."""
    return np.frombuffer(scalar.tobytes().ljust(16, b"\0"), np.int64).tolist()


def _panels(rows: int, columns: int, cost: float) -> tuple[int, int]:
    """How many panels down and across."""
    down = across = 1
    least_rows, least_columns = LEAST
    while cost / (down * across) >= 2 * CHUNK:
        high, wide = rows / down, columns / across
        if down * across >= PANELS and high * wide <= AREA:
            break
        if high >= 2 * least_rows and high / least_rows >= wide / least_columns:
            down *= 2
        elif wide >= 2 * least_columns:
            across *= 2
        elif high >= 2 * least_rows:
            down *= 2
        else:
            break
    return down, across


def _part(size: int, parts: int) -> int:
    """Size of a part, a multiple of what BLAS computes at once if there are several."""
    return size if parts == 1 else -(-size // parts // 16) * 16


LOWERINGS: dict[str, Lowering] = {"matmul": lower}


def matmul(out: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Products of the matrices in the last two axes of x and y, whose other axes agree."""
    with np.errstate(all="ignore"):
        np.matmul(x, y, out=out)


LAUNCHERS: dict[str, Callable[..., Any]] = {"matmul": matmul}
