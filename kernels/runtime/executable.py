"""A compiled plan, and how it runs: addresses and scalars into words, native calls, results out."""

from __future__ import annotations

import struct
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from types import CodeType
from typing import Any, NoReturn

import numpy as np

from ...core.avals import kind_of
from ...core.layouts import contiguous_strides
from ...core.program import Buffer, Uniform
from ...devices import Profile
from ...planning.plan import Operand, Plan, Scalar, View
from ..loops import Loop
from ..native import threads
from ..native.memory import ADDRESSING, address_text, output_memory
from ..native.pointers import PythonPointer
from .assembly import Assembly
from .buffers import CpuBuffer, as_cpu, strided, upload
from .columns import by_column
from .frame import OWN_SCRATCH, Frame, Scratch
from .lowering import Launch, Temporaries, lower
from .machine import POOL, failure, runner

FORMATS = {"f": "d", "i": "q", "b": "q", "u": "Q", "c": "dd"}
"""How scalars of each kind of dtype are packed into words."""
Memory = Mapping[int, Any] | None
"""The array or scalar behind every buffer, as far as there are launches."""
PROFILED = 20
"""Runs of which `profile` takes the shortest times."""


class Native:
    """Loops that follow one another, in one call."""

    def __init__(self) -> None:
        self.loops: list[tuple[Loop, int]] = []
        self.start = 0
        self.word = 0
        """At which its call stands."""
        self.chunks = False
        self.during: Callable[..., int] | None = None
        self.run = runner()

    def append(self, loop: Loop, first: int) -> None:
        """Add a loop, with its first argument word, behind the others."""
        self.loops.append((loop, first))
        self.chunks |= loop.is_shared
        self.during = loop.during or self.during

    def __call__(self, base: int, memory: Memory) -> None:
        """Run on the words at this address."""
        if self.chunks:
            PythonPointer(base, np.int64)[self.word + POOL] = threads.pool()
        run, during = self.run, self.during
        result = run(base + 8 * self.word) if during is None else during(run, base + 8 * self.word)
        if result:
            self.fail(result, base)

    def fail(self, result: int, base: int) -> NoReturn:
        """Raise the error of the loop that has failed."""
        failed, status = failure(result)
        loop, first = self.loops[failed - 1]
        assert loop.failure is not None, f"kernel {failed} returned {status}"
        raise loop.failure.of(status, PythonPointer(base + 8 * first, np.int64))

    def lines(self, name: str) -> list[str]:
        """A call as lines of a plan's `run`, where the step has this name."""
        if self.during is not None:
            return [f"{name}(frame.base, None)"]
        return [
            *([f"frame.words[{self.word + POOL}] = pool()"] if self.chunks else []),
            f"result = native(frame.base + {8 * self.word})",
            f"if result: {name}.fail(result, frame.base)",
        ]


