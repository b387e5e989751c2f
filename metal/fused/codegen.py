"""From a fused step to dispatches.

A kernel gives each row of the step to a thread or, where rows are long, to a threadgroup. What combines rows is
first a partial result of each threadgroup; the last one that is done combines these, so that a step is one
dispatch. Where what is combined meets in another way, a second kernel combines it.
"""

from __future__ import annotations

from dataclasses import replace

from ...core.avals import aval
from ...core.layouts import Layout
from ...planning.plan import Entry, FusedStep, Reduce, Store, View
from ..dispatch import Allocate, Dispatch
from .grid import Kind, grid_of
from .source import dispatch_of, fill_dispatch


def lower(step: FusedStep, allocate: Allocate) -> list[Dispatch]:
    """The dispatches of a fused step."""
    if step.then and (0 in step.shape or Kind.IRREGULAR in grid_of(step).kinds):
        return [*lower(replace(step, then=None), allocate), *lower(step.then, allocate)]
    if 0 in step.shape:
        filled = [s for s in step.stores if s.combine and s.target.layout.shape[0]]
        return [fill_dispatch(s.target, s.combine) for s in filled if s.combine]
    grid = grid_of(step)
    if Kind.IRREGULAR not in grid.kinds:
        return [dispatch_of(step, grid, allocate)]
    stores, combining = [], []
    for store, kind in zip(step.stores, grid.kinds, strict=True):
        if kind is Kind.IRREGULAR:
            made = allocate(aval(step.shape[: step.rows] if store.row else step.shape, store.view.dtype))
            strides = made.layout.strides + (0,) * (len(step.shape) - len(made.layout.shape))
            combining.append(_combine(made, store))
            store = Store(store.value, View(made.buffer, made.dtype, Layout(step.shape, strides)), None, store.row)
        stores.append(store)
    whole = FusedStep(step.shape, step.rows, step.loads, step.body, stores)
    return [d for part in (whole, *combining) for d in lower(part, allocate)]


def _combine(source: View, store: Store) -> FusedStep:
    """The step that combines stored values as the store would have done: kept axes are rows, the rest columns."""
    shape, target = source.layout.shape, store.view.layout
    kept = [i for i, n in enumerate(shape) if target.strides[i] and n > 1]
    order = kept + [i for i in range(len(shape)) if i not in kept]

    def ordered(layout: Layout) -> Layout:
        return Layout(tuple(shape[i] for i in order), tuple(layout.strides[i] for i in order), layout.offset)

    load = View(source.buffer, source.dtype, ordered(source.layout))
    result = View(store.view.buffer, store.view.dtype, ordered(target))
    assert store.combine is not None
    body: list[Entry] = [Reduce(store.combine, source.dtype, 0)]
    return FusedStep(load.layout.shape, len(kept), [load], body, [Store(1, result, None, True)])
