"""From an op list to Steps: plain data that knows no device.

Dead ops fall away, equal ones are merged, views become layouts, runs of elementwise ops of one shape become
one `FusedStep`; every other op is a `KernelStep`. Buffers are numbered: first the leaves, then those that
steps write; each is released after the last step that reads it.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from .avals import Aval, aval
from .layouts import Layout, contiguous_strides
from .primitives import Primitive
from .program import Op, Uniform, Var

MAX_BODY = 64
"""Element functions in one fused step: compile time grows with it, gain does not."""
MAX_ARRAYS = 24
"""Arrays that one fused step reads and writes: Metal binds at most 31 buffers."""
ALIGNMENT = 64
"""Bytes: buffers begin on cache lines."""


@dataclass(frozen=True)
class View:
    """Elements of a buffer in a layout: an array operand or result of a step."""

    buffer: int
    dtype: np.dtype
    layout: Layout


@dataclass(frozen=True)
class Scalar:
    """A leaf of which every element is one scalar, given at run time."""

    leaf: int
    aval: Aval


Operand = View | Scalar


@dataclass(frozen=True)
class Call:
    """One element function in a fused step. `operands` number the loads, then the calls before this one."""

    name: str
    dtype: np.dtype
    operands: tuple[int, ...]
    statics: tuple[Any, ...] = ()


@dataclass(eq=False)
class FusedStep:
    """Elementwise work over one shape: load, call element functions, store."""

    shape: tuple[int, ...]
    loads: list[Operand] = field(default_factory=list)
    body: list[Call] = field(default_factory=list)
    stores: list[tuple[int, View]] = field(default_factory=list)
    release: tuple[int, ...] = ()


@dataclass(eq=False)
class KernelStep:
    """One structural primitive on whole arrays."""

    primitive: Primitive
    params: dict[str, Any]
    inputs: list[Operand]
    output: View
    release: tuple[int, ...] = ()


Step = FusedStep | KernelStep


@dataclass(eq=False)
class Plan:
    """Steps in order, the avals of the leaves and of the buffers behind them, and where the outputs lie.

    `offsets` places the buffers that no output needs in `scratch` bytes of memory; buffers that are not alive
    at the same time share a place.
    """

    leaves: list[Aval]
    buffers: list[Aval]
    steps: list[Step]
    outputs: list[Operand]
    offsets: dict[int, int] = field(default_factory=dict)
    scratch: int = 0


def make_plan(ops: Sequence[Op], outputs: Sequence[Var], leaves: Sequence[Var]) -> Plan:
    """Plan the ops that `outputs` need; `leaves` are the variables whose values the plan will be given."""
    return _Planner(leaves).plan(_live(ops, outputs), outputs)


def _live(ops: Sequence[Op], outputs: Sequence[Var]) -> list[Op]:
    wanted = {v for v in outputs if v.value is None}
    live = []
    for op in reversed(ops):
        if not wanted.isdisjoint(op.outputs):
            live.append(op)
            wanted.update(v for v in op.inputs if v.value is None)
    return live[::-1]


class _Number(NamedTuple):
    loaded: bool
    at: int


class _Call(NamedTuple):
    name: str
    dtype: np.dtype
    operands: tuple[_Number, ...]
    statics: tuple


class _FusedBuilder:
    """A fused step under construction, when the number of its loads is not known yet."""

    def __init__(self, shape: tuple[int, ...], position: int) -> None:
        self.shape = shape
        self.position = position
        self.loads: dict[Operand, int] = {}
        self.calls: list[_Call] = []
        self.stores: list[tuple[int, View]] = []

    def load(self, operand: Operand) -> _Number:
        return _Number(True, self.loads.setdefault(operand, len(self.loads)))

    def steps(self) -> list[FusedStep]:
        """The step; several that share out the results, and compute again what they share, if there are many."""
        whole = self.step()
        room = max(MAX_ARRAYS - len(whole.loads), 1)
        if len(whole.stores) <= room:
            return [whole]
        return [_part(whole, whole.stores[i : i + room]) for i in range(0, len(whole.stores), room)]

    def step(self) -> FusedStep:
        n = len(self.loads)
        body = [
            Call(c.name, c.dtype, tuple([o.at if o.loaded else n + o.at for o in c.operands]), c.statics)
            for c in self.calls
        ]
        return FusedStep(self.shape, list(self.loads), body, [(n + call, view) for call, view in self.stores])


def _part(step: FusedStep, stores: list[tuple[int, View]]) -> FusedStep:
    """What of a fused step these stores need."""
    n = len(step.loads)
    needed = {k for k, _ in stores}
    for k in range(n + len(step.body) - 1, n - 1, -1):
        if k in needed:
            needed.update(step.body[k - n].operands)
    number = {k: i for i, k in enumerate(sorted(needed))}
    return FusedStep(
        step.shape,
        [o for k, o in enumerate(step.loads) if k in needed],
        [
            Call(c.name, c.dtype, tuple([number[i] for i in c.operands]), c.statics)
            for k, c in enumerate(step.body, n)
            if k in needed
        ],
        [(number[k], view) for k, view in stores],
    )


class _Register:
    """A value inside a fused step; `stored` once another step or an output needs it."""

    __slots__ = ("builder", "call", "stored")

    def __init__(self, builder: _FusedBuilder, call: int) -> None:
        self.builder = builder
        self.call = call
        self.stored: View | None = None


_Location = Operand | _Register


class _Planner:
    def __init__(self, leaves: Sequence[Var]) -> None:
        self.leaves = [v.aval for v in leaves]
        self.buffers: list[Aval] = []
        self.steps: list[_FusedBuilder | KernelStep] = []
        self.written: list[int] = [-1] * len(leaves)  # position of the step that writes each buffer
        self.open: dict[tuple[int, ...], _FusedBuilder] = {}
        self.where: dict[Var, _Location] = {}
        for i, var in enumerate(leaves):
            self.where[var] = self._leaf(i, var)

    def _leaf(self, i: int, var: Var) -> Operand:
        if isinstance(var.value, Uniform):
            return Scalar(i, var.aval)
        strides = None if var.value is None else var.value.layout
        return View(i, var.aval.dtype, Layout(var.aval.shape, strides or contiguous_strides(var.aval.shape)))

    def plan(self, ops: Sequence[Op], outputs: Sequence[Var]) -> Plan:
        seen: dict[Hashable, tuple[Var, ...]] = {}
        merged: dict[Var, Var] = {}
        for op in ops:
            inputs = tuple([merged.get(v, v) for v in op.inputs])
            if not (op.primitive.unique or op.primitive.opaque):
                key = (op.primitive, inputs, tuple(op.params.items()))
                equal = seen.setdefault(key, op.outputs)
                if equal is not op.outputs:
                    merged.update(zip(op.outputs, equal, strict=True))
                    continue
            self.add(op, inputs)
        results = [self.operand(merged.get(v, v)) for v in outputs]
        steps: list[Step] = []
        for s in self.steps:
            steps.extend(s.steps() if isinstance(s, _FusedBuilder) else [s])
        _set_releases(steps, results, len(self.leaves))
        return Plan(self.leaves, self.buffers, steps, results, *_place(steps, self.buffers, len(self.leaves)))

    def add(self, op: Op, inputs: tuple[Var, ...]) -> None:
        if op.primitive.elementwise:
            statics = tuple([op.params[p] for p in op.primitive.statics])
            out = op.outputs[0]
            operands = [self.where[v] for v in inputs]
            self.where[out] = self.fuse(op.primitive.name, out.aval, operands, statics)
        elif op.primitive.view is not None:
            self.where[op.outputs[0]] = self.view(op, inputs[0])
        elif op.primitive.opaque:  # a marker: its outputs are, in order, its last inputs
            for out, same in zip(op.outputs, inputs[-len(op.outputs) :], strict=True):
                self.where[out] = self.where[same]
        else:
            read = [self.operand(v) for v in inputs]
            output = self.allocate(op.outputs[0].aval, len(self.steps))
            self.steps.append(KernelStep(op.primitive, op.params, read, output))
            self.where[op.outputs[0]] = output

    def allocate(self, a: Aval, position: int) -> View:
        self.buffers.append(a)
        self.written.append(position)
        return View(len(self.written) - 1, a.dtype, Layout(a.shape, contiguous_strides(a.shape)))

    def operand(self, var: Var) -> Operand:
        """Where another step can read `var`."""
        return self.stored(self.where[var])

    def stored(self, location: _Location) -> Operand:
        """The location in memory; a value inside a fused step is stored by that step from now on."""
        if not isinstance(location, _Register):
            return location
        if location.stored is None:
            builder = location.builder
            dtype = builder.calls[location.call].dtype
            location.stored = self.allocate(aval(builder.shape, dtype), builder.position)
            builder.stores.append((location.call, location.stored))
        return location.stored

    def view(self, op: Op, x: Var) -> _Location:
        if op.primitive.unique:  # a barrier: what follows it goes to later steps
            self.open.clear()
        found = self.where[x]
        if (
            isinstance(found, _Register)
            and op.outputs[0].aval.shape == x.aval.shape
            and (op.primitive.name in ("alias", "barrier", "stop_gradient", "reshape", "broadcast_to"))
        ):
            return found
        source = self.stored(found)
        if isinstance(source, Scalar):
            return Scalar(source.leaf, op.outputs[0].aval)
        view = op.primitive.view
        assert view is not None
        layout = view(source.layout, **op.params)
        if layout is None:
            source = self.stored(self.fuse("copy", x.aval, [source], ()))
            assert isinstance(source, View)
            layout = view(source.layout, **op.params)
            assert layout is not None
        return View(source.buffer, source.dtype, layout)

    def fuse(self, name: str, out: Aval, operands: Sequence[_Location], statics: tuple) -> _Register:
        """Append a call to the open fused step of this shape, or to a new one where it cannot join."""
        builder = self.open.get(out.shape)
        if builder is None or not self.can_join(builder, operands):
            builder = self.open[out.shape] = _FusedBuilder(out.shape, len(self.steps))
            self.steps.append(builder)
        inside = [isinstance(o, _Register) and o.builder is builder for o in operands]
        numbers = tuple(
            _Number(False, o.call) if isinstance(o, _Register) and here else builder.load(self.stored(o))
            for o, here in zip(operands, inside, strict=True)
        )
        builder.calls.append(_Call(name, out.dtype, numbers, statics))
        return _Register(builder, len(builder.calls) - 1)

    def can_join(self, builder: _FusedBuilder, operands: Sequence[_Location]) -> bool:
        """Whether the step has room and all operands are its own or written by steps before it."""
        arrays = len(builder.loads) + len(builder.stores) + len(operands) + 1
        if len(builder.calls) >= MAX_BODY or arrays > MAX_ARRAYS:
            return False
        for o in operands:
            if isinstance(o, _Register):
                if o.builder.position > builder.position:
                    return False
            elif isinstance(o, View) and self.written[o.buffer] >= builder.position:
                return False
        return True


def aligned(a: Aval) -> int:
    """Bytes of a buffer, up to the next cache line."""
    return -(-max(a.size * a.dtype.itemsize, 1) // ALIGNMENT) * ALIGNMENT


def _set_releases(steps: Sequence[Step], outputs: Sequence[Operand], leaves: int) -> None:
    """Let every step release the buffers, not leaves or outputs, that no later step reads."""
    kept = {o.buffer for o in outputs if isinstance(o, View)}
    for step in reversed(steps):
        if isinstance(step, FusedStep):
            touched = [*step.loads, *(view for _, view in step.stores)]
        else:
            touched = [*step.inputs, step.output]
        buffers = {o.buffer for o in touched if isinstance(o, View) and o.buffer >= leaves}
        step.release = tuple(sorted(buffers - kept))
        kept |= buffers


def _place(steps: Sequence[Step], buffers: Sequence[Aval], leaves: int) -> tuple[dict[int, int], int]:
    """Byte offsets for the buffers that are released, and the bytes that they take: first fit, step by step."""
    released = {b for step in steps for b in step.release}
    offsets: dict[int, int] = {}
    living: list[tuple[int, int, int]] = []  # offset, end, buffer; by offset
    scratch = 0
    for step in steps:
        written = [v for _, v in step.stores] if isinstance(step, FusedStep) else [step.output]
        for buffer in [v.buffer for v in written if v.buffer in released and v.buffer not in offsets]:
            size = aligned(buffers[buffer - leaves])
            at = 0
            for start, end, _ in living:
                if start - at >= size:
                    break
                at = max(at, end)
            offsets[buffer] = at
            insort(living, (at, at + size, buffer))
            scratch = max(scratch, at + size)
        living = [place for place in living if place[2] not in step.release]
    return offsets, scratch
