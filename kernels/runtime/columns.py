"""Temporaries of few columns, laid out column by column where tiles (tiles.py) then find rows side by side.

Only fused steps may touch such a temporary, and what can be one: they take any layout, other kernels C order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...core.avals import Aval, aval
from ...core.layouts import Layout
from ...planning.plan import ALIGNMENT, FusedStep, Plan, Step, View
from ..fused import tiling
from .lowering import fused


def by_column(plan: Plan) -> Plan:
    """The plan with those temporaries turned by which more is saved than lost."""
    first = len(plan.leaves)
    possible = {b: turn for b in plan.offsets if (turn := _turn(plan.buffers[b - first]))}
    if not possible:
        return plan
    parts = [fused(step) for step in plan.steps]
    for step, part in zip(plan.steps, parts, strict=True):
        for view in _views(step) if part is None else [v for single in part for v in _fixed(single, possible)]:
            possible.pop(view.buffer, None)
    touching: defaultdict[int, dict[FusedStep, None]] = defaultdict(dict)
    """The steps that touch a temporary."""
    for single in (single for part in parts for single in part or ()):
        for view in _views(single):
            touching[view.buffer][single] = None
    turns: dict[int, _Turn] = {}
    for b, turn in possible.items():
        more, cost = turns | {b: turn}, _cost(touching[b], turns)
        if cost and _cost(touching[b], more) <= cost:  # equal: what else such a step has may follow
            turns = more
    if not turns:
        return plan
    steps: list[Step] = []
    for step, part in zip(plan.steps, parts, strict=True):
        if not part or turns.keys().isdisjoint([view.buffer for view in _views(step)]):
            steps.append(replace(step))  # also one that does nothing, but has a result
        else:
            steps += [_turned(single, turns) for single in part]
    buffers = [turns[b].aval if b in turns else a for b, a in enumerate(plan.buffers, first)]
    return replace(plan, buffers=buffers, steps=steps)


def _views(step: Step) -> list[View]:
    return [o for o in (*step.reads, *step.writes) if isinstance(o, View)]


def _fixed(step: FusedStep, turns: Mapping[int, _Turn]) -> list[View]:
    """The views of a step that cannot be turned."""
    combined = [store.view for store in step.stores if store.combine]  # filled first, as contiguous memory
    return combined + [v for v in _views(step) if v.buffer in turns and not turns[v.buffer].applies(v)]


@dataclass(frozen=True)
class _Turn:
    """From C order with so many columns to columns one behind the other, `pitch` elements apart."""

    columns: int
    pitch: int
    dtype: np.dtype

    @property
    def aval(self) -> Aval:
        return aval((self.columns * self.pitch,), self.dtype)

    def applies(self, view: View) -> bool:
        """Whether no element of a view is further from the first than its row goes on: so strides turn, too."""
        shape, strides, offset = view.layout
        ends = view.inside or tuple((0, n) for n in shape)
        along = [(stop - 1) * (s % self.columns) for s, (_, stop) in zip(strides, ends, strict=True)]
        return offset % self.columns + sum(along) < self.columns

    def __call__(self, view: View) -> View:
        """The view of the same elements."""

        def turned(distance: int) -> int:
            row, column = divmod(distance, self.columns)
            return column * self.pitch + row

        shape, strides, offset = view.layout
        return replace(view, layout=Layout(shape, tuple(map(turned, strides)), turned(offset)))


def _turn(a: Aval) -> _Turn | None:
    """How a temporary is turned, if it has few columns, all last axes that together are few, and is not small."""
    columns = 1
    for n in reversed(a.shape):
        if columns * n > tiling.SHORT_ROW:
            break
        columns *= n
    if columns <= 1 or a.size < tiling.LANES:
        return None
    lines = -(-a.size // columns * a.dtype.itemsize // ALIGNMENT)
    # columns begin on lines of the cache, in sets of their own
    return _Turn(columns, (lines | 1) * ALIGNMENT // a.dtype.itemsize, a.dtype)


def _turned(step: FusedStep, turns: Mapping[int, _Turn]) -> FusedStep:
    def view(view: View) -> View:
        return turns[view.buffer](view) if view.buffer in turns else view

    loads = [view(o) if isinstance(o, View) else o for o in step.loads]
    stores = [replace(store, view=view(store.view)) for store in step.stores]
    return replace(step, loads=loads, stores=stores, then=step.then and _turned(step.then, turns))


def _cost(steps: Iterable[FusedStep], turns: Mapping[int, _Turn]) -> int:
    return sum(tiling.unaligned(_turned(step, turns)) for step in steps)
