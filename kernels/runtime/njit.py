"""A plan as a Numba function: what `Executable.run` does, in code that needs neither Python nor the GIL.

Every call has memory of its own: a copy of the plan's words, and the temporaries behind it. The function is
generated source, as its arguments and results differ; where the JIT is off it runs as Python. Addresses and what
is captured are no part of it, so that its machine code can be kept on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from ...core.avals import COMPUTED, DTYPES, Aval
from ...planning.plan import Plan, View
from ..elements.registry import helper
from ..loops import Failure
from ..native import jit, threads
from ..native.code import Code, once
from ..native.interrupts import postponed
from ..native.lazy import import_numba
from ..native.memory import address_of
from ..native.pointers import pointer
from . import machine
from .buffers import as_cpu
from .executable import Executable, Native
from .lowering import Launch

BEGIN, RUN, CALL, SIZE, FIRST, STOP, HEADER = range(7)
"""What stands before the words that a call begins with: the addresses of `begin_call` and `machine.run_plan`; at
which word the call of the loops is, -1 without any; how many words there are; which are places of temporaries."""


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
    source = _source(constants, avals, result)
    exceptions = {f"exception{number}": failure.exception for number, failure in _failures(executable)}
    names: dict[str, Any] = {"__name__": __name__, "np": np, **DTYPES, **exceptions}
    checks = [partial(_check_argument, i, a) for i, a in enumerate(avals)]
    if jit.jit_disabled():
        names |= {"begin": constants.begin, "run": constants.run, "contiguous": np.ascontiguousarray}
        names |= {f"argument{i}": partial(_argument, check) for i, check in enumerate(checks)}
        return _function(source, names)
    import_numba()
    from ..native import dispatcher, intrinsics

    text = repr((source, avals, [(e.__module__, e.__qualname__) for e in exceptions.values()]))
    anchored = dispatcher.Anchored(text, constants.words, constants)
    names |= {"begin": intrinsics.begin(anchored.anchor, BEGIN), "contiguous": intrinsics.contiguous}
    names |= {"run": intrinsics.run(anchored.anchor, RUN, CALL)}
    names |= {f"argument{i}": intrinsics.checked(check) for i, check in enumerate(checks)}
    return dispatcher.Dispatcher(_function(source, names), anchored)


def _function(source: str, names: dict[str, Any]) -> Any:
    exec(compile(source, "<fastvjp.njit>", "exec"), names)
    return names["function"]


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


def _source(constants: _Constants, avals: Sequence[Aval], result: str) -> str:
    executable = constants.executable
    word, outputs = executable.assembly.word, []
    lines = [line for i, a in enumerate(avals) for line in _taken(i, a)]
    lines += [f"memory = np.empty({constants.room}, int64)", "begin(memory)"]
    lines += [f"memory[{word[leaf]}] = x{i}.ctypes.data" for leaf, i in constants.arguments]
    for i, o in enumerate(executable.plan.outputs):
        assert isinstance(o, View)
        lines.append(f"y{i} = np.empty({o.layout.shape}, {o.dtype.name})")
        lines.append(f"memory[{word[o.buffer]}] = y{i}.ctypes.data")
        outputs.append(f"y{i}" if o.layout.shape else f"y{i}[()]")
    if executable.steps:
        # what `run` is given lives until it returns
        lines.append(f"status = run(memory, ({''.join(f'x{i}, ' for i in range(len(avals)))}))")
        lines += ["if status != 0:", *[f"    {line}" for line in _errors(executable)]]
    lines.append(f"return {result.format(*outputs)}")
    return "\n    ".join([f"def function({', '.join(f'a{i}' for i in range(len(avals)))}):", *lines])


def _taken(i: int, a: Aval) -> Iterator[str]:
    """Statements that make an argument a C-contiguous array of its aval."""
    if not a.shape:
        yield f"x{i} = np.empty((), {a.dtype.name})"
        yield f"x{i}[()] = argument{i}(a{i})"
        return
    yield f"x{i} = argument{i}(a{i})"
    yield f"if x{i}.shape != {a.shape}: raise ValueError({_misfit(i, a)!r}, x{i}.shape)"
    yield f"x{i} = contiguous(x{i})"


def _failures(executable: Executable) -> list[tuple[int, Failure]]:
    """The loops that may fail: their numbers, from 1, and how."""
    loops = [loop for part in executable.parts if isinstance(part, Native) for loop, _ in part.loops]
    return [(i, loop.failure) for i, loop in enumerate(loops, 1) if loop.failure is not None]


def _errors(executable: Executable) -> Iterator[str]:
    """Statements that raise the error of the loop that has failed: `machine.failure` says which."""
    yield f"failed, place = status & {(1 << machine.STEP_BITS) - 1}, status >> {machine.STEP_BITS}"
    for number, failure in _failures(executable):
        yield f"if failed == {number}: raise exception{number}({failure.message!r}, place - 1)"
    yield "raise RuntimeError('[njit] A kernel has failed.')"


class _Constants:
    """The words with which every call begins, and what they refer to."""

    def __init__(self, executable: Executable, values: Sequence[Any]) -> None:
        self.executable = executable
        word, words = executable.assembly.word, executable.assembly.words
        given = [values[leaf] for leaf in executable.arrays]
        self.arguments = [(leaf, values[leaf]) for leaf in executable.arrays if isinstance(values[leaf], int)]
        """Leaves, and the arguments of the function that they are."""
        self.buffers = [as_cpu(value) for value in given if not isinstance(value, int)]
        addresses = iter([buffer.address for buffer in self.buffers])
        front = [0 if isinstance(value, int) else next(addresses) for value in given]
        front += [0] * len(executable.made)
        for leaf, kind in executable.scalars:
            scalar = values[leaf].scalar
            front += (scalar.real, scalar.imag) if kind == "c" else (scalar,)
        self.words = np.zeros(HEADER + len(words), np.int64)
        own = self.words[HEADER:]
        own[:] = words
        executable.pack(own.data, 0, *front)
        for at, place in executable.assembly.pointers:
            own[at] = address_of(own) + 8 * place
        placed = [word[buffer] for buffer in executable.scratch.offsets]  # one behind the other
        own[placed] = [8 * len(words) + offset for offset in executable.scratch.offsets.values()]
        self.room = len(words) + -(-executable.scratch.size // 8)
        """Words of a call's memory."""
        self.words[[SIZE, FIRST, STOP]] = len(words), min(placed, default=0), max(placed, default=-1) + 1
        self.words[CALL] = -1
        for native in executable.steps:  # one, or none
            assert isinstance(native, Native)
            self.words[CALL] = native.word
            own[native.word + machine.POOL] = threads.pool() if native.chunks else 0
        if not jit.jit_disabled():
            self.words[[BEGIN, RUN]] = _begin_code().address, machine.run_code().address

    def begin(self, memory: np.ndarray) -> None:
        """As compiled code begins a call in its memory."""
        begin_call(address_of(self.words), address_of(memory))

    def run(self, memory: np.ndarray, arguments: tuple[np.ndarray, ...]) -> int:
        """As compiled code runs it."""
        return machine.runner()(address_of(memory) + 8 * int(self.words[CALL]))


