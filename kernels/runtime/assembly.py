"""The words of a plan, as machine.py runs them: who stands where, and what is written before a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..loops import Loop
from ..native.code import Code
from ..native.jit import CompileError, compile_loop, interpret_loop
from .machine import RELOCATION_WORDS, STEP_WORDS
from .turns import AT, CALL, HEAD, Repeated, entries

Table = Mapping[int, int]
"""The words that hold the addresses of buffers and scalars."""


class Assembly:
    """The words of a plan: `given` are the buffers whose addresses a call gives, then come its scalars."""

    def __init__(self, given: Sequence[int], scalars: Sequence[tuple[int, int]], placed: Sequence[int]) -> None:
        self.word = {buffer: i for i, buffer in enumerate(given)}
        """The word that holds the address of each buffer."""
        self.pointers: list[tuple[int, int]] = []
        """Words that hold addresses of words: those of scalars."""
        self.calls: list[int] = []
        """Words that hold the address of all words."""
        end = len(given) + sum(size for _, size in scalars)
        at = len(given)
        for leaf, size in scalars:
            self.word[leaf] = end
            self.pointers.append((end, at))
            at, end = at + size, end + 1
        self.word.update({buffer: end + i for i, buffer in enumerate(placed)})
        self.words = [0] * (end + len(placed))
        self.loops: list[Code] = []
        self._steps: list[list[int]] = []

    def add(self, loop: Loop) -> int:
        """Append a loop; returns its first argument word."""
        step = self._written(loop, self.word)
        self._steps.append(step)
        return step[1]

    def finish(self) -> list[int]:
        """Append the steps to the words; returns the word at which each begins."""
        return self._appended(self._steps)

    def call(self, start: int, steps: int) -> int:
        """Append a call of so many steps from this word; returns the word at which it begins."""
        self.calls.append(len(self.words))
        self.words += [0, start, steps, 0]
        return self.calls[-1]

    def tell(self, loop: Loop, first: int, call: int) -> None:
        """Tell a loop with bodies, by its first argument word, of which call it is part."""
        if isinstance(loop, Repeated):
            self.words[first + CALL] = call
            at = self.words[first + AT]
            for inner in loop.body:
                self.tell(inner, self.words[at + 1], call)
                at += STEP_WORDS + RELOCATION_WORDS * self.words[at + STEP_WORDS - 1]

    def _written(self, loop: Loop, table: Table) -> list[int]:
        """Append what a loop is given; returns its step."""
        code = code_of(loop)
        self.loops.append(code)
        if isinstance(loop, Repeated):
            return self._repeated(loop, code, table)
        relocations = [(table[v.buffer], v.layout.offset * v.dtype.itemsize) for v in loop.arrays]
        relocations += [(table[s.leaf], 0) for s in loop.scalars]
        first = len(self.words)
        self.words += [0] * len(relocations) + list(loop.numbers)
        return _step(loop, code.address, first, relocations)

    def _repeated(self, loop: Repeated, code: Code, table: Table) -> list[int]:
        numbers = [*range(len(loop.step.body.leaves)), *loop.places, *loop.offsets]
        inner = {number: i for i, number in enumerate(numbers, len(self.words))}
        self.words += [0] * len(numbers)
        (at, *_) = self._appended([self._written(body, inner) for body in loop.body])
        kinds = entries(loop, table, inner)
        first = len(self.words)
        self.words += [first, 0, loop.step.trips, at, len(loop.body), *map(len, kinds), 0]
        assert len(self.words) == first + HEAD
        self.words += [word for kind in kinds for entry in kind for word in entry]
        return _step(loop, code.address, first, ())

    def _appended(self, steps: Iterable[list[int]]) -> list[int]:
        starts = []
        for step in steps:
            starts.append(len(self.words))
            self.words += step
        return starts


def _step(loop: Loop, address: int, first: int, relocations: Sequence[tuple[int, int]]) -> list[int]:
    step = [address, first, loop.count, loop.grain or max(loop.count, 1), len(relocations)]
    for k, relocation in enumerate(relocations, first):
        step += [k, *relocation]
    return step


def code_of(loop: Loop) -> Code:
    """Machine code of a loop; in plain Python where there is none, of which `lower` has warned."""
    try:
        return compile_loop(loop.source, loop.effort)
    except CompileError:
        return interpret_loop(loop.source)
