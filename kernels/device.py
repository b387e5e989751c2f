"""The cpu device: buffers are NumPy arrays, plans run step by step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..avals import Aval
from ..devices import num_threads
from ..layouts import Layout, contiguous_strides
from ..plan import FusedStep, KernelStep, Operand, Plan, Scalar, Step, View, aligned
from ..program import Buffer, Uniform
from . import indexing, matmul, reductions, rowwise, scans, sorting, structure, threads
from .codegen import loop
from .jit import compile_loop
from .loops import Loop, Lowering
from .machine import Assembly, runner
from .memory import KEPT_SCRATCH, address_of, output_memory, scratch_memory

name = "cpu"

LAUNCHERS: dict[str, Callable[..., None]] = {
    **reductions.LAUNCHERS,
    **rowwise.LAUNCHERS,
    **scans.LAUNCHERS,
    **indexing.LAUNCHERS,
    **sorting.LAUNCHERS,
    **structure.LAUNCHERS,
    **matmul.LAUNCHERS,
}
"""Structural primitives in Python: `launch(out, *inputs, **params)` writes into `out`, which is C-contiguous."""

LOWERINGS: dict[str, Lowering] = {}
"""Structural primitives as loops, which are preferred."""


class CpuBuffer:
    """A NumPy array that nobody writes to any more."""

    __slots__ = ("address", "array", "layout")

    device = name

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.address = address_of(array)
        self.layout = None if array.flags.c_contiguous else tuple(s // array.itemsize for s in array.strides)

    def numpy(self) -> np.ndarray:
        """A read-only view."""
        view = self.array.view()
        view.flags.writeable = False
        return view


def upload(array: np.ndarray) -> CpuBuffer:
    """Take over an array; the caller must not write to it afterwards."""
    if any(s % array.itemsize for s in array.strides) or not array.flags.aligned:
        array = array.copy()
    return CpuBuffer(array)


def compile(plan: Plan) -> Executable:
    """Make a plan ready to run."""
    num_threads()  # a wrong setting is an error at the first use, whether that needs threads or not
    return Executable(plan)


class _Frame(threading.local):
    """What one thread's runs of an executable write to."""

    words: np.ndarray | None = None
    base: int
    typed: dict[str, np.ndarray]
    scratch: np.ndarray | None
    memory: list[Any]


