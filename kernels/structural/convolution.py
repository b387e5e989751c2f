"""Convolutions: what a filter meets at each position is brought into a row of a matrix, and BLAS multiplies.

Rows are positions of the result, image by image. A block of them is a patch of memory that stays in the cache: so
the matrix as a whole, which is many times as large as the image, is never made. With one channel a patch holds
columns, as then positions lie side by side and taps do not. Loops go over batches and, in each, over pieces of the
rows, which follow from the shapes alone; pieces of one call share memory for a patch.
"""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass, replace

import numpy as np

from ...core.avals import aval
from ...core.layouts import Layout, contiguous_strides, transpose
from ...devices.operands import aval_of, flipped
from ...planning.plan import FusedStep, KernelStep, Operand, Store, View
from ..elements.registry import helper, kernel
from ..fused import codegen
from ..loops import CHUNK, Allocate, Loop, calling, grain_for, lowers
from ..native import blas
from ..native.pointers import address, call, pointer, row_memory
from .products import SHARED, scalar_words
from .structure import copy, shaped

PATCH = 1 << 14
"""Elements of a patch, about, for products that OpenBLAS makes where the matrices lie ..."""
SMALL, LARGE_PATCH = 10**6, 1 << 16
"""... which are those of so many multiplications at most; to bring others into another order has to pay."""
LEAST_ROWS, LEAST_SUM = 64, 128
"""Of a patch, and of a sum of its own."""
PIECES = 64
"""Pieces of a batch, and patches, at most."""
FEW = 16
"""Filters that are fewer than what OpenBLAS computes at once."""
LONG = 12
"""Neighbours from which on C's function moves them, which has no loop to begin and to end."""
SPACE = 3
"""Axes of space; where there are fewer, those in front are of size 1."""
MEMMOVE = ctypes.cast(ctypes.memmove, ctypes.c_void_p).value or 0

# argument words, behind those of the result, two operands and the patches
FUNCTION, MOVE, PLAIN, TRANSPOSED, ONE, ZERO = 4, 5, 6, 7, 8, 10  # the last two of any dtype
ITEM, PER_BATCH, PIECE, GRAIN, BLOCK, ACROSS = range(12, 18)
ROWS, POSITIONS, ROW, FILTERS, CHANNELS = range(18, 23)  # POSITIONS is rows of one image
X_SIZES, W_SIZES, Y_SIZES, STRIDES, LOW, DILATION = range(23, 41, SPACE)
X_BATCH, X_IMAGE, X_AXES = 41, 42, 43  # strides in elements, from here on
W_BATCH, W_ROW, Y_BATCH, Y_ROW, OUT_BATCH = range(46, 51)
FEW_FILTERS = 51


# --- patches ---------------------------------------------------------------------------------------------


@helper
def patched(args, patch, x, batch, first, rows, back, dtype):
    """Fill rows of a patch from an image or, on the way back, add them to it."""
    row, at = first, 0
    while at < rows:
        column, line = row % args[Y_SIZES + 2], row // args[Y_SIZES + 2]
        h, rest = line % args[Y_SIZES + 1], line // args[Y_SIZES + 1]
        d, image = rest % args[Y_SIZES], rest // args[Y_SIZES]
        count = min(args[Y_SIZES + 2] - column, rows - at)
        tap = 0
        for a in range(args[W_SIZES]):
            i = d * args[STRIDES] + a * args[DILATION] - args[LOW]
            for b in range(args[W_SIZES + 1]):
                j = h * args[STRIDES + 1] + b * args[DILATION + 1] - args[LOW + 1]
                inside = i >= 0 and i < args[X_SIZES] and j >= 0 and j < args[X_SIZES + 1]
                line_of_x = batch + image * args[X_IMAGE] + i * args[X_AXES] + j * args[X_AXES + 1]
                if args[ACROSS]:
                    patched_across(args, patch, x, line_of_x, inside, column, count, tap, at, back, dtype)
                else:
                    patched_along(args, patch, x, line_of_x, inside, column, count, tap, at, back, dtype)
                tap += args[W_SIZES + 2]
        row += count
        at += count


