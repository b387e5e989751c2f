"""Temporaries of few columns, laid out column by column where tiles (tiles.py) then find rows side by side.

Only fused steps may touch such a temporary: they take any layout, other kernels want C order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..avals import Aval, aval
from ..layouts import Layout
from ..plan import ALIGNMENT, FusedStep, Plan, View
from . import tiling


def by_column(plan: Plan) -> Plan:
    """The plan with those temporaries turned by which more is saved than lost."""
    first = len(plan.leaves)
    possible = {b: turn for b in plan.offsets if (turn := _turn(plan.buffers[b - first]))}
    touched: defaultdict[int, dict[int, FusedStep]] = defaultdict(dict)
    """The steps that touch a temporary, by number."""
    for i, step in enumerate(plan.steps):
        for o in [*step.reads, *step.writes]:
            if not isinstance(o, View) or o.buffer not in possible:
                continue
            if isinstance(step, FusedStep) and possible[o.buffer].applies(o):
                touched[o.buffer][i] = step
            else:
                del possible[o.buffer]
        if isinstance(step, FusedStep):
            for store in step.stores:
                if store.combine:  # of which all is filled first, as if it were contiguous
                    possible.pop(store.view.buffer, None)
    turns: dict[int, _Turn] = {}
    for b, turn in possible.items():
        steps, more = touched[b].values(), turns | {b: turn}
        if _cost(steps, more) < _cost(steps, turns):
            turns = more
    if not turns:
        return plan
    buffers = [turns[b].aval if b in turns else a for b, a in enumerate(plan.buffers, first)]
    steps = [_turned(step, turns) if isinstance(step, FusedStep) else replace(step) for step in plan.steps]
    return replace(plan, buffers=buffers, steps=steps)


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
