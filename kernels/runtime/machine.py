"""A plan's loops as numbers: an array of int64 words that one compiled function runs in one call.

The words hold, in this order: addresses of the arrays that a call gives; the scalars that it gives, two words for
a complex one; addresses of temporaries and of the scalars; the argument words of every loop; the steps
themselves, each as

    kernel address, first argument word, iterations, iterations of a chunk, number of relocations,
    then for each relocation: argument word, word of the address, byte offset;

and calls of the compiled function, which is given the address of one and so takes one argument, as each takes
ctypes some time:

    address of the words, word of the first step, number of steps, pool.

A relocation writes an address plus an offset into an argument word, just before its kernel runs: so a call from
Python sets the words in front and, where there are chunks, the pool. A kernel is called once for each chunk, on
several threads (threads.py), and answers 0, or a status that says what is wrong, which ends the run.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence

import numpy as np

from ...core.warnings import CompileWarning
from ..elements.registry import helper
from ..loops import Loop
from ..native import code as native
from ..native import jit
from ..native.code import Code
from ..native.pointers import PythonPointer, pointer
from ..native.threads import run_chunks

POOL = 3
"""Which word of a call holds the pool: 0, for no threads, unless it is set."""
STEP_BITS = 24
"""Of the word that says which step failed and how."""


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

    def add(self, loop: Loop, compiled: Code) -> int:
        """Append a loop; returns its first argument word."""
        first = len(self.words)
        relocations = [(v.buffer, v.layout.offset * v.dtype.itemsize) for v in loop.arrays]
        relocations += [(s.leaf, 0) for s in loop.scalars]
        step = [compiled.address, first, loop.count, loop.grain or max(loop.count, 1), len(relocations)]
        for k, (buffer, offset) in enumerate(relocations):
            step += [first + k, self.word[buffer], offset]
        self.words += [0] * len(relocations) + list(loop.numbers)
        self._steps.append(step)
        self.loops.append(compiled)
        return first

    def finish(self) -> list[int]:
        """Append the steps to the words; returns the word at which each begins."""
        starts = []
        for step in self._steps:
            starts.append(len(self.words))
            self.words += step
        return starts

    def call(self, start: int, steps: int) -> int:
        """Append a call of so many steps from this word; returns the word at which it begins."""
        self.calls.append(len(self.words))
        self.words += [0, start, steps, 0]
        return self.calls[-1]


@functools.cache
def runner() -> Callable[[int], int]:
    """The function `run(address of a call)`.

    It returns 0, or what `failure` understands.
    """
    if jit.jit_disabled():
        return _python_run
    try:
        code = run_code()
    except jit.CompileError as error:
        warnings.warn(f"Plans run in plain Python: {error}", CompileWarning, stacklevel=2)
        return _python_run
    return native.function_of_words(code.address, 1)


@native.once
def run_code() -> Code:
    """Its machine code, which lives as long as the process."""
    return jit.compile_function(run_plan, 1, native.CALLING)


def failure(result: int) -> tuple[int, int]:
    """The number of the step that failed, from 1, and the status that its kernel gave."""
    return result & (1 << STEP_BITS) - 1, result >> STEP_BITS


@helper
def run_plan(of: int) -> int:
    """Run the steps of a call at this address."""
    words = pointer(of, np.int64)
    base, at, steps, pool = words[0], words[1], words[2], words[3]
    words = pointer(base, np.int64)
    for step in range(steps):
        kernel, args, count, grain, relocations = (
            words[at], words[at + 1], words[at + 2], words[at + 3], words[at + 4]
        )  # fmt: skip
        at += 5
        for _ in range(relocations):
            words[words[at]] = words[words[at + 1]] + words[at + 2]
            at += 3
        status = run_chunks(pool, kernel, base + 8 * args, count, grain)
        if status != 0:
            return status << STEP_BITS | (step + 1)
    return 0


def _python_run(call: int) -> int:
    words = PythonPointer(call, np.int64)
    base, at, steps = (int(words[i]) for i in range(POOL))
    words = PythonPointer(base, np.int64)
    for step in range(steps):
        kernel, args, count, grain, relocations = (int(words[at + i]) for i in range(5))
        at += 5
        for _ in range(relocations):
            words[int(words[at])] = int(words[int(words[at + 1])]) + int(words[at + 2])
            at += 3
        loop = jit.python_loop(kernel)
        for start in range(0, count, grain):
            status = loop(base + 8 * args, start, min(start + grain, count))
            if status != 0:
                return status << STEP_BITS | (step + 1)
    return 0
