"""A plan on the device: a chain of dispatches with one wait at its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np

from ...core.avals import Aval, aval, is_bfloat16
from ...core.program import Buffer, Uniform
from ...devices import Profile
from ...devices.pool import Pool
from ...planning.plan import FusedStep, Operand, Plan, Scalar, Step, View, dense, with_own_outputs
from ..dispatch import Dispatch
from ..memory import ON_CPU, MetalBuffer, check_size, nbytes
from .fallback import Fallback, needs_cpu
from .lowering import lower

PROFILED = 5
"""Runs of which `profile` takes the shortest times."""


class Device(Protocol):
    """What a plan needs of the device that it runs on: `gpu.MetalDevice` has it."""

    name: str
    label: str
    """The GPU's own name, with what is known of it."""
    error: type[Exception]
    """What the GPU raises."""
    pool: Pool[Any]

    def kernel(self, dispatch: Dispatch) -> Any:
        """The compiled kernel of a dispatch."""
        ...

    def check_process(self) -> None:
        """RuntimeError in a process that was forked after the device was opened."""
        ...

    def memory_of(self, content: int | bytes) -> Any:
        """New memory of so many bytes, or with this content."""
        ...

    def empty(self, a: Aval) -> MetalBuffer:
        """An array to be written by a plan."""
        ...

    def upload(self, array: np.ndarray) -> MetalBuffer:
        """A copy of an array in memory of the device."""
        ...


class Launch:
    """A dispatch, compiled, with its argument words and its state in memory of its own."""

    def __init__(self, device: Device, dispatch: Dispatch) -> None:
        self.kernel = device.kernel(dispatch)
        self.dispatch = dispatch
        self.sources = (dispatch.source,) * dispatch.parts
        self.buffers = [view.buffer for view in dispatch.arrays]
        first = len(dispatch.numbers)
        words = np.zeros(max(first + 2 * len(dispatch.scalars), 1), np.uint32)
        words[:first] = np.array(dispatch.numbers, np.int64).astype(np.uint32)
        receipt = device.memory_of(bytes(dispatch.state + 4))
        self.state = np.frombuffer(receipt, np.uint32)
        self.parts: list[tuple[Any, Any]] = []
        """Of each run the state and the words."""
        pairs = []
        at, step = dispatch.part
        for part in range(dispatch.parts):
            if part:
                words[at] += step
            own = device.memory_of(words.tobytes())
            self.parts.append((receipt, own))
            pairs.append(np.frombuffer(own, np.uint32)[first : first + 2 * len(dispatch.scalars)].reshape(-1, 2))
        self.started = 0
        """How often it was, since its state was zeros."""
        self.scalars = [
            (s.leaf, s.aval.dtype, pair)
            for of_part in pairs
            for s, pair in zip(dispatch.scalars, of_part, strict=True)
        ]

    def __call__(self, memory: Mapping[int, Any], values: Sequence[Any]) -> list[Any]:
        """Start it; each of what is returned waits for its end when it dies."""
        for leaf, dtype, pair in self.scalars:
            value = values[leaf].scalar
            if is_bfloat16(dtype):
                pair.view(dtype)[0] = value
            elif dtype.kind == "f":
                pair.view(np.float32)[0] = value
            else:
                pair.view(np.uint64)[0] = int(value) % (1 << 64)
        self.started += len(self.parts)
        arrays = [memory[b] for b in self.buffers]
        return [self.kernel(self.dispatch.count, *arrays, *own) for own in self.parts]

    def is_done(self) -> bool:
        """Whether its last thread has been there each time, after the end."""
        return int(self.state[-1]) == self.started % (1 << 32)

    def problem(self) -> Exception | None:
        """What the kernel has reported, after its end."""
        error = self.dispatch.error
        return error(int(self.state[0])) if error is not None and self.state[0] else None

    def reset(self) -> None:
        """Have its state as before the first run."""
        self.state[:] = 0
        self.started = 0


class Part:
    """What a step of the plan became, and the buffers that live no longer than it does."""

    def __init__(
        self,
        device: Device,
        step: Step,
        avals: Mapping[int, Aval],
        allocate: Callable[[Aval], View],
    ) -> None:
        self.step = step
        self.gpu_error = device.error
        self.fallback = Fallback(step, avals) if needs_cpu(step) else None
        self.device = "cpu" if self.fallback else device.name
        self.launches = [] if self.fallback else [Launch(device, d) for d in lower(step, allocate)]
        self.writes = list(dict.fromkeys([view.buffer for view in step.writes]))

    @property
    def sources(self) -> tuple[str, ...]:
        """Texts of its kernels."""
        return self.fallback.sources if self.fallback else tuple(s for e in self.launches for s in e.sources)

    def start(self, memory: Mapping[int, Any], values: Sequence[Any], running: list[Any]) -> None:
        """Start its kernels, behind those that run; what the cpu computes waits for them."""
        if self.fallback:
            _wait(running)
            self.fallback(memory, values)
        try:
            for launch in self.launches:
                running += launch(memory, values)
        except self.gpu_error as error:
            raise RuntimeError(f"[{self.device}] In a step of {self.step.computes}: {error}") from error


def _wait(running: list[Any]) -> None:
    """Until all kernels have ended, which run in the order in which they were started: the last first."""
    while running:
        running.pop()


