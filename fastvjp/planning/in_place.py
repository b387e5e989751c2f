"""Writes into arrays of loops, by the steps that compute what is written.

A body writes in the order of its ops, each time by a step of its own (`Planner.write`), as the sections of an
array that it reads and writes may move in different ways. Where that does no harm such a step becomes a part of
the one before it, and what is written is stored once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..core.layouts import disjoint
from .plan import FusedStep, Operand, Step, View


def written_where_computed(
    steps: Sequence[Step], outputs: Sequence[Operand], memories: Mapping[int, int]
) -> list[Step]:
    """The steps, fewer of them.

    Args:
        steps: of a body, in order.
        outputs: what it gives.
        memories: leaves that are parts of arrays which it writes to, and which array that is.
    """
    last = {o.buffer: i for i, step in enumerate(steps) for o in step.reads if isinstance(o, View)}
    last |= {o.buffer: len(steps) for o in outputs if isinstance(o, View)}
    found: list[Step] = []
    for i, step in enumerate(steps):
        one = _one(found[-1], step, memories) if found else None
        if one is None:
            found.append(step)
        else:
            one.stores = [s for s in one.stores if s.view.buffer in memories or last.get(s.view.buffer, -1) > i]
            found[-1] = one
    return found


def _one(first: Step, write: Step, memories: Mapping[int, int]) -> FusedStep | None:
    """A step that computes values and writes them, instead of two; None where there is none."""
    if not (isinstance(first, FusedStep) and isinstance(write, FusedStep)) or first.shape != write.shape:
        return None
    if any(s.has_rows or s.then or any(store.combine or store.row for store in s.stores) for s in (first, write)):
        return None
    if len(write.stores) != 1 or write.stores[0].view.buffer not in memories:
        return None
    made = {store.view: store.value for store in first.stores}
    read = [o for o in write.loads if o not in made]
    if len(read) == len(write.loads) or not {view.buffer for view in made}.isdisjoint(_buffers(read)):
        return None
    (target,) = write.writes
    memory = memories[target.buffer]
    for view in made:
        apart = view.buffer == target.buffer and disjoint(view.layout, target.layout)
        if memories.get(view.buffer) == memory and not apart:
            return None
    for o in (*first.reads, *read):
        if isinstance(o, View) and memories.get(o.buffer) == memory and not _is_read_before(o, target):
            return None
    return _joined(first, write, made, read)


def _buffers(operands: Sequence[Operand]) -> set[int]:
    return {o.buffer for o in operands if isinstance(o, View)}


def _is_read_before(view: View, target: View) -> bool:
    """Whether no element of a view is overwritten before it is read, where each is read, then written, in turn."""
    if view.buffer != target.buffer:
        return False  # which may move in another way
    return (view.layout == target.layout and view.inside is None) or disjoint(view.layout, target.layout)


def _joined(first: FusedStep, write: FusedStep, made: Mapping[View, int], read: Sequence[Operand]) -> FusedStep:
    """Both as one step, which loads these besides."""
    loads = len(first.loads)
    moved = [*range(loads), *range(loads + len(read), loads + len(read) + len(first.body))]
    body = [entry.renumbered(moved) for entry in first.body]
    more = iter(range(loads, loads + len(read)))
    numbers = [moved[made[o]] if isinstance(o, View) and o in made else next(more) for o in write.loads]
    for entry in write.body:
        body.append(entry.renumbered(numbers))
        numbers.append(loads + len(read) + len(body) - 1)
    stores = [replace(store, value=moved[store.value]) for store in first.stores]
    stores += [replace(store, value=numbers[store.value]) for store in write.stores]
    return FusedStep(first.shape, first.rows, [*first.loads, *read], body, stores)
