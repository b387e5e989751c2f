"""Steps that the device cannot compute, on the CPU: those with complex numbers, which Metal lacks, of primitives
that only the CPU has kernels of, and with functions of a user who gave no text in Metal's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...core.avals import Aval
from ...core.definitions import DEFINED
from ...kernels import device as cpu
from ...planning.plan import Call, FusedStep, Operand, Plan, Scalar, Step, dense
from ..memory import held_dtype


def needs_cpu(step: Step) -> bool:
    """Whether there are complex numbers in a step, or functions of which there is only the one for Numba."""
    operands = [*step.reads, *step.writes]
    dtypes = [o.aval.dtype if isinstance(o, Scalar) else o.dtype for o in operands]
    if isinstance(step, FusedStep):
        dtypes += [entry.dtype for entry in step.entries]
        users = [DEFINED[e.name] for e in step.entries if isinstance(e, Call) and e.name in DEFINED]
    else:
        users = [step.primitive.definition] if step.primitive.definition else []
        if step.primitive.on == "cpu":
            return True
    if any(definition.metal is None for definition in users):
        return True
    return any(dtype.kind == "c" for dtype in dtypes)


class Fallback:
    """A step as a plan of the cpu device, on the same memory."""

    def __init__(self, step: Step, avals: Mapping[int, Aval]) -> None:
        self.reads = list(dict.fromkeys([_source(o) for o in step.reads]))
        self.writes = list(dict.fromkeys([o.buffer for o in step.writes]))
        number = {b: i for i, b in enumerate([*self.reads, *self.writes])}
        self.avals = avals
        own = [dense(number[b], avals[b]) for b in self.writes]
        plan = Plan(
            [avals[b] for b in self.reads], [avals[b] for b in self.writes], [_renumbered(step, number)], list(own)
        )
        self.executable = cpu.compile(plan)
        self.sources = tuple(source for part in self.executable.sources for source in part)

    def __call__(self, memory: Mapping[int, Any], values: Sequence[Any]) -> None:
        """Run it on buffers that nobody else uses meanwhile."""
        given = [cpu.upload(self._read(memory[b], b)) if b in memory else values[b] for b in self.reads]
        for b, made in zip(self.writes, self.executable.run(given), strict=True):
            self._held(memory[b], b)[...] = made.numpy()  # type: ignore[union-attr]

    def _held(self, buffer: Any, b: int) -> np.ndarray:
        a = self.avals[b]
        return np.frombuffer(buffer, held_dtype(a.dtype), a.size).reshape(a.shape)

    def _read(self, buffer: Any, b: int) -> np.ndarray:
        return self._held(buffer, b).astype(self.avals[b].dtype)


def _source(o: Operand) -> int:
    return o.leaf if isinstance(o, Scalar) else o.buffer


def _renumbered(step: Step, number: Mapping[int, int]) -> Step:
    def operand(o: Any) -> Any:
        if isinstance(o, Scalar):
            return Scalar(number[o.leaf], o.aval)
        return replace(o, buffer=number[o.buffer], fill=None if o.fill is None else operand(o.fill))

    if isinstance(step, FusedStep):
        stores = [replace(store, view=operand(store.view)) for store in step.stores]
        then = _renumbered(step.then, number) if step.then else None
        return replace(step, loads=[operand(o) for o in step.loads], stores=stores, then=then)
    return replace(step, inputs=[operand(o) for o in step.inputs], outputs=[operand(o) for o in step.outputs])
