"""A plan on the device: a chain of dispatches with one wait at its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..avals import Aval, aval
from ..devices import Profile
from ..layouts import Layout, contiguous_strides
from ..plan import Operand, Plan, Scalar, Step, View, with_own_outputs
from ..program import Buffer, Uniform
from .dispatch import Dispatch
from .fallback import Fallback, needs_cpu
from .lowering import lower
from .memory import MetalBuffer, nbytes

if TYPE_CHECKING:
    from .device import MetalDevice

PROFILED = 5
"""Runs of which `profile` takes the shortest times."""
LARGEST = 1 << 32
"""Elements of an array that 32-bit positions can tell apart."""


class Launch:
    """A dispatch, compiled, with its argument words in memory of its own."""

    def __init__(self, device: MetalDevice, dispatch: Dispatch) -> None:
        self.kernel = device.kernel(dispatch)
        self.dispatch = dispatch
        self.buffers = [view.buffer for view in dispatch.arrays]
        words = np.zeros(max(len(dispatch.numbers) + 2 * len(dispatch.scalars), 1), np.uint32)
        words[: len(dispatch.numbers)] = np.array(dispatch.numbers, np.int64).astype(np.uint32)
        self.words = device.gpu.buffer(words.tobytes())
        written = np.frombuffer(self.words, np.uint32)
        self.scalars = [
            (s.leaf, s.aval.dtype.kind, written[at : at + 2])
            for at, s in enumerate_from(len(dispatch.numbers), dispatch.scalars)
        ]
        own = [device.gpu.buffer(bytes(dispatch.state))] if dispatch.state else []
        self.own = [*own, self.words]
        self.status = np.frombuffer(own[0], np.uint32, 1) if dispatch.error else None

    def __call__(self, memory: dict[int, Any], scalars: Sequence[Any]) -> Any:
        """Start it; what is returned waits for its end when it dies."""
        for leaf, kind, place in self.scalars:
            value = scalars[leaf].scalar
            if kind == "f":
                place.view(np.float32)[0] = value
            else:
                place.view(np.uint64)[0] = np.uint64(int(value) % (1 << 64))
        return self.kernel(self.dispatch.count, *[memory[b] for b in self.buffers], *self.own)

    def check(self) -> None:
        """Raise what the kernel has reported, after its end."""
        if self.status is not None and self.status[0]:
            status = int(self.status[0])
            self.status[0] = 0
            assert self.dispatch.error is not None
            raise self.dispatch.error(status)


def enumerate_from(first: int, scalars: Sequence[Scalar]) -> list[tuple[int, Scalar]]:
    """Scalars with the first of the two words of each."""
    return [(first + 2 * i, s) for i, s in enumerate(scalars)]


class _Temporaries:
    """Buffers that a step needs while it runs."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.avals: list[Aval] = []

    def allocate(self, a: Aval) -> View:
        """A buffer of the step."""
        self.avals.append(a)
        number = self.first + len(self.avals) - 1
        return View(number, a.dtype, Layout(a.shape, contiguous_strides(a.shape)))


class _Part:
    """What a step of the plan became, and the buffers that live no longer than it does."""

    def __init__(
        self, device: MetalDevice, step: Step, avals: Mapping[int, Aval], temporaries: _Temporaries
    ) -> None:
        before = len(temporaries.avals)
        self.launches: list[Launch | Fallback]
        self.device = "cpu" if needs_cpu(step) else device.name
        if needs_cpu(step):
            self.launches = [Fallback(step, avals)]
        else:
            self.launches = [Launch(device, d) for d in lower(step, temporaries.allocate)]
        first = temporaries.first
        self.own = range(first + before, first + len(temporaries.avals))
        self.release = step.release
        self.writes = list(dict.fromkeys([view.buffer for view in step.writes]))

    @property
    def sources(self) -> tuple[str, ...]:
        """Texts of its kernels."""
        return tuple(source for launch in self.launches for source in _sources(launch))

    def start(self, memory: Mapping[int, Any], values: Sequence[Any], running: list[Any]) -> list[Any]:
        """Start its kernels; what the cpu computes waits for all that runs."""
        started = []
        for launch in self.launches:
            if isinstance(launch, Fallback):
                _wait(running)
            started.append(launch(memory, values))
        return started

    def check(self) -> None:
        """Raise what a kernel has reported."""
        for launch in self.launches:
            if isinstance(launch, Launch):
                launch.check()