def _given(o: Operand, plan: Plan) -> int | None:
    """The leaf that an output is, unchanged."""
    if isinstance(o, Scalar):
        return o.leaf
    whole = o.buffer < len(plan.leaves) and o == dense(o.buffer, plan.leaves[o.buffer])
    return o.buffer if whole else None


def _check_sizes(device: str, plan: Plan) -> None:
    """ValueError if a step reads, writes or goes through more elements than kernels can."""
    for step in plan.steps:
        for o in step.reads:
            if isinstance(o, View) and o.buffer < len(plan.leaves):
                a = plan.leaves[o.buffer]
                check_size(device, f"an operand of {step.computes}, {a.dtype},", a.shape)
        for view in step.writes:
            if view.buffer >= len(plan.leaves):
                a = plan.buffers[view.buffer - len(plan.leaves)]
                check_size(device, f"a result of {step.computes}, {a.dtype},", a.shape)
        if isinstance(step, FusedStep):
            check_size(device, f"the elements over which {step.computes} goes,", step.shape)


class Executable:
    """A compiled plan; calls from several threads take turns."""

    def __init__(self, device: Device, plan: Plan) -> None:
        self.device = device
        self.given = [_given(o, plan) for o in plan.outputs]
        self.fresh = [leaf is None for leaf in self.given]
        own = [o for o in plan.outputs if _given(o, plan) is None]
        self.plan = plan = with_own_outputs(Plan(plan.leaves, plan.buffers, plan.steps, own))
        _check_sizes(device.name, plan)
        self.made = {o.buffer: aval(o.layout.shape, o.dtype) for o in plan.outputs if isinstance(o, View)}
        self.avals = [*plan.leaves, *plan.buffers]
        self.parts: list[Part] = []
        self.released: list[list[int]] = []
        """Buffers that live no longer than each part, with those of its own."""
        for step in plan.steps:
            first = len(self.avals)
            self.parts.append(Part(device, step, dict(enumerate(self.avals)), self._allocate))
            self.released.append([*step.release, *range(first, len(self.avals))])
        reads = [o for step in plan.steps for o in step.reads]
        self.arrays = sorted({o.buffer for o in reads if isinstance(o, View) and o.buffer < len(plan.leaves)})
        self.lock = threading.Lock()

    def _allocate(self, a: Aval) -> View:
        """A buffer of the step that is being lowered."""
        check_size(self.device.name, f"a temporary, {a.dtype},", a.shape)
        self.avals.append(a)
        return dense(len(self.avals) - 1, a)

    @property
    def sources(self) -> list[tuple[str, ...]]:
        """For every step of the plan the sources of its kernels, one for each time that one is started."""
        return [part.sources for part in self.parts]

    def run(self, values: Sequence[Buffer | Uniform | None]) -> list[Buffer | Uniform]:
        """Run on the values of the leaves and return those of the outputs."""
        return self._run(values, lambda part, start: start())

    def profile(self, values: Sequence[Buffer | Uniform | None]) -> list[Profile]:
        """How each step of the plan runs, with the shortest time of some runs."""
        shortest = dict.fromkeys(self.parts, float("inf"))

        def timed(part: Part, start: partial[None]) -> None:
            begin = time.perf_counter()
            start()
            _wait(start.args[-1])
            shortest[part] = min(shortest[part], time.perf_counter() - begin)

        for _ in range(PROFILED):
            self._run(values, timed)
        return [Profile(part.sources, seconds, part.device) for part, seconds in shortest.items()]

    def _run(
        self, values: Sequence[Any], execute: Callable[[Part, partial[None]], None]
    ) -> list[Buffer | Uniform]:
        self.device.check_process()
        pool = self.device.pool
        running: list[Any] = []
        arrays: dict[int, MetalBuffer] = {i: self._uploaded(values[i]) for i in self.arrays}
        arrays |= {i: self.device.empty(a) for i, a in self.made.items()}
        memory = {i: a.buffer for i, a in arrays.items()}
        with self.lock:
            try:
                for part, released in zip(self.parts, self.released, strict=True):
                    for i in (*part.writes, *released):
                        if i not in memory:
                            memory[i] = pool.take(nbytes(self.avals[i]))
                    execute(part, partial(part.start, memory, values, running))
                    for i in released:
                        pool.give_back(memory.pop(i), nbytes(self.avals[i]))
                _wait(running)
                self._check_receipts()
                launches = [launch for part in self.parts for launch in part.launches]
                problem = next(filter(None, [launch.problem() for launch in launches]), None)
                if problem is not None:
                    raise problem
            except BaseException:
                _wait(running)
                for part in self.parts:
                    for launch in part.launches:
                        launch.reset()
                raise
        made = iter([arrays[i] for i in self.made])
        return [next(made) if leaf is None else values[leaf] for leaf in self.given]

    def _check_receipts(self) -> None:
        """RuntimeError if a dispatch has not come to its end: metalcompute reads no error that a GPU reports."""
        for part in self.parts:
            if not all(launch.is_done() for launch in part.launches):
                raise RuntimeError(
                    f"[{self.device.name}] A step of {part.step.computes} did not come to its end: "
                    f"{self.device.label} has dropped it, or ended it because it took too long or memory was "
                    f"short. There are no results. Hint: try smaller arrays; after errors a driver may refuse all "
                    f"work of a process, then start a new one; {ON_CPU}."
                )

    def _uploaded(self, value: Any) -> MetalBuffer:
        if isinstance(value, MetalBuffer) and value.device == self.device.name:
            return value
        return self.device.upload(value.numpy())
