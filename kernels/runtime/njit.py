"""A plan as a Numba function: what `Executable.run` does, in code that needs neither Python nor the GIL.

Every call has memory of its own: a copy of the plan's words, and the temporaries behind it. The function is
generated source, as its arguments and results differ; where the JIT is off it runs as Python.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ...core.avals import COMPUTED, DTYPES, Aval
from ...planning.plan import Plan, View
from ..loops import Failure
from ..native import intrinsics, jit, threads
from ..native.interrupts import postponed
from ..native.lazy import import_numba
from ..native.memory import address_of
from ..native.target import INSIDE, OPTIONS
from . import machine
from .buffers import as_cpu
from .executable import Executable, Native
from .lowering import Launch


@postponed()
def numba_function(plan: Plan, values: Sequence[Any], avals: Sequence[Aval], result: str) -> Callable[..., Any]:
    """A plan whose outputs are buffers of their own, as a function of arrays.

    Args:
        plan: what is computed.
        values: the values of the plan's leaves; a number stands for that argument of the function.
        avals: what the arguments are.
        result: an expression for what is returned, in which `{i}` is output i.
    """
    executable = Executable(plan)
    _check(executable, avals)
    constants = _Constants(executable, values)
    names: dict[str, Any] = {"np": np, **DTYPES, "constants": constants, **_operations(executable, constants)}
    names |= {f"argument{i}": _argument(i, a) for i, a in enumerate(avals)}
    names |= {f"exception{number}": failure.exception for number, failure in _failures(executable)}
    exec(compile(_source(executable, values, avals, result), "<fastvjp.njit>", "exec"), names)
    return _jitted(names["function"])


def _jitted(function: Callable[..., Any], **options: bool) -> Any:
    return function if jit.jit_disabled() else import_numba().njit(**OPTIONS, **options)(function)


def _check(executable: Executable, avals: Sequence[Aval]) -> None:
    """TypeError for steps that are not native, and for arguments and results that Numba has no types of."""
    given = [*(a.dtype for a in avals), *(v.dtype for v in executable.plan.outputs if isinstance(v, View))]
    unknown = {dtype.name for dtype in given if dtype in COMPUTED}
    if unknown:
        raise TypeError(
            f"[njit] Numba has no {' and no '.join(sorted(unknown))}. Hint: cast to and from float32 within the "
            f"function."
        )
    parts = zip(executable.plan.steps, executable.parts, strict=True)
    launched = {f"{s.computes} of {s.writes[0].dtype}" for s, part in parts if isinstance(part, Launch)}
    if launched:
        raise TypeError(
            f"[njit] Only Python can run {', '.join(sorted(launched))}. Hint: do that part in Numba code, or "
            f"call the function from Python."
        )


def _source(executable: Executable, values: Sequence[Any], avals: Sequence[Aval], result: str) -> str:
    word, numbers = executable.assembly.word, range(len(avals))
    lines = [f"x{i} = argument{i}(a{i})" for i in numbers]
    lines.append("memory = begin()")
    given = [(leaf, values[leaf]) for leaf in executable.arrays if isinstance(values[leaf], int)]
    lines += [f"memory[{word[leaf]}] = x{i}.ctypes.data" for leaf, i in given]
    outputs = []
    for i, o in enumerate(executable.plan.outputs):
        assert isinstance(o, View)
        lines.append(f"y{i} = np.empty({o.layout.shape}, {o.dtype.name})")
        lines.append(f"memory[{word[o.buffer]}] = y{i}.ctypes.data")
        outputs.append(f"y{i}" if o.layout.shape else f"y{i}[()]")
    # what `run` is given lives until it returns
    lines.append(f"status = run(memory, ({''.join(f'x{i}, ' for i in numbers)}))")
    lines += ["if status != 0:", *[f"    {line}" for line in _errors(executable)]]
    lines.append(f"return {result.format(*outputs)}")
    return "\n    ".join([f"def function({', '.join(f'a{i}' for i in numbers)}):", *lines])


def _failures(executable: Executable) -> list[tuple[int, Failure]]:
    """The loops that may fail: their numbers, from 1, and how."""
    loops = [loop for part in executable.parts if isinstance(part, Native) for loop, _ in part.loops]
    return [(i, loop.failure) for i, loop in enumerate(loops, 1) if loop.failure is not None]


def _errors(executable: Executable) -> Iterator[str]:
    """Statements that raise the error of the loop that has failed."""
    yield "failed, place = failure(status)"
    for number, failure in _failures(executable):
        yield f"if failed == {number}: raise exception{number}({failure.message!r}, place - 1)"
    yield "raise RuntimeError('[njit] A kernel has failed.')"


class _Constants:
    """The words with which every call begins, and what they refer to."""

    def __init__(self, executable: Executable, values: Sequence[Any]) -> None:
        word, size = executable.assembly.word, len(executable.assembly.words)
        given = [values[leaf] for leaf in executable.arrays]
        self.executable = executable
        self.buffers = [as_cpu(value) for value in given if not isinstance(value, int)]
        addresses = iter([buffer.address for buffer in self.buffers])
        front = [0 if isinstance(value, int) else next(addresses) for value in given]
        front += [0] * len(executable.made)
        for leaf, kind in executable.scalars:
            scalar = values[leaf].scalar
            front += (scalar.real, scalar.imag) if kind == "c" else (scalar,)
        self.words = np.array(executable.assembly.words, np.int64)
        executable.pack(self.words.data, 0, *front)
        for at, place in executable.assembly.pointers:
            self.words[at] = address_of(self.words) + 8 * place
        self.placed = [word[buffer] for buffer in executable.scratch.offsets]
        """Words of temporaries, one behind the other; for now they hold places in a call's memory."""
        self.words[self.placed] = [8 * size + offset for offset in executable.scratch.offsets.values()]


