"""What each step of a plan becomes on this device: loops, or a launch from Python."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ...core.avals import Aval, aval
from ...core.definitions import DEFINED
from ...core.warnings import CompileWarning
from ...devices import num_threads
from ...planning import composites
from ...planning.plan import (
    Call,
    FusedStep,
    KernelStep,
    LoopStep,
    Operand,
    Plan,
    Scalar,
    Step,
    Unrollable,
    View,
    aligned,
    dense,
)
from .. import structural  # noqa: F401  all families: what they declare is looked up here
from ..fused import codegen
from ..fused.equal_steps import EqualSteps
from ..loops import Loop, efforts, fuses, launches, lowers
from ..native import threads
from ..native.jit import CompileError, compile_loop, jit_disabled, together
from .buffers import strided
from .machine import run_code
from .straight import straight
from .turns import repeated


class Temporaries:
    """Memory that steps need while they run, behind the plan's scratch memory; every step begins anew there."""

    def __init__(self, plan: Plan) -> None:
        self.first = len(plan.leaves) + len(plan.buffers)
        self.begin = self.end = self.size = plan.scratch
        self.offsets: dict[int, int] = {}
        self.equal = EqualSteps()

    def next_step(self) -> None:
        """Release what the step before has allocated."""
        self.end = self.begin

    def allocate(self, a: Aval) -> View:
        """A buffer of this step."""
        number = self.first + len(self.offsets)
        self.offsets[number] = self.end
        self.end += aligned(a)
        self.size = max(self.size, self.end)
        return dense(number, a)


def is_launched(name: str) -> bool:
    """Whether a primitive is always launched from Python."""
    return not any(name in table for table in (composites.fused, composites.fusible, fuses, lowers))


def fused(step: Step) -> list[FusedStep] | None:
    """The fused steps that a step is, if it is none of its own kind."""
    if isinstance(step, FusedStep):
        return [step]
    if isinstance(step, LoopStep):
        return None
    found = None if step.primitive.definition else fuses.get(step.primitive.name)
    return None if found is None else found(step)


def lower(steps: Sequence[Step], temporaries: Temporaries) -> list[list[Loop] | Launch]:
    """The loops of each step, compiled, or the launch of one that has none."""
    lowered = [_lowered(step, temporaries) for step in steps]
    loops = efforts([loop for loops in lowered if isinstance(loops, list) for loop in loops])
    rest = iter(loops)
    lowered = [[next(rest) for _ in loops] if isinstance(loops, list) else loops for loops in lowered]
    all_loops = [kernel for loop in loops for kernel in loop.kernels]
    kernels = dict.fromkeys((loop.source, loop.effort) for loop in all_loops)
    if not jit_disabled():
        tasks: list[Callable[[], Any]] = [run_code, *(partial(compile_loop, *kernel) for kernel in kernels)]
        if any(loop.is_shared for loop in loops) and threads.is_usable():
            tasks.append(threads.code)
        together(tasks, num_threads())
    pairs = zip(steps, lowered, strict=True)
    return [_compiled(step, loops, temporaries) if isinstance(loops, list) else loops for step, loops in pairs]


def _lowered(step: Step, temporaries: Temporaries) -> list[Loop] | Launch:
    temporaries.next_step()
    steps = fused(step)
    if steps is not None:
        return [loop for single in steps for loop in temporaries.equal.lower(single, temporaries.allocate)]
    if isinstance(step, LoopStep):
        return [_repeated(step, temporaries)]
    assert isinstance(step, KernelStep)
    lowering = None if step.primitive.definition else lowers.get(step.primitive.name)
    loops = None if lowering is None else lowering(step, temporaries.allocate)
    return Launch(step) if loops is None else loops


def _repeated(step: LoopStep, temporaries: Temporaries) -> Loop:
    """A loop as one kernel."""
    written = straight(step, fused)
    if written is not None:
        return written
    inner = Temporaries(step.body)
    body: list[Loop] = []
    for part in step.body.steps:
        loops = _lowered(part, inner)
        if isinstance(loops, Launch):
            raise Unrollable(f"{part.computes} is run from Python")
        body += [loop.repeated(step.trips) for loop in loops]
    size = aval((inner.size,), np.dtype(np.uint8))
    scratch = temporaries.allocate(size) if inner.size else None
    return repeated(step, body, {**step.body.offsets, **inner.offsets}, scratch)


def _compiled(step: Step, loops: list[Loop], temporaries: Temporaries) -> list[Loop]:
    """The loops of a step, or those of its functions one by one where one of them cannot be compiled."""
    try:
        for kernel in (kernel for loop in loops for kernel in loop.kernels):
            compile_loop(kernel.source, kernel.effort)
    except CompileError as error:
        if isinstance(step, LoopStep):
            raise Unrollable(f"{step.computes} could not be compiled") from error
        for entry in step.entries if isinstance(step, FusedStep) else ():
            if isinstance(entry, Call) and entry.name in DEFINED:
                from ..native.user_functions import check_element

                check_element(entry.name, entry.dtype, len(entry.operands), len(entry.statics))
        warnings.warn(
            f"A kernel of {step.computes} could not be compiled. Its functions run one by one, in plain Python "
            f"where that fails, too. ({error})",
            CompileWarning,
            stacklevel=2,
        )
        if isinstance(step, FusedStep):
            temporaries.next_step()
            singles = codegen.single_steps(step, temporaries.allocate)
            return [loop for single in singles for loop in codegen.lower(single, temporaries.allocate)]
    return loops


class Launch:
    """A structural primitive, launched from Python on the arrays behind all buffers."""

    def __init__(self, step: KernelStep) -> None:
        definition = step.primitive.definition  # of a user
        self.launch = definition.functions[step.primitive.element] if definition else launches[step.primitive.name]
        self.of_user = definition is not None
        self.inputs = step.inputs
        self.params = step.params
        self.outputs = [view.buffer for view in step.outputs]
        self.buffers = {view.buffer for view in (*step.outputs, *step.inputs) if isinstance(view, View)}
        """What it touches."""

    def __call__(self, base: int, memory: Mapping[int, Any] | None) -> None:
        """Run on the arrays and scalars in this memory."""
        assert memory is not None
        self.launch(*[memory[i] for i in self.outputs], *[_operand(o, memory) for o in self.inputs], **self.params)


def _operand(o: Operand, memory: Mapping[int, Any]) -> np.ndarray:
    if isinstance(o, Scalar):
        return np.broadcast_to(np.asarray(memory[o.leaf], o.aval.dtype), o.aval.shape)
    return strided(memory[o.buffer], o.layout)
