"""A compiled plan, and how it runs: addresses and scalars into words, native calls, results out."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from ..devices import Profile
from ..layouts import contiguous_strides
from ..plan import Operand, Plan, Scalar, View
from ..program import Buffer, Uniform
from . import threads
from .buffers import CpuBuffer, as_cpu, strided, upload
from .loops import Loop
from .lowering import Launch, Temporaries, code_of, lower
from .machine import Assembly, failure, runner
from .memory import KEPT_SCRATCH, address_of, output_memory, scratch_memory
from .pointers import PythonPointer

FORMATS = {"f": "d", "i": "q", "b": "q", "u": "Q", "c": "dd"}
"""How scalars of each kind of dtype are packed into words."""
PROFILED = 20
"""Runs of which `profile` takes the shortest times."""


class _Frame(threading.local):
    """What one thread's runs of an executable write to."""

    words: np.ndarray | None = None
    base: int
    scratch: np.ndarray | None
    memory: list[Any]


class Native:
    """Loops that follow one another, in one call."""

    def __init__(self) -> None:
        self.loops: list[tuple[Loop, int]] = []
        self.start = 0
        self.chunks = False
        self.during: AbstractContextManager[None] | None = None
        self.run = runner()

    def append(self, loop: Loop, first: int) -> None:
        """Add a loop, with its first argument word, behind the others."""
        self.loops.append((loop, first))
        self.chunks |= 0 < loop.grain < loop.count
        self.during = loop.during or self.during

    def __call__(self, base: int, memory: list[Any]) -> None:
        """Run on the words at this address."""
        pool = threads.pool() if self.chunks else 0
        if self.during is None:
            result = self.run(base, self.start, len(self.loops), pool)
        else:
            with self.during:
                result = self.run(base, self.start, len(self.loops), pool)
        if result:
            failed, status = failure(result)
            loop, first = self.loops[failed - 1]
            assert loop.error is not None, f"kernel {failed} returned {status}"
            raise loop.error(status, PythonPointer(base + 8 * first, np.int64))


