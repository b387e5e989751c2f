"""Fused steps of one domain as one step, where nothing between them must come between.

The planner gives an op to a step without knowing what follows; here all steps are known. One step also takes over
the work of another whose domain are its rows.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from ..core.layouts import Layout
from . import fusion
from .fusion import SMALL, arrays, is_cheap, part
from .ordering import Ordered, Segment
from .plan import Entry, FusedStep, KernelStep, Operand, Step, Store, View
from .versions import Versions

TRIED = 8
"""Steps of a domain, the last ones, that a further step may join."""


def merged(
    segments: Sequence[Sequence[Step]], outputs: Collection[Operand], versions: Versions | None = None
) -> list[Step]:
    """The steps of all segments in order, of which those in one segment may become one."""
    versions = versions or Versions()
    found: list[list[Step]] = []
    needed = versions.with_older(_buffers(outputs))
    for steps in reversed(segments):
        joined = _merged_segment(steps, versions)
        kept = _without_unread(joined, needed, versions)
        needed |= versions.with_older(_buffers(o for step in kept for o in step.reads))
        found.append(kept)
    return [step for kept in reversed(found) for step in kept]


class _Node(Ordered):
    """A step, or what several have become."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.step: Step | None = step

    def steps(self) -> list[Step]:
        return [] if self.step is None else [self.step]


def _merged_segment(steps: Iterable[Step], versions: Versions) -> list[Step]:
    segment = Segment()
    writers: dict[int, _Node] = {}
    readers: defaultdict[int, set[_Node]] = defaultdict(set)  # since it was written last, by the root
    nodes: defaultdict[tuple[int, ...], list[_Node]] = defaultdict(list)  # by domain, and by rows
    for step in steps:
        before = versions.rewrites(step)
        makers = {writers[b] for b in (*_buffers(step.reads), *before) if b in writers}
        for b in before:
            makers |= readers.pop(versions.root(b), set())
        node = _joined(step, makers, nodes, versions) if isinstance(step, FusedStep) else None
        if node is None:
            node = _Node(step)
            segment.add(node)
        for maker in makers:
            segment.require(node, maker)
        writers.update(dict.fromkeys([view.buffer for view in step.writes], node))
        for b in _buffers(step.reads) if versions else ():
            readers[versions.root(b)].add(node)
        if isinstance(node.step, FusedStep):
            for shape in _places(node.step):
                if node not in nodes[shape][-TRIED:]:
                    nodes[shape].append(node)
    for node in dict.fromkeys(writers.values()):
        if not (node.step and versions.rewrites(node.step)):
            _continue(node, segment, writers)
    return [step for ordered in segment.finish() for node in ordered for step in node.steps()]


def _joined(
    step: FusedStep, makers: Collection[_Node], nodes: dict[tuple[int, ...], list[_Node]], versions: Versions
) -> _Node | None:
    """The node that has taken over a step, which comes after its makers."""
    tried = dict.fromkeys(node for shape in _places(step) for node in reversed(nodes[shape][-TRIED:]))
    for node in sorted(tried, key=lambda node: node not in makers):
        if any(maker.comes_after(node) for maker in makers):
            continue
        assert isinstance(node.step, FusedStep)
        both = _both(node.step, step, versions)
        if both is not None:
            node.step = both
            return node
    return None


def _continue(node: _Node, segment: Segment, writers: dict[int, _Node]) -> None:
    """Let a step over one element be the end of one that combines over its domain what it reads."""
    step = node.step
    if not isinstance(step, FusedStep) or step.shape or step.has_rows:
        return
    makers = {writers[b] for b in _buffers(step.reads) if b in writers}
    for maker in makers:
        before = maker.step
        if (
            isinstance(before, FusedStep)
            and before.then is None
            and _combines(before, _buffers(step.reads))
            and not any(other.comes_after(maker) for other in makers)
            and arrays([*before.reads, *before.writes, *step.reads, *step.writes]) <= fusion.MAX_ARRAYS
        ):
            maker.step, node.step = replace(before, then=step), None
            writers.update(dict.fromkeys([view.buffer for view in step.writes], maker))
            for other in makers:
                segment.require(maker, other)
            return


def _combines(step: FusedStep, buffers: Collection[int]) -> bool:
    """Whether what it writes of these buffers is combined over its whole domain."""
    written = [store for store in step.stores if store.view.buffer in buffers]
    return bool(written) and all(store.combine and store.target.layout.shape == (1,) for store in written)


def _places(step: FusedStep) -> list[tuple[int, ...]]:
    """The domain and, where they have a meaning, the shape of the rows."""
    return [step.shape, step.shape[: step.rows]] if step.has_rows else [step.shape]