@once
def _begin_code() -> Code:
    return jit.compile_function(begin_call, 2)


@helper
def begin_call(of: int, memory: int) -> int:
    """Copy the words behind this header to a call's memory, and place its temporaries there."""
    header, words, own = pointer(of, np.int64), pointer(of + 8 * HEADER, np.int64), pointer(memory, np.int64)
    for i in range(header[SIZE]):
        own[i] = words[i]
    for i in range(header[FIRST], header[STOP]):
        own[i] = own[i] + memory
    if header[CALL] >= 0:
        own[header[CALL]] = memory
    return 0


def _misfit(position: int, a: Aval) -> str:
    return f"[njit] Argument {position} does not fit. Expected: {a}, got"


def _check_argument(position: int, a: Aval, ndim: int, dtype: np.dtype | None, given: str) -> None:
    """TypeError for an argument that is no array of this aval, whatever its shape."""
    if dtype is None or ndim != a.ndim or not np.can_cast(dtype, a.dtype, "no" if ndim else "same_kind"):
        raise TypeError(f"{_misfit(position, a)} {given}.")


def _argument(check: Callable[[int, np.dtype, str], None], x: Any) -> Any:
    """The same from Python."""
    x = np.asarray(x)
    check(x.ndim, x.dtype, f"{x.dtype}{list(x.shape)}")
    return x if x.shape else x[()]