class Executable:
    """A compiled plan; `run` may be called from several threads at once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        reads = [o for step in plan.steps for o in step.reads]
        used = {o.leaf if isinstance(o, Scalar) else o.buffer: o for o in reads}
        leaves = range(len(plan.leaves))
        self.arrays = [i for i in leaves if isinstance(used.get(i), View)]
        self.scalars = [(i, plan.leaves[i].dtype.kind) for i in leaves if isinstance(used.get(i), Scalar)]
        buffers = list(enumerate(plan.buffers, len(plan.leaves)))
        self.fresh = [
            (output_memory(a.size * a.dtype.itemsize), a.shape, a.dtype)
            for i, a in buffers
            if i not in plan.offsets
        ]
        made = [i for i, _ in buffers if i not in plan.offsets]
        temporaries = Temporaries(plan)
        lowered = [lower(step, temporaries) for step in plan.steps]
        self.offsets = {**plan.offsets, **temporaries.offsets}
        self.scratch = temporaries.size
        self.pack = struct.Struct(
            f"={len(self.arrays) + len(made)}q" + "".join(FORMATS[kind] for _, kind in self.scalars)
        ).pack_into
        self.complex = any(kind == "c" for _, kind in self.scalars)
        scalars = [(i, len(FORMATS[kind])) for i, kind in self.scalars]
        self.assembly = Assembly([*self.arrays, *made], scalars, list(self.offsets))
        self.parts = [self._assemble(step) for step in lowered]
        """One for each step of the plan."""
        self.steps = _joined(self.parts, self.assembly.finish())
        self.words = np.array(self.assembly.words, np.int64)
        self.launches = any(isinstance(s, Launch) for s in self.steps)
        self.made = made
        place = {buffer: k for k, buffer in enumerate(made)}
        self.outputs = [_Output(o, place, plan) for o in plan.outputs]
        self.whole = [output.whole for output in self.outputs]
        self.frame = _Frame()

    def _assemble(self, step: list[Loop] | Launch) -> Native | Launch:
        if isinstance(step, Launch):
            return step
        native = Native()
        for loop in step:
            native.append(loop, self.assembly.add(loop, code_of(loop)))
        return native

    def profile(self, values: Sequence[Buffer | Uniform | None]) -> list[Profile]:
        """How each step of the plan runs, with the shortest time of some runs."""
        shortest = [float("inf")] * len(self.parts)

        def timed(base: int, memory: list[Any]) -> None:
            for i, part in enumerate(self.parts):
                start = time.perf_counter()
                part(base, memory)
                shortest[i] = min(shortest[i], time.perf_counter() - start)

        for _ in range(PROFILED):
            self.run(values, timed)
        return [Profile(sources, s, "cpu") for sources, s in zip(self.sources, shortest, strict=True)]

    @property
    def sources(self) -> list[tuple[str, ...]]:
        """For every step of the plan the sources of its kernels, one for each time that one is started."""
        return [tuple(loop.source for loop, _ in p.loops) if isinstance(p, Native) else () for p in self.parts]

    def run(
        self,
        values: Sequence[Buffer | Uniform | None],
        execute: Callable[[int, list[Any]], None] | None = None,
    ) -> list[Buffer | Uniform]:
        """Run on the values of the leaves and return those of the outputs.

        `execute`, if given, runs the steps on the words at an address and the memory of launches.
        """
        frame = self.frame
        if frame.words is None:
            self._enter(frame)
        if self.offsets:
            self._settle(frame)
        given: Sequence[Any] = values
        words: list[Any] = []
        for i in self.arrays:
            buffer = given[i]
            if type(buffer) is not CpuBuffer:
                given = list(given)
                buffer = given[i] = upload(buffer.numpy())
            words.append(buffer.address)
        made = []
        for empty, shape, dtype in self.fresh:
            array = empty(shape, dtype)
            made.append(array)
            words.append(address_of(array))
        if self.complex:
            for i, kind in self.scalars:
                scalar = given[i].scalar
                words += (scalar.real, scalar.imag) if kind == "c" else (scalar,)
        else:
            words += [given[i].scalar for i, _ in self.scalars]
        self.pack(frame.words, 0, *words)
        memory = self._memory(frame, given, made) if self.launches else []
        try:
            if execute is not None:
                execute(frame.base, memory)
            else:
                for step in self.steps:
                    step(frame.base, memory)
        finally:
            if self.scratch > KEPT_SCRATCH:  # too large to keep
                frame.scratch = None
                frame.memory = [None] * len(frame.memory)
        first = len(self.arrays)
        return [
            output(given, made) if whole is None else CpuBuffer(made[whole], words[first + whole], None)
            for whole, output in zip(self.whole, self.outputs, strict=True)
        ]

    def _enter(self, frame: _Frame) -> None:
        """This thread's words: the scalars' addresses are set once and for all."""
        frame.words = self.words.copy()
        frame.base = address_of(frame.words)
        for at, word in self.assembly.pointers:
            frame.words[at] = frame.base + 8 * word
        frame.memory = [None] * (len(self.plan.leaves) + len(self.plan.buffers))
        frame.scratch = None

    def _settle(self, frame: _Frame) -> None:
        """Place the temporaries in this thread's scratch memory."""
        scratch = scratch_memory(self.scratch)
        if scratch is frame.scratch:
            return
        frame.scratch = scratch
        base = address_of(scratch)
        assert frame.words is not None
        for buffer, offset in self.offsets.items():
            frame.words[self.assembly.word[buffer]] = base + offset
            if self.launches and buffer in self.plan.offsets:
                a = self.plan.buffers[buffer - len(self.plan.leaves)]
                frame.memory[buffer] = np.ndarray(a.shape, a.dtype, scratch, offset)

    def _memory(self, frame: _Frame, given: Sequence[Any], made: Sequence[np.ndarray]) -> list[Any]:
        """For launches: the array or scalar behind every buffer."""
        memory = frame.memory.copy()
        for i in self.arrays:
            memory[i] = given[i].array
        for i, _ in self.scalars:
            memory[i] = given[i].scalar
        for i, array in zip(self.made, made, strict=True):
            memory[i] = array
        return memory


def _joined(parts: Sequence[Native | Launch], starts: list[int]) -> list[Native | Launch]:
    """Loops that follow one another as one call; `starts` are the words where the loops' steps begin."""
    steps: list[Native | Launch] = []
    for part in parts:
        if isinstance(part, Launch):
            steps.append(part)
            continue
        if not part.loops:
            continue
        part.start = starts[0]
        del starts[: len(part.loops)]
        if not (steps and isinstance(steps[-1], Native)):
            steps.append(Native())
            steps[-1].start = part.start
        for loop, first in part.loops:
            steps[-1].append(loop, first)
    return steps


class _Output:
    """How to find an output after a run: a leaf's own value, or elements of a leaf or a new buffer."""

    def __init__(self, operand: Operand, place: dict[int, int], plan: Plan) -> None:
        self.operand = operand
        self.buffer = operand.leaf if isinstance(operand, Scalar) else operand.buffer
        self.place = place.get(self.buffer)
        self.whole: int | None = None
        """The new buffer that it is, unchanged."""
        if isinstance(operand, View) and self.place is not None:
            shape = plan.buffers[self.buffer - len(plan.leaves)].shape
            if operand.layout == (shape, contiguous_strides(shape), 0):
                self.whole = self.place

    def __call__(self, given: Sequence[Any], made: Sequence[np.ndarray]) -> Buffer | Uniform:
        operand = self.operand
        if isinstance(operand, Scalar):
            return given[self.buffer]
        if self.place is not None:
            return upload(strided(made[self.place], operand.layout))
        value = as_cpu(given[self.buffer])
        view = strided(value.array, operand.layout)
        return given[self.buffer] if view is value.array else upload(view)