def _wait(running: list[Any]) -> None:
    """Until all kernels have ended, which run in the order in which they were started: the last first."""
    while running:
        running.pop()


def _given(o: Operand, plan: Plan) -> int | None:
    """The leaf that an output is, unchanged."""
    if isinstance(o, Scalar):
        return o.leaf
    whole = o.buffer < len(plan.leaves) and o.inside is None and o.layout == _contiguous(plan.leaves[o.buffer])
    return o.buffer if whole else None


def _contiguous(a: Aval) -> Layout:
    return Layout(a.shape, contiguous_strides(a.shape))


def _sources(launch: Launch | Fallback) -> tuple[str, ...]:
    return launch.sources if isinstance(launch, Fallback) else (launch.dispatch.source,)


class Executable:
    """A compiled plan; calls from several threads take turns."""

    def __init__(self, device: MetalDevice, plan: Plan) -> None:
        for a in (*plan.leaves, *plan.buffers):
            if a.size >= LARGEST:
                raise ValueError(
                    f"[{device.name}] Expected arrays of fewer than 2**32 elements, got {a}. "
                    f"Hint: work on parts of it, or on the cpu device."
                )
        self.device = device
        self.outputs = plan.outputs
        own = [o for o in plan.outputs if _given(o, plan) is None]
        self.plan = plan = with_own_outputs(Plan(plan.leaves, plan.buffers, plan.steps, own))
        self.given = [_given(o, plan) for o in self.outputs]
        self.made = {o.buffer: aval(o.layout.shape, o.dtype) for o in plan.outputs if isinstance(o, View)}
        self.avals = dict(enumerate([*plan.leaves, *plan.buffers]))
        temporaries = _Temporaries(len(self.avals))
        self.parts = [_Part(device, step, self.avals, temporaries) for step in plan.steps]
        self.avals.update(enumerate(temporaries.avals, temporaries.first))
        reads = [o for step in plan.steps for o in step.reads]
        self.arrays = sorted({o.buffer for o in reads if isinstance(o, View) and o.buffer < len(plan.leaves)})
        self.lock = threading.Lock()

    def run(self, values: Sequence[Buffer | Uniform | None]) -> list[Buffer | Uniform]:
        """Run on the values of the leaves and return those of the outputs."""
        return self._run(values, lambda part, start: start())

    def profile(self, values: Sequence[Buffer | Uniform | None]) -> list[Profile]:
        """How each step of the plan runs, with the shortest time of some runs."""
        shortest = dict.fromkeys(self.parts, float("inf"))

        def timed(part: _Part, start: Callable[[], list[Any]]) -> list[Any]:
            begin = time.perf_counter()
            _wait(start())
            shortest[part] = min(shortest[part], time.perf_counter() - begin)
            return []

        for _ in range(PROFILED):
            self._run(values, timed)
        return [Profile(part.sources, seconds, part.device) for part, seconds in shortest.items()]

    def _run(
        self, values: Sequence[Any], execute: Callable[[_Part, Callable[[], list[Any]]], list[Any]]
    ) -> list[Buffer | Uniform]:
        pool, running = self.device.pool, []
        arrays: dict[int, MetalBuffer] = {i: self._uploaded(values[i]) for i in self.arrays}
        arrays |= {i: self.device.empty(a) for i, a in self.made.items()}
        memory = {i: a.buffer for i, a in arrays.items()}
        with self.lock:
            for part in self.parts:
                for i in (*part.own, *[b for b in part.writes if b not in memory]):
                    memory[i] = pool.take(nbytes(self.avals[i]))
                running += execute(part, partial(part.start, memory, values, running))
                for i in (*part.own, *part.release):
                    pool.give_back(memory.pop(i), nbytes(self.avals[i]))
            _wait(running)
            for part in self.parts:
                part.check()
        made = iter([arrays[i] for i in self.made])
        return [next(made) if leaf is None else values[leaf] for leaf in self.given]

    def _uploaded(self, value: Any) -> MetalBuffer:
        if isinstance(value, MetalBuffer) and value.device == self.device.name:
            return value
        return self.device.upload(value.numpy())
