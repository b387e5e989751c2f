"""Steps that the device cannot compute, on the CPU: those with complex numbers, which Metal lacks, of primitives
that only the CPU has kernels of, and with functions of a user who gave no text in Metal's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...core.avals import Aval
from ...core.definitions import DEFINED
from ...core.program import Uniform
from ...kernels import device as cpu
from ...planning.plan import Call, FusedStep, KernelStep, Operand, Plan, Scalar, Step, Store, View, dense
from ..memory import held_dtype


def needs_cpu(step: Step) -> bool:
    """Whether there are complex numbers in a step, or functions of which there is only the one for Numba."""
    operands = [*step.reads, *step.writes]
    dtypes = [o.aval.dtype if isinstance(o, Scalar) else o.dtype for o in operands]
    if isinstance(step, FusedStep):
        dtypes += [entry.dtype for entry in step.entries]
        users = [DEFINED[e.name] for e in step.entries if isinstance(e, Call) and e.name in DEFINED]
    else:
        assert isinstance(step, KernelStep)
        users = [step.primitive.definition] if step.primitive.definition else []
        if step.primitive.on == "cpu":
            return True
    if any(definition.metal is None for definition in users):
        return True
    return any(dtype.kind == "c" for dtype in dtypes)


class Fallback:
    """A step as a plan of the cpu device, on the same memory."""

    def __init__(self, step: Step, avals: Mapping[int, Aval]) -> None:
        self.writes = list(dict.fromkeys([o.buffer for o in step.writes]))
        kept = [b for b in self.writes if not _is_whole(step, b, avals[b])]
        self.reads = list(dict.fromkeys([*kept, *(_source(o) for o in step.reads)]))
        before = {b: i for i, b in enumerate(self.reads)}
        number = before | {b: i for i, b in enumerate(self.writes, len(self.reads))}
        self.avals = avals
        own = [dense(number[b], avals[b]) for b in self.writes]
        leaves, buffers = [avals[b] for b in self.reads], [avals[b] for b in self.writes]
        copies: list[Step] = [
            FusedStep(a.shape, a.ndim, [dense(before[b], a)], [], [Store(0, dense(number[b], a))])
            for b, a in ((b, avals[b]) for b in kept)
        ]
        plan = Plan(leaves, buffers, [*copies, _Renumbered(number).step(step)], list(own))
        self.executable = cpu.compile(plan)
        self.sources = tuple(source for part in self.executable.sources for source in part)

    def __call__(self, memory: Mapping[int, Any], values: Sequence[Any]) -> None:
        """Run it on buffers that nobody else uses meanwhile."""
        given = [cpu.upload(self._read(memory[b], b)) if b in memory else values[b] for b in self.reads]
        for b, made in zip(self.writes, self.executable.run(given), strict=True):
            assert not isinstance(made, Uniform)
            self._held(memory[b], b)[...] = made.numpy()

    def _held(self, buffer: Any, b: int) -> np.ndarray:
        a = self.avals[b]
        return np.frombuffer(buffer, held_dtype(a.dtype), a.size).reshape(a.shape)

    def _read(self, buffer: Any, b: int) -> np.ndarray:
        return self._held(buffer, b).astype(self.avals[b].dtype)


def _is_whole(step: Step, buffer: int, a: Aval) -> bool:
    """Whether a step writes all of a buffer, and reads nothing of it."""
    if any(isinstance(o, View) and o.buffer == buffer for o in step.reads):
        return False
    if not isinstance(step, FusedStep):
        return True
    stores = [s for s in (*step.stores, *(step.then.stores if step.then else ())) if s.view.buffer == buffer]
    return any(store.target.layout.shape == (a.size,) for store in stores)


def _source(o: Operand) -> int:
    return o.leaf if isinstance(o, Scalar) else o.buffer


class _Renumbered:
    """A step and its parts on buffers of other numbers."""

    def __init__(self, number: Mapping[int, int]) -> None:
        self.number = number

    def step(self, step: Step) -> Step:
        if isinstance(step, FusedStep):
            return self.fused(step)
        assert isinstance(step, KernelStep)
        inputs, outputs = [self.operand(o) for o in step.inputs], [self.view(o) for o in step.outputs]
        return replace(step, inputs=inputs, outputs=outputs)

    def fused(self, step: FusedStep) -> FusedStep:
        loads = [self.operand(o) for o in step.loads]
        stores = [replace(store, view=self.view(store.view)) for store in step.stores]
        return replace(step, loads=loads, stores=stores, then=step.then and self.fused(step.then))

    def operand(self, o: Operand) -> Operand:
        return self.scalar(o) if isinstance(o, Scalar) else self.view(o)

    def view(self, o: View) -> View:
        return replace(o, buffer=self.number[o.buffer], fill=o.fill and self.scalar(o.fill))

    def scalar(self, o: Scalar) -> Scalar:
        return replace(o, leaf=self.number[o.leaf])
