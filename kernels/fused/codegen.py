"""From a fused step to loops: how it is chunked, memory for partial results, and the source of its kernel.

The kernel goes through rows, and through the columns of each row once for every phase of the step
(fastvjp/devices/phases.py). Sizes, strides and addresses are arguments, so that steps that differ in nothing else
share a kernel.

Reductions at the edges go to memory that begins as the identity. Where chunks would meet in it, each has its
own, and a last loop combines these.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from ...core.avals import aval
from ...core.definitions import DEFINED
from ...core.layouts import Layout
from ...devices.nest import Nest, Place
from ...devices.operands import out_of_range
from ...planning.plan import Call, FusedStep, Match, Operand, Reduce, Scalar, Store, View
from ..loops import Allocate, Failure, Loop, bad_index, grain_for
from .arrays import Arrays
from .source import TILE, Source
from .text import fill_source
from .tile_arrays import TileArrays
from .tiles import Tiles
from .tiling import operations, tiled_nest

MOVE = 0.02
"""Nanoseconds for a byte to or from memory, ..."""
REAL = 0.005
"""... for an operation on vectors, for each byte of an element, ..."""
COMPLEX = 0.3
"""... and for a complex operation. As measured: they say how large a chunk is to be, not more."""
DEAR = 10
"""Operations that an element function counts for at most: many of them are for rare arguments or complex ones."""
MAX_PARTIALS = 16
"""Chunks, where each has an array of its own to reduce to."""
MAX_ROW_BYTES = 1 << 19
"""Row memory of a kernel, which lies on the stack of a thread."""


def lower(step: FusedStep, allocate: Allocate | None = None) -> list[Loop]:
    """The loops of a fused step: fill what it reduces to, its kernel, combine what chunks have reduced to.

    Only a step that reduces needs to allocate.
    """
    if step.then:
        return [*lower(replace(step, then=None), allocate), *lower(step.then)]
    if 0 in step.shape:
        return [_fill(s.target, s.combine) for s in step.stores if s.combine]
    nest = tiled_nest(step)
    if step.has_rows and _writer(step, nest).values.row_bytes() > MAX_ROW_BYTES:
        assert allocate is not None
        return [loop for single in single_steps(step, allocate) for loop in lower(single, allocate)]
    places = nest.places[len(nest.places) - len(step.stores) :]
    grain = _grain(step, nest, places)
    chunks = -(-nest.count // grain)
    fills, combines = [], []
    slots: dict[int, View] = {}
    for i, (store, place) in enumerate(zip(step.stores, places, strict=True)):
        if not store.combine:
            continue
        target = store.target
        if chunks > 1 and grain % nest.unit(place):
            assert allocate is not None
            size = target.layout.shape[0]
            parts = allocate(aval((chunks, size), target.dtype))
            slots[i] = View(parts.buffer, parts.dtype, store.view.layout)
            combine = Store(0, View(target.buffer, target.dtype, Layout((chunks, size), (0, 1))), store.combine)
            combines.append(FusedStep((chunks, size), 2, [parts], [], [combine]))
            fills.append(_fill(_flat(parts), store.combine))
        fills.append(_fill(target, store.combine))
    source, arrays, scalars, numbers = _writer(step, nest, grain, slots).generate()
    kernel = Loop(source, arrays, scalars, numbers, nest.count, grain, _failure(step), work=_work(step))
    return [*fills, kernel, *(_whole(combine) for combine in combines)]


def single_steps(step: FusedStep, allocate: Allocate) -> list[FusedStep]:
    """The element functions, reductions and stores of a fused step, each as a step of its own."""
    if step.then:
        return [*single_steps(replace(step, then=None), allocate), *single_steps(step.then, allocate)]
    shape, k = step.shape, step.rows
    values: list[Operand] = list(step.loads)
    steps = []

    def dense(a: View, axes: int) -> View:
        strides = a.layout.strides + (0,) * (len(shape) - axes)
        return View(a.buffer, a.dtype, Layout(shape, strides))

    for entry in step.body:
        loads = [values[i] for i in entry.operands]
        single = [entry.renumbered({i: n for n, i in enumerate(entry.operands)})]
        if isinstance(entry, Reduce):
            result = dense(allocate(aval(shape[:k], entry.dtype)), k)
            if entry.where is None:  # chunks may share a row out
                steps.append(FusedStep(shape, len(shape), loads, [], [Store(0, result, entry.name)]))
            else:
                steps.append(FusedStep(shape, k, loads, single, [Store(2, result, row=True)]))
        else:
            result = dense(allocate(aval(shape, entry.dtype)), len(shape))
            steps.append(FusedStep(shape, k, loads, single, [Store(len(loads), result)]))
        values.append(result)
    for store in step.stores:
        domain = shape[:k] if store.row else shape
        source, target = (_over(o, domain) for o in (values[store.value], store.view))
        assert isinstance(target, View)
        steps.append(FusedStep(domain, len(domain), [source], [], [Store(0, target, store.combine)]))
    return steps


def _over(operand: Operand, domain: tuple[int, ...]) -> Operand:
    """An operand over the first axes of its domain."""
    if isinstance(operand, Scalar):
        return operand
    layout = Layout(domain, operand.layout.strides[: len(domain)], operand.layout.offset)
    inside = operand.inside and operand.inside[: len(domain)]
    return View(operand.buffer, operand.dtype, layout, inside, operand.fill)


def _writer(
    step: FusedStep, nest: Nest, grain: int | None = None, slots: Mapping[int, View] | None = None
) -> Source:
    """What writes the kernel; without a grain, of one chunk."""
    grain, slots = nest.count if grain is None else grain, slots or {}
    if nest.lanes:
        return Tiles(step, nest, TileArrays(step, nest, grain, slots))
    return Source(step, nest, Arrays(step, nest, grain, slots))


def _whole(step: FusedStep) -> Loop:
    """A step in one chunk."""
    nest = tiled_nest(step)
    return Loop(*_writer(step, nest).generate(), nest.count, work=_work(step))


def _failure(step: FusedStep) -> Failure | None:
    """Of a row whose index is none of a column."""
    columns, name = math.prod(step.shape[step.rows :]), Match.primitive
    return bad_index(name, lambda place, args: out_of_range(name, columns, place)) if step.matches else None


def _grain(step: FusedStep, nest: Nest, stores: tuple[Place, ...]) -> int:
    """Iterations of a chunk, from the shape alone, so that results do not depend on the number of threads."""
    elements = math.prod(nest.rows) * math.prod(nest.columns)
    grain = grain_for(nest.count, _cost(step) * elements / nest.count) or nest.count
    if nest.flat:
        return max(-(-grain // TILE), 1) * TILE
    for store, place in zip(step.stores, stores, strict=True):
        unit = nest.unit(place) if store.combine else 1
        if unit < nest.count:
            grain = -(-grain // unit) * unit
        elif store.target.layout.shape[0] > TILE:
            grain = max(grain, -(-nest.count // MAX_PARTIALS))
    return grain


def _cost(step: FusedStep) -> float:
    """Nanoseconds that an element takes on one core, very roughly: its way through memory and its operations."""
    views = [*(o for o in step.loads if isinstance(o, View)), *step.writes]
    cost = sum(MOVE * v.dtype.itemsize for v in views)
    for e in step.body:
        cost += operations([e]) * (COMPLEX if e.dtype.kind == "c" else REAL * e.dtype.itemsize)
    return cost


def _work(step: FusedStep) -> float:
    """About how many operations a step takes in all: of functions of users nobody knows that."""
    if any(isinstance(e, Call) and e.name in DEFINED for e in step.body):
        return math.inf
    each = len(step.loads) + len(step.stores) + sum(min(operations([e]), DEAR) for e in step.body)
    return each * math.prod(step.shape)


def _flat(view: View) -> View:
    return View(view.buffer, view.dtype, Layout((math.prod(view.layout.shape),), (1,)))


def _fill(view: View, combine: str | None) -> Loop:
    """The loop that sets an array to the identity of a combination."""
    assert combine is not None
    size = view.layout.shape[0]
    return Loop(fill_source(view.dtype, combine), (view,), (), (), size, work=size)