@helper
def patched_across(args, patch, x, line, inside, column, count, tap, at, back, dtype):
    """One channel: for each tap the positions, of which those between two lie within the line."""
    stride, size = args[STRIDES + 2], args[X_SIZES + 2]
    step = stride * args[X_AXES + 2]
    for k in range(args[W_SIZES + 2]):
        shift = k * args[DILATION + 2] - args[LOW + 2]
        first = min(max(-(shift // stride) - column, 0), count) if inside else count
        last = max(min((size - 1 - shift) // stride - column + 1, count), first)
        to = (tap + k) * args[BLOCK] + at
        source = line + (column * stride + shift) * args[X_AXES + 2]
        if not back:
            cleared(patch, to, first, dtype)
            cleared(patch, to + last, count - last, dtype)
        if step == 1:
            carried(args, patch, to + first, x, source + first, last - first, back)
        elif back:
            for q in range(first, last):
                x[source + q * step] += patch[to + q]
        else:
            for q in range(first, last):
                patch[to + q] = x[source + q * step]


@helper
def patched_along(args, patch, x, line, inside, column, count, tap, at, back, dtype):
    """For each position the taps with their channels, which lie side by side if nothing is between them."""
    channels, stride, size = args[CHANNELS], args[STRIDES + 2], args[X_SIZES + 2]
    taps, dilation, step = args[W_SIZES + 2], args[DILATION + 2], args[X_AXES + 2]
    joined = dilation == 1 and step == channels
    for q in range(count):
        to = (at + q) * args[ROW] + tap * channels
        start = (column + q) * stride - args[LOW + 2]
        if joined or not inside:
            first = min(max(-start, 0), taps) if inside else taps
            last = max(min(size - start, taps), first)
            if not back:
                cleared(patch, to, first * channels, dtype)
                cleared(patch, to + last * channels, (taps - last) * channels, dtype)
            first_channel, run = first * channels, (last - first) * channels
            carried(args, patch, to + first_channel, x, line + start * step + first_channel, run, back)
        else:
            for k in range(taps):
                place = start + k * dilation
                if place >= 0 and place < size:
                    carried(args, patch, to, x, line + place * step, channels, back)
                elif not back:
                    cleared(patch, to, channels, dtype)
                to += channels


@helper
def carried(args, patch, to, x, source, count, back):
    """Neighbours from an image into a patch or, added, back."""
    if back:
        for m in range(count):
            x[source + m] += patch[to + m]
    elif count >= LONG:
        size = args[ITEM]
        call(args[MOVE], (address(patch) + to * size, address(x) + source * size, count * size))
    else:
        for m in range(count):
            patch[to + m] = x[source + m]


@helper
def cleared(patch, to, count, dtype):
    for m in range(count):
        patch[to + m] = dtype(0)


# --- products --------------------------------------------------------------------------------------------


@kernel
def conv(args, start, stop, dtype):
    """Results: rows times filters. BLAS counts columns first, so that for it all is transposed."""
    sizes = row_memory(3, np.int64)
    words, counts, size = address(args), address(sizes), args[ITEM]
    patch_at = args[3] + start // args[GRAIN] * args[BLOCK] * args[ROW] * size
    patch, x = pointer(patch_at, dtype), pointer(args[1], dtype)
    sizes[0], sizes[2] = args[FILTERS], args[ROW]
    flag, of_filters = (
        words + 8 * (TRANSPOSED if args[ACROSS] else PLAIN),
        words + 8 * (TRANSPOSED if args[FEW_FILTERS] else PLAIN),
    )
    step = words + 8 * (BLOCK if args[ACROSS] else ROW)
    for i in range(start, stop):
        batch, piece = i // args[PER_BATCH], i % args[PER_BATCH]
        first, last = piece * args[PIECE], min((piece + 1) * args[PIECE], args[ROWS])
        filters = args[2] + batch * args[W_BATCH] * size
        while first < last:
            rows = min(args[BLOCK], last - first)
            patched(args, patch, x, batch * args[X_BATCH], first, rows, False, dtype)
            sizes[1] = rows
            out = args[0] + (batch * args[OUT_BATCH] + first * args[FILTERS]) * size
            call(
                args[FUNCTION],
                (of_filters, flag, counts, counts + 8, counts + 16, words + 8 * ONE, filters,
                 words + 8 * W_ROW, patch_at, step, words + 8 * ZERO, out, words + 8 * FILTERS),
            )  # fmt: skip
            first += rows
    return 0


@kernel
def conv_x(args, start, stop, dtype):
    """Images: results times filters, added up. A piece has whole images, which no other one touches."""
    sizes = row_memory(3, np.int64)
    words, counts, size = address(args), address(sizes), args[ITEM]
    patch_at = args[3] + start // args[GRAIN] * args[BLOCK] * args[ROW] * size
    patch, one, zero = pointer(patch_at, dtype), words + 8 * ONE, words + 8 * ZERO
    flag = words + 8 * (TRANSPOSED if args[ACROSS] else PLAIN)
    for i in range(start, stop):
        batch, piece = i // args[PER_BATCH], i % args[PER_BATCH]
        first, last = piece * args[PIECE], min((piece + 1) * args[PIECE], args[ROWS])
        filters, x = args[1] + batch * args[W_BATCH] * size, pointer(args[0], dtype)
        at, images = batch * args[X_BATCH], args[POSITIONS]
        for m in range(at + first // images * args[X_IMAGE], at + last // images * args[X_IMAGE]):
            x[m] = dtype(0)
        while first < last:
            rows = min(args[BLOCK], last - first)
            results = args[2] + (batch * args[Y_BATCH] + first * args[Y_ROW]) * size
            if args[ACROSS]:
                sizes[0], sizes[1], sizes[2] = rows, args[ROW], args[FILTERS]
                call(
                    args[FUNCTION],
                    (flag, flag, counts, counts + 8, counts + 16, one, results, words + 8 * Y_ROW, filters,
                     words + 8 * W_ROW, zero, patch_at, words + 8 * BLOCK),
                )  # fmt: skip
            else:
                sizes[0], sizes[1], sizes[2] = args[ROW], rows, args[FILTERS]
                call(
                    args[FUNCTION],
                    (flag, flag, counts, counts + 8, counts + 16, one, filters, words + 8 * W_ROW, results,
                     words + 8 * Y_ROW, zero, patch_at, words + 8 * ROW),
                )  # fmt: skip
            patched(args, patch, x, at, first, rows, True, dtype)
            first += rows
    return 0


@kernel
def conv_w(args, start, stop, dtype):
    """Filters: rows times results, a sum for each piece."""
    sizes = row_memory(3, np.int64)
    words, counts, size = address(args), address(sizes), args[ITEM]
    patch_at = args[3] + start // args[GRAIN] * args[BLOCK] * args[ROW] * size
    patch, x = pointer(patch_at, dtype), pointer(args[1], dtype)
    sizes[0], sizes[1] = args[ROW], args[FILTERS]
    flag = words + 8 * (TRANSPOSED if args[ACROSS] else PLAIN)
    step = words + 8 * (BLOCK if args[ACROSS] else ROW)
    for i in range(start, stop):
        batch, piece = i // args[PER_BATCH], i % args[PER_BATCH]
        first, last = piece * args[PIECE], min((piece + 1) * args[PIECE], args[ROWS])
        out, start_or_add = args[0] + i * args[OUT_BATCH] * size, words + 8 * ZERO
        while first < last:
            rows = min(args[BLOCK], last - first)
            patched(args, patch, x, batch * args[X_BATCH], first, rows, False, dtype)
            sizes[2] = rows
            results = args[2] + (batch * args[Y_BATCH] + first * args[Y_ROW]) * size
            call(
                args[FUNCTION],
                (flag, words + 8 * TRANSPOSED, counts, counts + 8, counts + 16, words + 8 * ONE, patch_at, step,
                 results, words + 8 * Y_ROW, start_or_add, out, words + 8 * ROW),
            )  # fmt: skip
            start_or_add = words + 8 * ONE
            first += rows
    return 0


# --- lowering --------------------------------------------------------------------------------------------

Shape = tuple[int, ...]
Read = tuple[View, list[Loop]]
"""An operand as a kernel reads it, behind loops that copy it, if it must be."""


@lowers("conv")
def lower_conv(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """The rows of an image are multiplied by the filters."""
    x, w = step.inputs
    form = _form(step, x, w, step.output)
    filters, copies = shaped(w, (form.batches, form.filters, *form.w, form.channels), allocate)
    return [*copies, *_results(form, x, filters, step.output, allocate)]


@lowers("conv_x")
def lower_conv_x(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """Results are multiplied by the filters, which gives rows of an image to add up.

    Where strides are 1, that is the convolution of the results with the filters turned, which adds up nothing: the
    better way, unless patches are much larger.
    """
    w, y = step.inputs
    form = _form(step, step.output, w, y)
    if form.strides != (1,) * SPACE or form.filters > 2 * form.channels:
        filters, copies = _matrix(w, (form.batches, form.filters, form.row), allocate)
        results, more = _matrix(y, (form.batches, form.rows, form.filters), allocate)
        image = (form.batches, form.images, *form.x, form.channels)
        numbers = (*contiguous_strides(image)[:-1], *_leading(filters), *_leading(results))
        return [*copies, *more, *_loops("conv_x", form, step.output, (filters, results), numbers, allocate)]
    filters, copies = shaped(w, (form.batches, form.filters, *form.w, form.channels), allocate)
    for axis in (2, 3, 4):
        filters = flipped(filters, axis)
    return [*copies, *_results(form.turned(), y, _moved(filters, (0, 5, 2, 3, 4, 1)), step.output, allocate)]


@lowers("conv_w")
def lower_conv_w(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """The rows of an image are multiplied by results, for each filter."""
    x, y = step.inputs
    form = _form(step, x, step.output, y)
    image, copies = _dense(x, (form.batches, form.images, *form.x, form.channels), allocate)
    results, more = _matrix(y, (form.batches, form.rows, form.filters), allocate)
    numbers = (*image.layout.strides[:-1], 0, 0, *_leading(results))
    return [*copies, *more, *_loops("conv_w", form, step.output, (image, results), numbers, allocate)]


def _results(form: _Form, x: Operand, filters: View, out: View, allocate: Allocate) -> list[Loop]:
    image, copies = _dense(x, (form.batches, form.images, *form.x, form.channels), allocate)
    shape = (form.batches, form.filters, form.row)
    if not form.few:
        filters, shape = _moved(filters, (0, 2, 3, 4, 5, 1)), (form.batches, form.row, form.filters)
    matrix, more = _matrix(filters, shape, allocate)
    numbers = (*image.layout.strides[:-1], *_leading(matrix), 0, 0)
    return [*copies, *more, *_loops("conv", form, out, (image, matrix), numbers, allocate)]


@dataclass(frozen=True)
class _Form:
    """Sizes of a step, of which those by axes of space are three each."""

    batches: int
    images: int
    channels: int
    filters: int
    x: Shape
    w: Shape
    y: Shape
    strides: Shape
    low: Shape
    dilation: Shape

    @property
    def few(self) -> bool:
        """Whether there are so few filters that OpenBLAS takes them in rows, beside patches in columns."""
        return self.channels == 1 and self.filters < FEW

    @property
    def rows(self) -> int:
        """Positions of all images."""
        return self.images * math.prod(self.y)

    @property
    def row(self) -> int:
        """Elements of an image that a filter meets at a position."""
        return math.prod(self.w) * self.channels

    def turned(self) -> _Form:
        """From results to images, by filters turned."""
        low = tuple([(k - 1) * d - n for k, d, n in zip(self.w, self.dilation, self.low, strict=True)])
        return replace(self, channels=self.filters, filters=self.channels, x=self.y, y=self.x, low=low)


def _form(step: KernelStep, x: Operand, w: Operand, y: Operand) -> _Form:
    shapes = [aval_of(o).shape for o in (x, w, y)]
    axes = len(step.params["strides"])
    ahead = (1,) * (SPACE - axes)
    sizes = [ahead + shape[-1 - axes : -1] for shape in shapes]
    strides, low, dilation = [step.params[name] for name in ("strides", "low", "dilation")]
    *lead, images = shapes[0][: -1 - axes]
    x_sizes, w_sizes, y_sizes = sizes
    return _Form(
        math.prod(lead), images, shapes[0][-1], shapes[2][-1], x_sizes, w_sizes, y_sizes, ahead + strides,
        (0,) * len(ahead) + low, ahead + dilation,
    )  # fmt: skip


def _moved(x: View, axes: Shape) -> View:
    return replace(x, layout=transpose(x.layout, axes))


def _dense(o: Operand, shape: Shape, allocate: Allocate) -> Read:
    """An array under this shape, whose last axis is dense."""
    x, copies = shaped(o, shape, allocate)
    return (x, copies) if x.layout.strides[-1] == 1 or shape[-1] == 1 else _copied(x, copies, allocate)


def _matrix(o: Operand, shape: Shape, allocate: Allocate) -> Read:
    """Matrices of dense rows that do not overlap."""
    x, copies = _dense(o, shape, allocate)
    apart = x.layout.strides[-2] >= shape[-1] or shape[-2] == 1
    return (x, copies) if apart else _copied(x, copies, allocate)


def _copied(x: View, copies: list[Loop], allocate: Allocate) -> Read:
    dense = allocate(aval_of(x))
    return dense, [*copies, *copy(x, dense)]


def _leading(x: View) -> tuple[int, int]:
    """Strides of batches, and from row to row as BLAS has it."""
    batch, row, _ = x.layout.strides
    _, rows, columns = x.layout.shape
    return batch, row if rows > 1 else max(columns, 1)


def _loops(
    name: str, form: _Form, out: View, operands: tuple[View, View], strides: Shape, allocate: Allocate
) -> list[Loop]:
    """The loop of this kernel and, where it sums up pieces of the rows, that of the total."""
    if 0 in out.layout.shape:
        return []
    size, sums = out.dtype.itemsize, name == "conv_w"
    times = form.row * form.filters
    cost = form.rows * (form.row * 0.2 + times * size * (2 if out.dtype.kind == "c" else 1) / 128)
    unit = math.prod(form.y) if name == "conv_x" else 1
    most = form.images if name == "conv_x" else form.rows // (LEAST_SUM if sums else LEAST_ROWS)
    pieces = max(min(int(cost / CHUNK), PIECES, most), 1)
    piece = -(-form.rows // unit // pieces)
    pieces = -(-form.rows // unit // piece)
    count = form.batches * pieces
    grain = max(grain_for(count, cost / pieces) or count, -(-count // PIECES))
    block = min(max(PATCH // form.row, LEAST_ROWS), piece * unit)
    if block * times > SMALL:
        block = min(max(LARGE_PATCH // form.row, LEAST_ROWS), piece * unit)
    patches = allocate(aval((-(-count // grain), block * form.row), out.dtype))
    target, more = _summed(form, out, pieces, allocate) if sums and pieces > 1 else (out, [])
    numbers = (
        blas.function(blas.PREFIXES[out.dtype.name] + "gemm"), MEMMOVE, ord("N"), ord("T"),
        *scalar_words(1, out.dtype), *scalar_words(0, out.dtype), size, pieces, piece * unit, grain, block,
        form.channels == 1, form.rows, math.prod(form.y), form.row, form.filters, form.channels,
        *form.x, *form.w, *form.y, *form.strides, *form.low, *form.dilation, *strides,
        form.filters * (form.row if sums else form.rows), form.few,
    )  # fmt: skip
    during = blas.one_thread() if block * times >= SHARED["gemm"] else None
    arrays = (target, *operands, patches)
    return [Loop(calling(name, out.dtype), arrays, (), numbers, count, grain, during=during), *more]


def _summed(form: _Form, out: View, pieces: int, allocate: Allocate) -> Read:
    """Memory for the sums of each piece, and the loops that add these up."""
    total = form.filters * form.row
    shape = (form.batches, pieces, total)
    parts = allocate(aval(shape, out.dtype))
    target = View(out.buffer, out.dtype, Layout(shape, (total, 0, 1), out.layout.offset))
    return parts, codegen.lower(FusedStep(shape, 3, [parts], [], [Store(0, target, "add")]), allocate)
