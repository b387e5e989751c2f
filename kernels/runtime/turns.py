"""Loops of a plan: its body's steps in one kernel, which runs them over and over and moves their addresses.

The argument words of the kernel are, in this order, what `HEAD` names, then an entry of three words for each
address of the body that stays, one of eight for each that moves, and one of three for each that is another word's
at every turn. An address is what a word of the plan around it holds, plus bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...planning.plan import LoopStep, Operand, Scalar, View
from ..elements.registry import kernel
from ..loops import Failure, Loop, calling
from ..native.code import CALLING, Effort
from ..native.pointers import PythonPointer, address, pointer
from .machine import POOL, RELOCATION_WORDS, STEP_WORDS, failure, run_steps

HEAD = 9
FIRST, CALL, TRIPS, AT, STEPS, STAYING, MOVING, CHANGING, FAILED = range(HEAD)
"""Of the kernel's own words the first; the word of the plan's call; how many turns there are; the word of the
body's first step, and how many steps it has; how many entries of each kind there are; what the body answered when
it failed."""
Entry = tuple[int, ...]


@kernel
def run_turns(args: PythonPointer, start: int, stop: int) -> int:
    """Run the steps of a body over and over."""
    base = address(args) - 8 * args[FIRST]
    words = pointer(base, np.int64)
    pool = words[args[CALL] + POOL]
    at = HEAD + np.int64(0)
    for _ in range(args[STAYING]):
        words[args[at]] = words[args[at + 1]] + args[at + 2]
        at += 3
    moving = at
    for turn in range(args[TRIPS]):
        at = moving
        for _ in range(args[MOVING]):
            if turn == 0:
                words[args[at]] = words[args[at + 1]] + args[at + 2]
            elif turn % 2 == 0:
                words[args[at]] = words[args[at + 3]] + args[at + 4] + turn * args[at + 7]
            else:
                words[args[at]] = words[args[at + 5]] + args[at + 6] + turn * args[at + 7]
            at += 8
        for _ in range(args[CHANGING]):
            words[args[at]] = words[args[at + 1] + turn * args[at + 2]]
            at += 3
        result = run_steps(base, args[AT], args[STEPS], pool)
        if result != 0:
            args[FAILED] = result
            return 1
    return 0


@dataclass(frozen=True)
class Repeated(Loop):
    """A loop step as a kernel, with the kernels of its body."""

    step: LoopStep = field(kw_only=True)
    body: tuple[Loop, ...] = field(kw_only=True)
    scratch: View | None = field(kw_only=True)
    """Memory for the temporaries of the body, ..."""
    offsets: Mapping[int, int] = field(kw_only=True)
    """... and where they lie in it."""

    @property
    def places(self) -> list[int]:
        """The buffers of the body's results."""
        return [o.buffer for o in self.step.body.outputs if isinstance(o, View)]

    @property
    def is_shared(self) -> bool:
        """Whether something in it is for several threads."""
        return any(loop.is_shared for loop in self.body)

    @property
    def kernels(self) -> tuple[Loop, ...]:
        """Itself and those of its body."""
        return (self, *[kernel for loop in self.body for kernel in loop.kernels])

    def repeated(self, trips: int) -> Loop:
        """The same as part of the body of a loop."""
        return replace(self, body=tuple([loop.repeated(trips) for loop in self.body]))

    def with_efforts(self, chosen: Mapping[str, Effort]) -> Loop:
        """The same, with what LLVM is to do for each source."""
        return replace(self, effort=CALLING, body=tuple([loop.with_efforts(chosen) for loop in self.body]))


def repeated(step: LoopStep, body: Sequence[Loop], offsets: Mapping[int, int], scratch: View | None) -> Repeated:
    """The kernel of a step whose body has become these kernels, with temporaries in scratch memory."""
    return Repeated(
        calling("run_turns"), (), (), (), 1, 0, _failure(body),
        next((loop.during for loop in body if loop.during), None),
        step=step, body=tuple(body), scratch=scratch, offsets=offsets,
    )  # fmt: skip


def _failure(body: Sequence[Loop]) -> Failure | None:
    """What is wrong where a kernel of the body has failed."""
    failing = [loop.failure for loop in body if loop.failure]
    if not failing:
        return None

    def describe(place: int, args: PythonPointer) -> Exception:
        words = PythonPointer(args.address - 8 * int(args[FIRST]), np.int64)
        number, status = failure(int(args[FAILED]))
        found, at = body[number - 1].failure, int(args[AT])
        assert found is not None
        for _ in range(number - 1):
            at += STEP_WORDS + RELOCATION_WORDS * int(words[at + STEP_WORDS - 1])
        return found.of(status, PythonPointer(words.address + 8 * int(words[at + 1]), np.int64))

    return Failure(failing[0].exception, failing[0].message, describe)


def entries(loop: Repeated, table: Mapping[int, int], inner: Mapping[int, int]) -> tuple[list[Entry], ...]:
    """Those that stay, those that move, and those that change.

    Args:
        loop: the kernel.
        table: the words that hold addresses around it, by buffers and leaves.
        inner: those of its body.
    """
    step = loop.step

    def at(o: Operand, elements: int = 0) -> Entry:
        """The word that has the address of an operand, and how many bytes behind that it lies."""
        if isinstance(o, Scalar):
            return table[o.leaf], 0
        return table[o.buffer], (o.layout.offset + elements) * o.dtype.itemsize

    staying, moving, changing = list[Entry](), list[Entry](), list[Entry]()
    for k, (o, n) in enumerate(zip(step.inputs, step.moves, strict=True)):
        if k in step.carried:
            (even, odd), n = _turns(step, step.carried[k])
            # where the turn before has written
            moving.append((inner[k], *at(o), *at(odd, -n), *at(even, -n), n * even.dtype.itemsize))
        elif k in step.own:
            changing.append((inner[k], at(o)[0], step.own[k]))
        elif n:
            size = o.dtype.itemsize if isinstance(o, View) else 8
            moving.append((inner[k], *at(o), *at(o), *at(o), n * size))
        else:
            staying.append((inner[k], *at(o)))
    for k, buffer in enumerate(loop.places):
        (even, odd), n = _turns(step, k)
        if n or even is not odd:
            moving.append((inner[buffer], *at(even), *at(even), *at(odd), n * even.dtype.itemsize))
        else:
            staying.append((inner[buffer], *at(even)))
    if loop.scratch is not None:
        place = table[loop.scratch.buffer]
        staying += [(inner[buffer], place, offset) for buffer, offset in loop.offsets.items()]
    return staying, moving, changing


def _turns(step: LoopStep, result: int) -> tuple[tuple[View, View], int]:
    """Where even and odd turns write a result, and by how many elements that moves with every turn."""
    view, spare = step.outputs[result], step.spares.get(result)
    if spare is None:
        return (view, view), step.strides[result]
    return ((view, spare) if step.trips % 2 else (spare, view)), 0
