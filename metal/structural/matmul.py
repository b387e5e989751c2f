"""Matrix products, with operands read where they lie.

Floating ones are made of tiles, and those of a vector and a matrix by rows or columns. Where that is little work
for many threads, the inner axis is shared out to pieces, whose results are added up.
"""

from __future__ import annotations

import math

from ...core.avals import aval, float32
from ...core.layouts import Layout
from ...devices.operands import canonical, combination, number, seen_as
from ...planning.plan import KernelStep, View
from ..dispatch import Allocate, Dispatch, lowers
from .calls import LARGEST_GROUP, Call, by_groups, by_threads, type_of
from .reductions import SIMDGROUPS, operation, reduce_dispatches
from .structure import in_memory

TILE = 64
"""Rows and columns of a tile of the result."""
TILE_GROUP = 128
"""Threads that make one."""
TILE_MEMORY = 4096
"""Floats that they need."""
SHALLOW, SMALL = 8, 256
"""Inner sizes up to which each element is best made by a thread: of any, of small matrices."""
WIDE = 8192
"""Columns from which on a thread for each is enough to multiply a vector."""
LANES = 32
"""Threads of a simdgroup."""
GROUPS = 64
"""Threadgroups below which the inner axis is shared out, ..."""
DEEP = 512
"""... if a piece of it has so many elements at least."""


@lowers("matmul")
def matmul(step: KernelStep, allocate: Allocate) -> list[Dispatch]:
    """The product, with as few batch axes as can be and the vector, if there is one, on the left."""
    if 0 in step.output.layout.shape:
        return []
    x, dispatches = in_memory(step.inputs[0], allocate)
    y, copies = in_memory(step.inputs[1], allocate)
    dispatches += copies
    dtype = step.output.dtype
    x, y, out = canonical(*(seen_as(number(dtype), v) for v in (x, y, step.output)))
    if dtype.kind == "f":
        return [*dispatches, *_floating(x, y, out, allocate)]
    count = math.prod(out.layout.shape)
    by = [operation(combination(name, dtype)) for name in ("add", "multiply")]
    call = Call(f"matmul_by_threads<{type_of(out)}, {', '.join(by)}>", (out,), (x, y), _numbers(x, y, out, 1))
    return [*dispatches, by_threads("matmul", call, count=count, work=x.layout.shape[-1])]


def _floating(x: View, y: View, out: View, allocate: Allocate) -> list[Dispatch]:
    *batch, rows, columns = out.layout.shape
    inner, batches, count = x.layout.shape[-1], math.prod(batch), math.prod(out.layout.shape)
    if inner <= SHALLOW or (rows * columns <= SMALL and inner <= SMALL) or (rows == 1 and count >= WIDE):
        types = f"<{type_of(out)}, helper::Add, helper::Multiply>"
        call = Call(f"matmul_by_threads{types}", (out,), (x, y), _numbers(x, y, out, 1))
        return [by_threads("matmul", call, count=count, work=inner)]
    y_down, y_right = map(abs, y.layout.strides[-2:])
    threads = LARGEST_GROUP
    if rows > 1:
        function, groups, memory = "matmul_tiles", -(-rows // TILE) * -(-columns // TILE), TILE_MEMORY
        threads = TILE_GROUP
    elif y_down < y_right or columns == 1:
        function, groups, memory = "vector_by_columns", columns, SIMDGROUPS
    else:
        function, groups, memory = "vector_by_rows", -(-columns // LANES), LARGEST_GROUP
    pieces = max(min(GROUPS // (groups * batches), inner // DEEP), 1)
    made = out if pieces == 1 else allocate(aval((1, pieces, count), float32))
    call = Call(f"{function}<{type_of(made)}>", (made,), (x, y), _numbers(x, y, out, pieces))
    work = -(-count * inner // (groups * batches * pieces))
    dispatches = [by_groups("matmul", call, groups * batches * pieces, [("float", memory)], threads, work=work)]
    if pieces > 1:
        target = View(out.buffer, out.dtype, Layout((1, count), (0, 1), out.layout.offset))
        dispatches += reduce_dispatches("add", made, target, allocate)
    return dispatches


def _numbers(x: View, y: View, out: View, pieces: int) -> tuple[int, ...]:
    """The words of a product (matmul.metal) of which the inner axis is in so many pieces."""
    *batch, rows, columns = out.layout.shape
    inner = x.layout.shape[-1]
    axes = list(zip(batch, x.layout.strides, y.layout.strides, strict=False))
    return (
        *(columns, rows, inner, pieces, -(-inner // pieces), math.prod(batch)),
        *(n for v in (x, y) for n in (v.layout.offset, *v.layout.strides[-2:])),
        *(len(axes), *(n for axis in reversed(axes) for n in axis)),
    )
