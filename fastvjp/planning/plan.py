"""Plans: Steps as plain data that knows no device. `planner.py` makes them from an op list.

Buffers are numbered: first the leaves, then those that steps write; each is released after the last step that
reads it. A `FusedStep` is work over the elements of one shape, its domain, with the reductions at its edges and
inside; every other primitive is a `KernelStep`.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..core.avals import Aval, aval
from ..core.layouts import Layout, contiguous_strides
from ..core.primitive import Primitive

ALIGNMENT = 64
"""Bytes: buffers begin on cache lines."""


@dataclass(frozen=True)
class Scalar:
    """A leaf of which every element is one scalar, given at run time."""

    leaf: int
    aval: Aval


@dataclass(frozen=True)
class View:
    """Elements of a buffer in a layout: an array operand or result of a step.

    With `inside` (for each axis the first index and the one behind the last) only those elements lie in the
    buffer, and all others are `fill`.
    """

    buffer: int
    dtype: np.dtype
    layout: Layout
    inside: tuple[tuple[int, int], ...] | None = None
    fill: Scalar | None = None


Operand = View | Scalar


@dataclass(frozen=True)
class Call:
    """One element function in a fused step. `operands` number the loads, then the values before this one."""

    name: str
    dtype: np.dtype
    operands: tuple[int, ...]
    statics: tuple[Any, ...] = ()

    def renumbered(self, numbers: Mapping[int, int] | Sequence[int]) -> Call:
        """The same of other operands."""
        return Call(self.name, self.dtype, tuple([numbers[k] for k in self.operands]), self.statics)


@dataclass(frozen=True)
class Reduce:
    """A value combined over the columns, by an associative element function: the same for all of a row.

    With `where`, a bool that holds for one column at most (a `Match`), it is what that column has.
    """

    name: str
    dtype: np.dtype
    operand: int
    where: int | None = None

    @property
    def operands(self) -> tuple[int, ...]:
        """As those of a call."""
        return (self.operand,) if self.where is None else (self.operand, self.where)

    def renumbered(self, numbers: Mapping[int, int] | Sequence[int]) -> Reduce:
        """The same of other operands."""
        where = None if self.where is None else numbers[self.where]
        return Reduce(self.name, self.dtype, numbers[self.operand], where)


@dataclass(frozen=True)
class Match:
    """Whether a column's number is the value of an operand, an index into the columns that a row has.

    An index that is none of a column is an error, of the primitive that is so planned.
    """

    operand: int
    name = "match"
    primitive = "pick"
    dtype = np.dtype(np.bool_)

    @property
    def operands(self) -> tuple[int, ...]:
        """As those of a call."""
        return (self.operand,)

    def renumbered(self, numbers: Mapping[int, int] | Sequence[int]) -> Match:
        """The same of another operand."""
        return Match(numbers[self.operand])


Entry = Call | Reduce | Match


@dataclass(frozen=True)
class Store:
    """A value written to `view`, laid out over the domain: for every element or, with `row`, once for each row.

    With `combine`, an associative element function, what falls on one place is combined there.
    """

    value: int
    view: View
    combine: str | None = None
    row: bool = False

    @property
    def target(self) -> View:
        """All of the array that a reduction writes, which is contiguous."""
        layout = self.view.layout
        size = math.prod(n for n, s in zip(layout.shape, layout.strides, strict=True) if s)
        return View(self.view.buffer, self.view.dtype, Layout((size,), (1,), layout.offset))


@dataclass(eq=False)
class FusedStep:
    """Work over the elements of `shape`: load, call element functions, reduce, store.

    Axes before `rows` are rows, the others columns. A `Reduce` combines the columns of each row, and what
    follows from it may serve in the same row again. Without one, or a `Match`, `rows` has no meaning.
    `then` is work over one element, on what has been combined over all of the domain.
    """

    shape: tuple[int, ...]
    rows: int = 0
    loads: list[Operand] = field(default_factory=list)
    body: list[Entry] = field(default_factory=list)
    stores: list[Store] = field(default_factory=list)
    release: tuple[int, ...] = ()
    then: FusedStep | None = None

    @property
    def has_rows(self) -> bool:
        """Whether rows and columns differ."""
        return any(not isinstance(entry, Call) for entry in self.body)

    @property
    def matches(self) -> list[Match]:
        """Its indices into columns."""
        return list(dict.fromkeys([entry for entry in self.body if isinstance(entry, Match)]))

    @property
    def views(self) -> list[View]:
        """The views of its loads, then those of its stores."""
        return [*(o for o in self.loads if isinstance(o, View)), *(store.view for store in self.stores)]

    @property
    def entries(self) -> list[Entry]:
        """All that it computes."""
        return [*self.body, *(self.then.body if self.then else ())]

    @property
    def computes(self) -> str:
        """Names of what it does, for messages."""
        names = ", ".join(entry.name for entry in self.body) or "copy"
        return f"{names}, {self.then.computes}" if self.then else names

    @property
    def reads(self) -> list[Operand]:
        """What it loads, and the scalars around views that do not cover the domain."""
        fills = [o.fill for o in self.loads if isinstance(o, View) and o.fill]
        return [*self.loads, *fills, *(self.then.reads if self.then else ())]

    @property
    def writes(self) -> list[View]:
        """Where it stores."""
        return [*(store.view for store in self.stores), *(self.then.writes if self.then else ())]


@dataclass(eq=False)
class KernelStep:
    """One structural primitive on whole arrays."""

    primitive: Primitive
    params: dict[str, Any]
    inputs: list[Operand]
    outputs: list[View]
    release: tuple[int, ...] = ()

    @property
    def output(self) -> View:
        """The one result of most."""
        (output,) = self.outputs
        return output

    @property
    def computes(self) -> str:
        """Name of what it does, for messages."""
        return self.primitive.name

    @property
    def reads(self) -> list[Operand]:
        """Its inputs."""
        return self.inputs

    @property
    def writes(self) -> list[View]:
        """Its outputs, each all of a buffer."""
        return self.outputs


@dataclass(eq=False)
class LoopStep:
    """A plan that is run over and over.

    Args:
        trips: how often.
        body: what is run; every output is all of a buffer of its own.
        inputs: for each leaf of the body what it is at the first turn.
        moves: by how much an input moves with every turn: elements of an array, words of scalars.
        memories: arrays, inputs of which the body writes to sections.
        own: for inputs that are another array at each turn, by how many arrays that moves among those given.
        carried: for leaves of the body, the output of the turn before that they are from the second turn on.
        outputs: for each output of the body where the last turn writes it, or where the first one does if each
            turn has a place for it.
        strides: by how many elements that place moves with every turn; 0 if it does not.
        spares: where every second turn writes an output that is carried and does not move.
        given: what it reads beside its inputs: what turns have of their own, and all that lies between.
    """

    trips: int
    body: Plan
    inputs: list[Operand]
    moves: list[int]
    carried: dict[int, int]
    outputs: list[View]
    strides: list[int]
    spares: dict[int, View]
    memories: list[View] = field(default_factory=list)
    own: dict[int, int] = field(default_factory=dict)
    given: list[Operand] = field(default_factory=list)
    release: tuple[int, ...] = ()

    @property
    def computes(self) -> str:
        """Names of what it does, for messages."""
        return f"{self.trips} turns of {'; '.join(step.computes for step in self.body.steps)}"

    @property
    def reads(self) -> list[Operand]:
        """Its inputs, and what its turns have of their own."""
        return [*self.inputs, *self.given]

    @property
    def writes(self) -> list[View]:
        """Where it writes."""
        return [*self.outputs, *self.spares.values(), *self.memories]


Step = FusedStep | KernelStep | LoopStep


class Unrollable(Exception):
    """No loop can be made of a stretch of ops after all."""


@dataclass(eq=False)
class Plan:
    """Steps in order, the avals of the leaves and of the buffers behind them, and where the outputs lie.

    `offsets` places the buffers that no output needs in `scratch` bytes of memory; buffers that are not alive
    at the same time share a place, and those that no step writes take none.
    """

    leaves: list[Aval]
    buffers: list[Aval]
    steps: list[Step]
    outputs: list[Operand]
    offsets: dict[int, int] = field(default_factory=dict)
    scratch: int = 0

    def __post_init__(self) -> None:
        _set_releases(self.steps, self.outputs, len(self.leaves))
        self.offsets, self.scratch = _place(self.steps, self.buffers, len(self.leaves))

    @property
    def memory(self) -> int:
        """Bytes that a run takes: temporaries and what outlives it, without what kernels need for themselves."""
        first = len(self.leaves)
        return self.temporaries + sum(
            aligned(a) for i, a in enumerate(self.buffers, first) if i not in self.offsets
        )

    @property
    def temporaries(self) -> int:
        """Bytes of temporaries, with those of the loop that has most, and of loops within it."""
        inner = [step.body.temporaries for step in self.steps if isinstance(step, LoopStep)]
        return self.scratch + max(inner, default=0)


def dense(buffer: int, a: Aval) -> View:
    """All of a C-contiguous buffer."""
    return View(buffer, a.dtype, Layout(a.shape, contiguous_strides(a.shape)))


def with_own_outputs(plan: Plan) -> Plan:
    """The plan with copies at its end, so that every output is all of a buffer of its own."""
    buffers, steps = list(plan.buffers), [replace(step) for step in plan.steps]
    outputs: list[View] = []
    for o in plan.outputs:
        a = o.aval if isinstance(o, Scalar) else aval(o.layout.shape, o.dtype)
        own = (
            isinstance(o, View)
            and o.buffer >= len(plan.leaves)
            and o.buffer not in [other.buffer for other in outputs]
            and o == dense(o.buffer, a)
            and plan.buffers[o.buffer - len(plan.leaves)].size == a.size
        )
        if not own:
            source, o = o, dense(len(plan.leaves) + len(buffers), a)
            buffers.append(a)
            steps.append(FusedStep(a.shape, a.ndim, [source], [], [Store(0, o)]))
        assert isinstance(o, View)
        outputs.append(o)
    return Plan(plan.leaves, buffers, steps, list(outputs))


def aligned(a: Aval) -> int:
    """Bytes of a buffer, up to the next cache line."""
    return -(-max(a.size * a.dtype.itemsize, 1) // ALIGNMENT) * ALIGNMENT


def _buffers(operands: Iterable[Operand], leaves: int) -> set[int]:
    return {o.buffer for o in operands if isinstance(o, View) and o.buffer >= leaves}


def _set_releases(steps: Sequence[Step], outputs: Sequence[Operand], leaves: int) -> None:
    """Let every step release the buffers, not leaves or outputs, that no later step reads."""
    kept = _buffers(outputs, leaves)
    for step in reversed(steps):
        buffers = _buffers([*step.reads, *step.writes], leaves)
        step.release = tuple(sorted(buffers - kept))
        kept |= buffers


def _place(steps: Sequence[Step], buffers: Sequence[Aval], leaves: int) -> tuple[dict[int, int], int]:
    """Byte offsets for the buffers that are released, and the bytes that they take: first fit, step by step."""
    released = {b for step in steps for b in step.release}
    written = {view.buffer for step in steps for view in step.writes}
    offsets = {b: 0 for b in range(leaves, leaves + len(buffers)) if b not in written}
    gaps = [(0, sys.maxsize)]  # free memory from an offset to another, in order
    ends: dict[int, int] = {}  # of the buffers that are placed
    scratch = 0
    for step in steps:
        for buffer in dict.fromkeys(v.buffer for v in step.writes):
            if buffer not in released or buffer in offsets:
                continue
            size = aligned(buffers[buffer - leaves])
            i = next(i for i, (start, end) in enumerate(gaps) if end - start >= size)
            start, end = gaps[i]
            gaps[i : i + 1] = [(start + size, end)] if start + size < end else []
            offsets[buffer], ends[buffer] = start, start + size
            scratch = max(scratch, start + size)
        for buffer in step.release:
            if buffer in ends:
                _give_back(gaps, offsets[buffer], ends.pop(buffer))
    return offsets, scratch


def _give_back(gaps: list[tuple[int, int]], start: int, end: int) -> None:
    """Let memory be a gap, one with those beside it."""
    i = bisect(gaps, (start, end))
    first, last = i, i
    if i < len(gaps) and gaps[i][0] == end:
        end, last = gaps[i][1], i + 1
    if i > 0 and gaps[i - 1][1] == start:
        start, first = gaps[i - 1][0], i - 1
    gaps[first:last] = [(start, end)]
