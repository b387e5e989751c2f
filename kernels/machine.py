"""A plan's fused steps as numbers: an array of int64 words that one compiled function runs in one call.

The words hold, in this order: the address of every buffer; the scalars, two words each; the argument words of
every fused step; and the steps themselves, each as

    kernel address, first argument word, iterations, iterations of a chunk, number of relocations,
    then for each relocation: argument word, buffer, byte offset.

A relocation writes a buffer's address plus an offset into an argument word, just before its kernel runs: so a
call from Python sets the addresses and the scalars and nothing else. A kernel is called once for each chunk, on
several threads (threads.py), and answers 0, or a status that says what is wrong, which ends the run.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from . import jit, threads
from .loops import Loop

SCALAR_WORDS = 2
"""A complex128 takes two."""


class Assembly:
    """The words of a plan with so many buffers; scalars stand for some of them."""

    def __init__(self, buffers: int, scalars: Sequence[int]) -> None:
        first = buffers + buffers % SCALAR_WORDS  # scalars are written through a view of such pairs of words
        self.scalars = {b: first + SCALAR_WORDS * i for i, b in enumerate(scalars)}
        self.words = [0] * (first + SCALAR_WORDS * len(scalars))
        self.loops: list[jit.CompiledLoop] = []
        self._steps: list[list[int]] = []

    def add(self, loop: Loop, compiled: jit.CompiledLoop) -> None:
        """Append a fused step."""
        first = len(self.words)
        relocations = [(v.buffer, v.layout.offset * v.dtype.itemsize) for v in loop.arrays]
        relocations += [(s.leaf, 0) for s in loop.scalars]
        step = [compiled.address, first, loop.count, loop.grain or max(loop.count, 1), len(relocations)]
        for k, (buffer, offset) in enumerate(relocations):
            step += [first + k, buffer, offset]
        self.words += [0] * len(relocations) + list(loop.numbers)
        self._steps.append(step)
        self.loops.append(compiled)

    def finish(self) -> list[int]:
        """Append the steps to the words; returns the word at which each begins."""
        starts = []
        for step in self._steps:
            starts.append(len(self.words))
            self.words += step
        return starts


@functools.cache
def runner() -> Callable[[int, int, int, int], tuple[int, int]]:
    """The function `run(address of the words, word of the first step, number of steps, pool)`.

    It returns (0, 0), or the number of the step that failed, from 1, and the status that its kernel gave. The
    pool is that of threads.py; the results are the same with and without.
    """
    if jit.jit_disabled():
        return _python_run
    numba, pointer, run_chunks = jit.numba(), jit.pointer_intrinsic(), threads.run_chunks()
    int64 = numba.int64

    def run(base, at, steps, pool):
        words = pointer(base, int64)
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
                return step + 1, status
        return 0, 0

    return numba.njit(**jit.OPTIONS)(run)


def _python_run(base: int, at: int, steps: int, pool: int) -> tuple[int, int]:
    words = jit.PythonPointer(base, np.int64)
    for step in range(steps):
        kernel, args, count, grain, relocations = (int(words[at + i]) for i in range(5))
        at += 5
        for _ in range(relocations):
            words[int(words[at])] = int(words[int(words[at + 1])]) + int(words[at + 2])
            at += 3
        loop, arguments = jit.python_loop(kernel), jit.PythonPointer(base + 8 * args, np.int64)
        with np.errstate(all="ignore"):
            for start in range(0, count, grain):
                status = loop(arguments, start, min(start + grain, count))
                if status != 0:
                    return step + 1, status
    return 0, 0