class Executable:
    """A compiled plan; `run` may be called from several threads at once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        used = _used_leaves(plan)
        self.arrays = [i for i, o in used.items() if isinstance(o, View)]
        scalars = [i for i, o in used.items() if isinstance(o, Scalar)]
        self.temporaries = Temporaries(plan)
        loops = [_lowered(step, self.temporaries) for step in plan.steps]
        self.offsets = {**plan.offsets, **self.temporaries.offsets}
        self.scratch = self.temporaries.scratch
        assembly = Assembly(len(plan.leaves) + len(plan.buffers) + len(self.temporaries.avals), scalars)
        self.scalars = [
            (i, plan.leaves[i].dtype.kind, assembly.scalars[i] // _PER_WORD[plan.leaves[i].dtype.kind])
            for i in scalars
        ]
        self.fresh = [
            (i, output_memory(a.size * a.dtype.itemsize), a.shape, a.dtype)
            for i, a in enumerate(plan.buffers, len(plan.leaves))
            if i not in plan.offsets
        ]
        self.steps = _assemble(plan.steps, loops, assembly)
        self.words = np.array(assembly.words, np.int64)
        self.assembly = assembly
        self.python_steps = any(isinstance(s, _KernelRunner) for s in self.steps)
        self.outputs = [_Output(o, plan) for o in plan.outputs]
        self.frame = _Frame()

    def run(self, values: Sequence[Buffer | Uniform | None]) -> list[Buffer | Uniform]:
        """Run on the values of the leaves and return those of the outputs."""
        frame = self.frame
        words = frame.words
        if words is None:
            words = self._enter(frame)
        if self.offsets:
            self._settle(frame, words)
        given: list[Any] = list(values)
        for i in self.arrays:
            buffer = given[i]
            if type(buffer) is not CpuBuffer:
                buffer = given[i] = upload(buffer.numpy())
            words[i] = buffer.address
        for i, kind, at in self.scalars:
            frame.typed[kind][at] = given[i].scalar
        made: dict[int, np.ndarray] = {}
        for i, empty, shape, dtype in self.fresh:
            made[i] = array = empty(shape, dtype)
            words[i] = address_of(array)
        memory: list[Any] = []
        if self.python_steps:
            memory = frame.memory.copy()
            for i in self.arrays:
                memory[i] = given[i].array
            for i, *_ in self.scalars:
                memory[i] = given[i].scalar
            for i, array in made.items():
                memory[i] = array
        try:
            for step in self.steps:
                step(frame.base, memory)
        finally:
            if self.scratch > KEPT_SCRATCH:
                self._unsettle(frame)
        return [output(given, made) for output in self.outputs]

    def _enter(self, frame: _Frame) -> np.ndarray:
        """This thread's words: the scalars' addresses are set once and for all."""
        frame.words = words = self.words.copy()
        frame.base = address_of(words)
        for leaf, word in self.assembly.scalars.items():
            words[leaf] = frame.base + 8 * word
        pairs = words[: len(words) // 2 * 2]
        frame.typed = {
            "f": words.view(np.float64),
            "i": words,
            "b": words,
            "u": words.view(np.uint64),
            "c": pairs.view(np.complex128),
        }
        frame.memory = [None] * (len(self.plan.leaves) + len(self.plan.buffers))
        frame.scratch = None
        return words

    def _settle(self, frame: _Frame, words: np.ndarray) -> None:
        """Place the temporaries in this thread's scratch memory."""
        scratch = scratch_memory(self.scratch)
        if scratch is frame.scratch:
            return
        frame.scratch = scratch
        base = address_of(scratch)
        for buffer, offset in self.offsets.items():
            words[buffer] = base + offset
            if self.python_steps and buffer in self.plan.offsets:
                a = self.plan.buffers[buffer - len(self.plan.leaves)]
                frame.memory[buffer] = np.ndarray(a.shape, a.dtype, scratch, offset)

    def _unsettle(self, frame: _Frame) -> None:
        """Let go of scratch memory that is too large to keep."""
        frame.scratch = None
        for buffer in self.plan.offsets:
            frame.memory[buffer] = None


_PER_WORD = {"f": 1, "i": 1, "b": 1, "u": 1, "c": 2}
"""Words of a scalar of each kind of dtype."""


def _used_leaves(plan: Plan) -> dict[int, Operand]:
    """The leaves that steps read."""
    used: dict[int, Operand] = {}
    for step in plan.steps:
        for o in step.loads if isinstance(step, FusedStep) else step.inputs:
            leaf = o.leaf if isinstance(o, Scalar) else o.buffer
            if leaf < len(plan.leaves):
                used[leaf] = o
    return used


class Temporaries:
    """Memory that steps need while they run, behind the plan's scratch memory; every step begins anew there."""

    def __init__(self, plan: Plan) -> None:
        self.first = len(plan.leaves) + len(plan.buffers)
        self.begin = self.end = self.scratch = plan.scratch
        self.avals: list[Aval] = []
        self.offsets: dict[int, int] = {}

    def next_step(self) -> None:
        """Release what the step before has allocated."""
        self.end = self.begin

    def allocate(self, a: Aval) -> View:
        """A buffer of this step."""
        number = self.first + len(self.avals)
        self.avals.append(a)
        self.offsets[number] = self.end
        self.end += aligned(a)
        self.scratch = max(self.scratch, self.end)
        return View(number, a.dtype, Layout(a.shape, contiguous_strides(a.shape)))


def _lowered(step: Step, temporaries: Temporaries) -> list[Loop] | None:
    """The loops of a step; None for one that is launched from Python."""
    temporaries.next_step()
    if isinstance(step, FusedStep):
        return [] if 0 in step.shape else [loop(step)]
    lower = LOWERINGS.get(step.primitive.name)
    return None if lower is None else lower(step, temporaries.allocate)