def _operations(executable: Executable, constants: _Constants) -> dict[str, Any]:
    """`begin()`, a call's memory; `run(memory, arguments)`, which returns a status; `failure(status)`."""
    words, placed = constants.words, constants.placed
    size, first, stop = len(words), min(placed, default=0), max(placed, default=-1) + 1
    total = size + -(-executable.scratch.size // 8)
    run_words = _runner(constants)
    call = -1
    for native in executable.steps:  # one, or none
        assert isinstance(native, Native)
        call = native.word
        words[call + machine.POOL] = threads.pool() if native.chunks else 0

    def begin() -> np.ndarray:
        memory = np.empty(total, np.int64)
        for i in range(size):  # a copy of a slice takes Numba a second to compile, errors and all
            memory[i] = words[i]
        base = np.int64(memory.ctypes.data)
        for i in range(first, stop):
            memory[i] += base
        return memory

    def run(memory: np.ndarray, arguments: tuple[np.ndarray, ...]) -> int:
        if call < 0:
            return 0
        memory[call] = memory.ctypes.data
        return run_words(np.int64(memory[call] + 8 * call))

    return {"begin": _jitted(begin, **INSIDE), "run": _jitted(run, **INSIDE), "failure": _failure()}


@functools.cache
def _failure() -> Any:
    return _jitted(machine.failure, **INSIDE)


def _runner(constants: _Constants) -> Callable[[Any], int]:
    """`machine.runner()` for Numba code, which then keeps the constants alive."""
    if jit.jit_disabled():
        return machine.runner()
    return intrinsics.function_at(machine.run_code().address, constants)


@functools.lru_cache(maxsize=4096)
def _argument(position: int, a: Aval) -> Callable[[Any], np.ndarray]:
    """The function that makes an argument a C-contiguous array of its aval, or says that it does not fit."""
    message = f"[njit] Argument {position} does not fit. Expected: {a}, got"
    shape, dtype, one = a.shape, a.dtype, a.ndim == 0

    def fits(ndim: int, given: np.dtype) -> bool:
        return ndim == a.ndim and np.can_cast(given, dtype, "same_kind" if one else "no")

    def argument(x: Any) -> np.ndarray:
        x = np.asarray(x)
        if not fits(x.ndim, x.dtype):
            raise TypeError(f"{message} {x.dtype}{list(x.shape)}.")
        if x.shape != shape:
            raise ValueError(message, x.shape)
        return np.ascontiguousarray(x, dtype)

    if jit.jit_disabled():
        return argument
    numba = import_numba()

    @numba.extending.overload(argument)
    def compiled(x: Any) -> Callable[[Any], np.ndarray]:
        is_array = isinstance(x, numba.types.Array)
        number = numba.types.unliteral(x.dtype if is_array else x)
        known = isinstance(number, numba.types.Number | numba.types.Boolean)
        if not known or not fits(x.ndim if is_array else 0, numba.np.numpy_support.as_dtype(number)):
            raise TypeError(f"{message} {x}.")
        if one:

            def taken(x: Any) -> np.ndarray:
                scalar = np.empty((), dtype)
                scalar[()] = x[()] if is_array else x
                return scalar
        else:

            def taken(x: Any) -> np.ndarray:
                if x.shape != shape:
                    raise ValueError(message, x.shape)
                return np.ascontiguousarray(x)

        return taken

    return argument
