"""The cpu device: buffers are NumPy arrays, plans run step by step."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..layouts import Layout
from ..plan import FusedStep, KernelStep, Operand, Plan, Scalar
from ..program import Buffer, Uniform
from . import indexing, matmul, reductions, rowwise, scans, sorting, structure
from .codegen import SCALAR_WORDS, Loop, loop
from .jit import compile_loop

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
"""Structural primitives: `launch(out, *inputs, **params)` writes into `out`, which is C-contiguous."""


class CpuBuffer:
    """A NumPy array that nobody writes to any more."""

    __slots__ = ("array", "layout")

    device = name

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
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
    return Executable(plan)


class Executable:
    """A compiled plan; `run` may be called from several threads at once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.steps = [
            _FusedRunner(step) if isinstance(step, FusedStep) else _KernelRunner(step) for step in plan.steps
        ]

    def run(self, values: Sequence[Buffer | Uniform | None]) -> list[Buffer | Uniform]:
        """Run on the values of the leaves and return those of the outputs."""
        memory: list[Any] = [
            v.scalar if isinstance(v, Uniform) else None if v is None else as_cpu(v) for v in values
        ]
        memory.extend([None] * len(self.plan.buffers))
        first = len(values)
        for step in self.steps:
            for buffer in step.allocates:
                a = self.plan.buffers[buffer - first]
                memory[buffer] = np.empty(a.shape, a.dtype)
            step(memory)
            for buffer in step.release:
                memory[buffer] = None
        return [_result(o, values, memory) for o in self.plan.outputs]


def as_cpu(value: Buffer) -> np.ndarray:
    """The array behind a buffer of any device."""
    return value.array if isinstance(value, CpuBuffer) else value.numpy()


def _result(o: Operand, values: Sequence[Buffer | Uniform | None], memory: list[Any]) -> Buffer | Uniform:
    if isinstance(o, Scalar):
        value = values[o.leaf]
        assert value is not None
        return value
    return CpuBuffer(_strided(memory[o.buffer], o.layout))


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


class _KernelRunner:
    def __init__(self, step: KernelStep) -> None:
        self.launch = LAUNCHERS[step.primitive.name]
        self.inputs = step.inputs
        self.params = step.params
        self.out = step.output.buffer
        self.allocates = (self.out,)
        self.release = step.release

    def __call__(self, memory: list[Any]) -> None:
        self.launch(memory[self.out], *[_operand(o, memory) for o in self.inputs], **self.params)


class _FusedRunner:
    def __init__(self, step: FusedStep) -> None:
        self.allocates = tuple(view.buffer for _, view in step.stores)
        self.release = step.release
        generated = loop(step)
        self.loop = generated
        self.compiled = compiled_loop(generated.source) if 0 not in step.shape else None
        words = 1 + len(generated.arrays) + SCALAR_WORDS * len(generated.scalars)
        self.template = np.array([0] * words + list(generated.numbers), np.int64)

    def __call__(self, memory: list[Any]) -> None:
        if self.compiled is None:
            return
        args = self.template.copy()
        _fill(args, self.loop, memory)
        self.compiled(args, 0, self.loop.count)


def _fill(args: np.ndarray, generated: Loop, memory: list[Any]) -> None:
    args[0] = args.ctypes.data
    for i, view in enumerate(generated.arrays, 1):
        args[i] = memory[view.buffer].ctypes.data + view.layout.offset * view.dtype.itemsize
    word = 1 + len(generated.arrays)
    for scalar in generated.scalars:
        bits = args[word : word + SCALAR_WORDS].view(scalar.aval.dtype)
        bits[0] = memory[scalar.leaf]
        word += SCALAR_WORDS


@functools.lru_cache(maxsize=4096)
def compiled_loop(source: str) -> Callable[[np.ndarray, int, int], None]:
    """Compile generated source once per process."""
    return compile_loop(source, "fused")