def _assemble(
    steps: Sequence[Step], loops: Sequence[list[Loop] | None], assembly: Assembly
) -> list[_Native | _KernelRunner]:
    """Runs of loops as one native call each, and the other steps between them."""
    runners: list[_Native | _KernelRunner] = []
    for step, native in zip(steps, loops, strict=True):
        if native is None:
            assert isinstance(step, KernelStep)
            runners.append(_KernelRunner(step))
            continue
        for one in native:
            assembly.add(one, compile_loop(one.source))
            if not (runners and isinstance(runners[-1], _Native)):
                runners.append(_Native())
            runners[-1].append(one)
    starts = assembly.finish()
    for runner_ in runners:
        if isinstance(runner_, _Native):
            runner_.start = starts[0]
            del starts[: len(runner_.loops)]
    return runners


class _Native:
    """Loops that follow one another."""

    def __init__(self) -> None:
        self.loops: list[Loop] = []
        self.start = 0
        self.chunks = False
        self.call = runner()

    def append(self, loop: Loop) -> None:
        """Add a loop behind the others."""
        self.loops.append(loop)
        self.chunks |= 0 < loop.grain < loop.count

    def __call__(self, base: int, memory: list[Any]) -> None:
        pool = threads.pool() if self.chunks else 0
        failed, status = self.call(base, self.start, len(self.loops), pool)
        if failed:
            error = self.loops[failed - 1].error
            assert error is not None, f"kernel {failed} returned {status}"
            raise error(status)


class _KernelRunner:
    """A structural primitive, launched from Python."""

    def __init__(self, step: KernelStep) -> None:
        self.launch = LAUNCHERS[step.primitive.name]
        self.inputs = step.inputs
        self.params = step.params
        self.out = step.output.buffer

    def __call__(self, base: int, memory: list[Any]) -> None:
        self.launch(memory[self.out], *[_operand(o, memory) for o in self.inputs], **self.params)


class _Output:
    """How to find an output after a run: a leaf's own value, or elements of a leaf's or a new buffer."""

    def __init__(self, operand: Operand, plan: Plan) -> None:
        self.operand = operand
        self.leaf = operand.leaf if isinstance(operand, Scalar) else operand.buffer
        self.is_leaf = self.leaf < len(plan.leaves)

    def __call__(self, given: list[Any], made: dict[int, np.ndarray]) -> Buffer | Uniform:
        operand = self.operand
        if isinstance(operand, Scalar):
            return given[self.leaf]
        if not self.is_leaf:
            array = made[self.leaf]
            return CpuBuffer(_strided(array, operand.layout))
        array = as_cpu(given[self.leaf])
        view = _strided(array, operand.layout)
        return given[self.leaf] if view is array else CpuBuffer(view)


def as_cpu(value: Buffer) -> np.ndarray:
    """The array behind a buffer of any device."""
    return value.array if isinstance(value, CpuBuffer) else value.numpy()


def _strided(array: np.ndarray, layout: Layout) -> np.ndarray:
    if array.shape == layout.shape and layout.offset == 0:
        strides = tuple(s * array.itemsize for s in layout.strides)
        if array.strides == strides:
            return array
    if 0 in layout.shape:
        return np.empty(layout.shape, array.dtype)
    start = array
    if layout.offset:  # the element at the offset, as the base of the view
        steps, size = abs(layout.offset), array.itemsize if layout.offset > 0 else -array.itemsize
        start = np.lib.stride_tricks.as_strided(array, (steps + 1,), (size,))[steps:]
    return np.lib.stride_tricks.as_strided(start, layout.shape, tuple(s * array.itemsize for s in layout.strides))


def _operand(o: Operand, memory: list[Any]) -> np.ndarray:
    if isinstance(o, Scalar):
        return np.broadcast_to(np.asarray(memory[o.leaf], o.aval.dtype), o.aval.shape)
    return _strided(memory[o.buffer], o.layout)
