"""Rows by index: gather, an element of each row, and scatters that set or combine.

An array is (rows, size), any strides. Kernels check every index before they use it and return the position of
the first bad one, from 1. Scatters go through the index in order, so results do not depend on timing; where rows
are long, their columns are shared out.
"""

from __future__ import annotations

import math

import numpy as np

from ...devices.operands import aval_of, combination, number, out_of_range, seen_as
from ...planning.plan import KernelStep, View
from ..elements.arithmetic import OUT_OF_RANGE
from ..elements.registry import helper, kernel
from ..loops import Allocate, Failure, Loop, Lowering, bad_index, calling, grain, lowers
from ..native.pointers import PythonPointer, pointer
from .structure import copy, shaped, word

COLUMNS = 64
"""Columns of a row in a chunk at least: whole cache lines."""


@kernel
def gather(args, start, stop, dtype, index_dtype):
    out, x, index = pointer(args[0], dtype), pointer(args[1], dtype), pointer(args[2], index_dtype)
    rows, size, x_row, x_step, index_step = args[3], args[4], args[5], args[6], args[7]
    for i in range(start, stop):
        place = np.int64(index[i * index_step])
        if place < 0 or place >= rows:
            return i + 1
        if size == 1:
            out[i] = x[place * x_row]
        else:
            for k in range(size):
                out[i * size + k] = x[place * x_row + k * x_step]
    return 0


@kernel
def pick(args, start, stop, dtype, index_dtype):
    out, x, index = pointer(args[0], dtype), pointer(args[1], dtype), pointer(args[2], index_dtype)
    size, x_row, x_step, index_step = args[3], args[4], args[5], args[6]
    for i in range(start, stop):
        place = np.int64(index[i * index_step])
        if place < 0 or place >= size:
            return i + 1
        out[i] = x[i * x_row + place * x_step]
    return 0


@kernel
def one_hot(args, start, stop, dtype, index_dtype):
    out, x, index = pointer(args[0], dtype), pointer(args[1], dtype), pointer(args[2], index_dtype)
    size, x_step, index_step = args[3], args[4], args[5]
    for i in range(start, stop):
        out[i] = dtype(0)
    for row in range(start // size, (stop - 1) // size + 1):
        place = np.int64(index[row * index_step])
        at = row * size + place
        if 0 <= place < size and start <= at < stop:
            out[at] = x[row * x_step]
    return 0


@kernel
def scatter(args, start, stop, dtype, index_dtype, combine):
    out, y, index = pointer(args[0], dtype), pointer(args[1], dtype), pointer(args[2], index_dtype)
    rows, size, y_row, y_step, index_step, picks = args[3], args[4], args[5], args[6], args[7], args[8]
    stop = min(stop, size)
    for i in range(picks):
        place = np.int64(index[i * index_step])
        if place < 0 or place >= rows:
            return i + 1
        if size == 1:
            out[place] = dtype(combine(out[place], y[i * y_row]))
        else:
            for k in range(start, stop):
                out[place * size + k] = dtype(combine(out[place * size + k], y[i * y_row + k * y_step]))
    return 0


@helper
def replace(old, new):
    return new


@lowers("gather")
def lower_gather(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """Rows of x."""
    x, index = step.inputs
    rows, (picks, *row) = aval_of(x).shape[0], step.output.layout.shape
    size = math.prod(row)
    x, loops = shaped(x, (rows, size), allocate)
    index, more = shaped(index, (picks,), allocate)
    source = calling("gather", word(x.dtype), index.dtype)
    arrays = (seen_as(word(x.dtype), step.output), seen_as(word(x.dtype), x), index)
    numbers = (rows, size, *x.layout.strides, *index.layout.strides)
    failure = _out_of_range("gather", rows, index)
    return [*loops, *more, Loop(source, arrays, (), numbers, picks, grain(size), failure)]


@lowers("pick")
def lower_pick(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """An element of each row of x."""
    x, index = step.inputs
    size = aval_of(x).shape[-1]
    rows = math.prod(step.output.layout.shape)
    x, loops = shaped(x, (rows, size), allocate)
    index, more = shaped(index, (rows,), allocate)
    source = calling("pick", word(x.dtype), index.dtype)
    arrays = (seen_as(word(x.dtype), step.output), seen_as(word(x.dtype), x), index)
    numbers = (size, *x.layout.strides, *index.layout.strides)
    failure = _out_of_range("pick", size, index)
    return [*loops, *more, Loop(source, arrays, (), numbers, rows, grain(1), failure)]


@lowers("one_hot")
def lower_one_hot(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """Rows of zeros with an element of x each."""
    x, index = step.inputs
    *_, size = step.output.layout.shape
    rows = math.prod(aval_of(x).shape)
    x, loops = shaped(x, (rows,), allocate)
    index, more = shaped(index, (rows,), allocate)
    arrays = (seen_as(word(x.dtype), step.output), seen_as(word(x.dtype), x), index)
    numbers = (size, *x.layout.strides, *index.layout.strides)
    source = calling("one_hot", word(x.dtype), index.dtype)
    return [*loops, *more, Loop(source, arrays, (), numbers, rows * size, grain(1))]


def scatter_rows(name: str, operation: str) -> Lowering:
    """Lowering of a primitive that combines rows of y into x, or a copy of it, by an element function."""

    def lower(step: KernelStep, allocate: Allocate) -> list[Loop]:
        x, index, y = step.inputs
        (picks,), (rows, *row) = aval_of(index).shape, step.output.layout.shape
        size = math.prod(row)
        y, loops = shaped(y, (picks, size), allocate)
        index, more = shaped(index, (picks,), allocate)
        dtype = word(y.dtype) if operation == "replace" else number(y.dtype)
        source = calling("scatter", dtype, index.dtype, combination(operation, y.dtype))
        arrays = (seen_as(dtype, step.output), seen_as(dtype, y), index)
        numbers = (rows, size, *y.layout.strides, *index.layout.strides, picks)
        columns = max(size, 1)  # with none, the index is still checked
        failure = _out_of_range(name, rows, index)
        one = Loop(source, arrays, (), numbers, columns, max(grain(picks), COLUMNS), failure)
        copies = [] if x == step.output else copy(x, step.output)
        return [*copies, *loops, *more, one]

    return lower


def _out_of_range(name: str, rows: int, index: View) -> Failure:
    """Of an index that is none of so many rows."""

    def describe(place: int, args: PythonPointer) -> IndexError:
        bad = pointer(args[2], index.dtype)[place * index.layout.strides[0]]
        # normalize_index has marked an index that was out of range: what it was is not known here
        what = "An index" if bad == OUT_OF_RANGE else f"Index {bad}"
        return out_of_range(name, rows, place, what)

    return bad_index(name, describe)


for _name, _operation in {
    "scatter_set": "replace",
    "scatter_add": "add",
    "scatter_multiply": "multiply",
    "scatter_max": "maximum",
    "scatter_min": "minimum",
}.items():
    lowers(_name)(scatter_rows(_name, _operation))