def _both(first: FusedStep, second: FusedStep, versions: Versions) -> FusedStep | None:
    """One step that does the work of two, the first's first, or None where that cannot be."""
    over = max(first, second, key=lambda step: (len(step.shape), step.has_rows))
    a, b = _widened(first, over), _widened(second, over)
    if a is None or b is None or len(a.body) + len(b.body) > fusion.MAX_BODY:
        return None
    written = {store.view.buffer for store in a.stores}
    values = {(store.view, store.row): store.value for store in a.stores if store.combine is None}
    loads = dict.fromkeys(a.loads)
    forwarded: dict[int, int] = {}
    for i, o in enumerate(b.loads):
        if isinstance(o, View) and o.buffer in written:
            found = values.get((o, False), values.get((o, True)))
            if found is None:
                return None
            forwarded[i] = found
        else:
            loads[o] = None
    if arrays(loads) + len(a.stores) + len(b.stores) > fusion.MAX_ARRAYS:
        return None
    if not versions.can_be_one(loads, [*a.stores, *b.stores], over.has_rows):
        return None
    number = {o: i for i, o in enumerate(loads)}
    body: dict[Entry, int] = {}

    def appended(step: FusedStep, numbers: list[int]) -> list[Store]:
        for entry in step.body:
            entry = entry.renumbered(numbers)
            numbers.append(body.setdefault(entry, len(loads) + len(body)))
        return [replace(store, value=numbers[store.value]) for store in step.stores]

    numbers = [number[o] for o in a.loads]
    stores = appended(a, numbers)
    stores += appended(b, [numbers[forwarded[i]] if i in forwarded else number[o] for i, o in enumerate(b.loads)])
    return FusedStep(over.shape, over.rows, list(loads), list(body), stores)


def _widened(step: FusedStep, over: FusedStep) -> FusedStep | None:
    """A step as work over the domain and the rows of another."""
    if step.shape == over.shape:
        return None if step.has_rows and step.rows != over.rows else step
    if step.has_rows or step.shape != over.shape[: over.rows] or not _is_quick(step):
        return None
    columns = over.shape[over.rows :]

    def widened(view: View) -> View:
        layout = Layout(over.shape, view.layout.strides + (0,) * len(columns), view.layout.offset)
        inside = view.inside and view.inside + tuple((0, n) for n in columns)
        return replace(view, layout=layout, inside=inside)

    loads = [widened(o) if isinstance(o, View) else o for o in step.loads]
    stores = [replace(store, view=widened(store.view), row=True) for store in step.stores]
    return FusedStep(over.shape, over.rows, loads, step.body, stores)


def _is_quick(step: FusedStep) -> bool:
    """Whether its work may be done row by row, where it may not be vectorised."""
    return math.prod(step.shape) <= SMALL or all(is_cheap(entry.name) for entry in step.body)


def _without_unread(steps: Sequence[Step], needed: Collection[int], versions: Versions) -> list[Step]:
    """The steps without stores to buffers that nobody reads."""
    read = versions.with_older(_buffers(o for step in steps for o in step.reads)).union(needed)
    kept: list[Step] = []
    for step in steps:
        if isinstance(step, FusedStep):
            stores = [store for store in step.stores if store.view.buffer in read]
            if len(stores) < len(step.stores):
                step = part(step, stores)
            if step.then:
                stores = [store for store in step.then.stores if store.view.buffer in read]
                step = replace(step, then=part(step.then, stores))
            if not step.has_rows and any(store.row for store in step.stores):
                kept += _of_rows(step)
                step = part(step, [store for store in step.stores if not store.row])
        if step.writes or isinstance(step, KernelStep):
            kept.append(step)
    return kept


def _of_rows(step: FusedStep) -> list[FusedStep]:
    """What a step stores for each row, as work over the rows alone."""
    shape = step.shape[: step.rows]

    def over(o: View) -> View:
        layout = Layout(shape, o.layout.strides[: step.rows], o.layout.offset)
        return replace(o, layout=layout, inside=o.inside and o.inside[: step.rows])

    rows = part(step, [store for store in step.stores if store.row])
    loads = [over(o) if isinstance(o, View) else o for o in rows.loads]
    stores = [replace(store, view=over(store.view), row=False) for store in rows.stores]
    return [replace(rows, shape=shape, loads=loads, stores=stores, then=None)] if stores else []


def _buffers(operands: Iterable[Operand]) -> set[int]:
    return {o.buffer for o in operands if isinstance(o, View)}