class Executable:
    """A compiled plan; `run` may be called from several threads at once."""

    run: Callable[[Sequence[Buffer | Uniform]], list[Buffer | Uniform]]
    """Takes the values of the leaves and returns those of the outputs."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan = by_column(plan)
        reads = [o for step in plan.steps for o in step.reads]
        used = {o.leaf if isinstance(o, Scalar) else o.buffer: o for o in reads}
        leaves = range(len(plan.leaves))
        self.arrays = [i for i in leaves if isinstance(used.get(i), View)]
        self.scalars = [(i, kind_of(plan.leaves[i].dtype)) for i in leaves if isinstance(used.get(i), Scalar)]
        self.made = [i for i, _ in enumerate(plan.buffers, len(plan.leaves)) if i not in plan.offsets]
        temporaries = Temporaries(plan)
        lowered = lower(plan.steps, temporaries)
        offsets = {**plan.offsets, **temporaries.offsets}
        self.pack = struct.Struct(
            f"={len(self.arrays) + len(self.made)}q" + "".join(FORMATS[kind] for _, kind in self.scalars)
        ).pack_into
        scalars = [(i, len(FORMATS[kind])) for i, kind in self.scalars]
        self.assembly = Assembly([*self.arrays, *self.made], scalars, list(offsets))
        self.parts = [self._assemble(step) for step in lowered]
        """One for each step of the plan."""
        touched = set().union(*(part.buffers for part in self.parts if isinstance(part, Launch)))
        launched = {i: plan.buffers[i - len(plan.leaves)] for i in plan.offsets if i in touched}
        self.scratch = Scratch(temporaries.size, offsets, launched)
        self.private = any(part.of_user for part in self.parts if isinstance(part, Launch))
        """Whether runs have frames of their own: a user's function may run this plan, and others, meanwhile."""
        self.steps = _joined(self.parts, self.assembly.finish())
        for native in (*self.parts, *self.steps):
            if isinstance(native, Native):
                native.word = self.assembly.call(native.start, len(native.loops))
                for loop, first in native.loops:
                    self.assembly.tell(loop, first, native.word)
        self.outputs = [_Output(o, self.made, plan) for o in plan.outputs]
        seen = Counter([output.place for output in self.outputs])
        self.fresh = [output.whole is not None and seen[output.place] == 1 for output in self.outputs]
        self.frame = Frame(self.assembly, self.scratch)
        self.run = self._function(self.steps)

    def _assemble(self, step: list[Loop] | Launch) -> Native | Launch:
        if isinstance(step, Launch):
            return step
        native = Native()
        for loop in step:
            native.append(loop, self.assembly.add(loop))
        return native

    def profile(self, values: Sequence[Buffer | Uniform]) -> list[Profile]:
        """How each step of the plan runs, with the shortest time of some runs."""
        shortest = [float("inf")] * len(self.parts)

        def timed(base: int, memory: Memory) -> None:
            for i, part in enumerate(self.parts):
                start = time.perf_counter()
                part(base, memory)
                shortest[i] = min(shortest[i], time.perf_counter() - start)

        run = self._function([timed])
        for _ in range(PROFILED):
            run(values)
        return [Profile(sources, s, "cpu") for sources, s in zip(self.sources, shortest, strict=True)]

    @property
    def sources(self) -> list[tuple[str, ...]]:
        """For every step of the plan the sources of its kernels, one for each time that one is started."""
        return [
            tuple([kernel.source for loop, _ in part.loops for kernel in loop.kernels])
            if isinstance(part, Native)
            else ()
            for part in self.parts
        ]

    def _function(self, steps: Sequence[Callable[[int, Memory], None]]) -> Any:
        """`run`, with these steps."""
        buffers = [self.plan.buffers[i - len(self.plan.leaves)] for i in self.made]
        names: dict[str, Any] = {
            "CpuBuffer": CpuBuffer, "upload": upload, "frame": self.frame, **ADDRESSING,
            "pack": self.pack, "settle": self.frame.settle, "temporaries": self.scratch.arrays,
            "native": runner(), "pool": threads.pool,
        }  # fmt: skip
        for k, a in enumerate(buffers):
            names |= {
                f"empty{k}": output_memory(a.size * a.dtype.itemsize),
                f"shape{k}": a.shape,
                f"dtype{k}": a.dtype,
            }
        if self.private:
            names["begin"] = partial(Frame, self.assembly, self.scratch, True)
        names |= {f"output{k}": output for k, output in enumerate(self.outputs)}
        names |= {f"step{k}": step for k, step in enumerate(steps)}
        exec(_code("\n    ".join(self._lines(steps))), names)
        return names.pop("run")  # whose globals they are: the two would keep each other alive

    def _lines(self, steps: Sequence[Callable[[int, Memory], None]]) -> list[str]:
        """Lines of `run`: generated, as in a small plan loops over its leaves take longer than its kernels."""
        arrays, made = self.arrays, range(len(self.made))
        words = [*(f"x{i}.address" for i in arrays), *(f"address{k}" for k in made)]
        for i, kind in self.scalars:
            words += [f"x{i}.scalar.real", f"x{i}.scalar.imag"] if kind == "c" else [f"x{i}.scalar"]
        lines = ["def run(values):", *(["frame = begin()"] if self.private else [])]
        if self.plan.leaves:
            lines.append("".join(f"x{i}, " for i in range(len(self.plan.leaves))) + "= values")
        lines += [f"if type(x{i}) is not CpuBuffer: x{i} = upload(x{i}.numpy())" for i in arrays]
        launches = any(isinstance(step, Launch) for step in self.steps)
        if self.scratch.size > OWN_SCRATCH:
            lines.append("scratch = frame.settle()" if self.private else "scratch = settle()")
        elif launches:
            lines.append("scratch = frame.scratch")
        for k in made:
            lines += [f"made{k} = empty{k}(shape{k}, dtype{k})", f"address{k} = {address_text(f'made{k}')}"]
        lines.append(f"pack(frame.memory, 0, {', '.join(words)})")
        if launches:
            held = [f"{i}: x{i}.array" for i in arrays] + [f"{i}: x{i}.scalar" for i, _ in self.scalars]
            held += [f"{i}: made{k}" for k, i in enumerate(self.made)]
            lines.append(f"memory = temporaries(scratch) | {{{', '.join(held)}}}")
        for k, step in enumerate(steps):
            call = f"step{k}(frame.base, {'memory' if launches else None})"
            lines += step.lines(f"step{k}") if isinstance(step, Native) else [call]
        results = [
            f"output{k}(values, ({''.join(f'made{k}, ' for k in made)}))"
            if output.whole is None
            else f"CpuBuffer(made{output.whole}, address{output.whole}, None)"
            for k, output in enumerate(self.outputs)
        ]
        return [*lines, f"return [{', '.join(results)}]"]


@lru_cache(4096)
def _code(source: str) -> CodeType:
    return compile(source, "<fastvjp>", "exec")


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
        last = steps[-1] if steps else None
        if not isinstance(last, Native):
            last = Native()
            last.start = part.start
            steps.append(last)
        for loop, first in part.loops:
            last.append(loop, first)
    return steps


class _Output:
    """How to find an output after a run: a leaf's own value, or elements of a leaf or a new buffer."""

    def __init__(self, operand: Operand, made: Sequence[int], plan: Plan) -> None:
        self.operand = operand
        self.buffer = operand.leaf if isinstance(operand, Scalar) else operand.buffer
        self.place = made.index(self.buffer) if self.buffer in made else None
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
