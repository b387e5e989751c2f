"""Scans along an axis: cumsum, cumprod, cummax, cummin, logcumsumexp, linear_recurrence.

An array is (outer, n, inner), any strides; a scan from the end is one of flipped views. Where inner is 1 the
running value is in a register; else a row of results continues the row before, which vectorises.
"""

from __future__ import annotations

from typing import Any

from ...devices.operands import around, combination, flipped, number, seen_as
from ...planning.plan import KernelStep
from ..elements.registry import kernel
from ..loops import Allocate, Loop, Lowering, calling, grain, lowers
from ..native.pointers import pointer
from .structure import shaped

TILE = 256
"""Columns that are scanned together: a few rows of them stay in the first cache."""


@kernel
def scan_rows(args, start, stop, dtype, combine, identity):
    """An exclusive scan begins with the identity and is one value behind."""
    out, x = pointer(args[0], dtype), pointer(args[1], dtype)
    n, exclusive, out_line, out_step, x_line, x_step = args[2], args[4], args[5], args[6], args[8], args[9]
    for line in range(start, stop):
        value = dtype(identity) if exclusive else x[line * x_line]
        out[line * out_line] = value
        for j in range(1, n):
            value = dtype(combine(value, x[line * x_line + (j - exclusive) * x_step]))
            out[line * out_line + j * out_step] = value
    return 0


@kernel
def scan_columns(args, start, stop, dtype, combine, identity):
    out, x = pointer(args[0], dtype), pointer(args[1], dtype)
    n, inner, exclusive, out_line, out_step = args[2], args[3], args[4], args[5], args[6]
    x_line, x_step, x_column = args[8], args[9], args[10]
    tiles = (inner + TILE - 1) // TILE
    for tile in range(start, stop):
        line, first = tile // tiles, tile % tiles * TILE
        width = min(TILE, inner - first)
        row, source = line * out_line + first, line * x_line + first * x_column
        for k in range(width):
            out[row + k] = dtype(identity) if exclusive else x[source + k * x_column]
        if not exclusive:
            source += x_step
        for _ in range(1, n):
            for k in range(width):
                out[row + out_step + k] = dtype(combine(out[row + k], x[source + k * x_column]))
            row += out_step
            source += x_step
    return 0


@kernel
def recurrence_rows(args, start, stop, dtype):
    out, x, y = pointer(args[0], dtype), pointer(args[1], dtype), pointer(args[2], dtype)
    n, out_line, out_step = args[3], args[5], args[6]
    x_line, x_step, y_line, y_step = args[8], args[9], args[11], args[12]
    for line in range(start, stop):
        h = dtype(0)
        for j in range(n):
            h = dtype(x[line * x_line + j * x_step] * h + y[line * y_line + j * y_step])
            out[line * out_line + j * out_step] = h
    return 0


@kernel
def recurrence_columns(args, start, stop, dtype):
    out, x, y = pointer(args[0], dtype), pointer(args[1], dtype), pointer(args[2], dtype)
    n, inner, out_line, out_step = args[3], args[4], args[5], args[6]
    x_line, x_step, x_column = args[8], args[9], args[10]
    y_line, y_step, y_column = args[11], args[12], args[13]
    tiles = (inner + TILE - 1) // TILE
    for tile in range(start, stop):
        line, first = tile // tiles, tile % tiles * TILE
        width = min(TILE, inner - first)
        row, factors, terms = (
            line * out_line + first,
            line * x_line + first * x_column,
            line * y_line + first * y_column,
        )
        for k in range(width):
            out[row + k] = dtype(x[factors + k * x_column] * dtype(0) + y[terms + k * y_column])
        for _ in range(1, n):
            factors += x_step
            terms += y_step
            for k in range(width):
                h = x[factors + k * x_column] * out[row + k] + y[terms + k * y_column]
                out[row + out_step + k] = dtype(h)
            row += out_step
    return 0


def scan(operation: str, identity: int = 0) -> Lowering:
    """Lowering of a primitive that accumulates by the element function of this name.

    The identity is what an exclusive scan begins with.
    """

    def lower(step: KernelStep, allocate: Allocate) -> list[Loop]:
        combine = combination(operation, step.output.dtype)
        return _along(step, allocate, "scan", (combine, identity), (int(step.params.get("exclusive", False)),))

    return lower


@lowers("linear_recurrence")
def linear_recurrence(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """h = x * h + y along the axis, from h = 0."""
    return _along(step, allocate, "recurrence", (), ())


def _along(
    step: KernelStep, allocate: Allocate, name: str, arguments: tuple[Any, ...], flags: tuple[int, ...]
) -> list[Loop]:
    """The loop of a kernel along rows, or along columns in tiles, with the copies that it needs first."""
    shape = step.output.layout.shape
    if 0 in shape:
        return []
    outer, n, inner = around(shape, (step.params["axis"],))
    dtype = number(step.output.dtype)
    loops, views = [], []
    for o in (step.output, *step.inputs):
        view, copies = shaped(o, (outer, n, inner), allocate)
        view = seen_as(dtype, view)
        views.append(flipped(view, 1) if step.params["reverse"] else view)
        loops += copies
    form = "rows" if inner == 1 else "columns"
    numbers = (n, inner, *flags, *[stride for view in views for stride in view.layout.strides])
    loops.append(
        Loop(
            calling(f"{name}_{form}", dtype, *arguments),
            tuple(views),
            (),
            numbers,
            outer * -(-inner // TILE),
            grain(n * min(inner, TILE)),
        )
    )
    return loops


lowers("cumsum")(scan("add", 0))
lowers("cumprod")(scan("multiply", 1))
lowers("cummax")(scan("maximum"))
lowers("cummin")(scan("minimum"))
lowers("logcumsumexp")(scan("logaddexp"))
