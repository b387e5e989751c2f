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
from collections.abc import Callable

import numpy as np

from ...core.warnings import CompileWarning
from ..elements.registry import helper
from ..native import code as native
from ..native import jit
from ..native.code import Code
from ..native.pointers import PythonPointer, pointer
from ..native.threads import run_chunks

POOL = 3
"""Which word of a call holds the pool: 0, for no threads, unless it is set."""
STEP_WORDS = 5
RELOCATION_WORDS = 3
"""Of a step, and of each relocation behind it."""
STEP_BITS = 24
"""Of the word that says which step failed and how."""


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
    return run_steps(words[0], words[1], words[2], words[3])


@helper
def run_steps(base: int, at: int, steps: int, pool: int) -> int:
    """Run so many steps, from a word on."""
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
