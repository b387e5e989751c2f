"""A plan as a Numba function: what `Executable.run` does, in code that needs neither Python nor the GIL.

Every call has memory of its own: a copy of the plan's words, and the temporaries behind it. The function is
generated source, as its arguments and results differ; where the JIT is off it runs as Python.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..avals import DTYPES, Aval
from ..plan import KernelStep, Plan
from . import intrinsics, jit, machine, threads
from .buffers import as_cpu
from .executable import Executable
from .lowering import Launch
from .memory import address_of


def numba_function(plan: Plan, values: Sequence[Any], avals: Sequence[Aval], result: str) -> Callable[..., Any]:
    """A plan whose outputs are buffers of their own, as a function of arrays.

    Args:
        plan: what is computed.
        values: the values of the plan's leaves; a number stands for that argument of the function.
        avals: what the arguments are.
        result: an expression for what is returned, in which `{i}` is output i.
    """
    executable = Executable(plan)
    _check(executable)
    names: dict[str, Any] = {"np": np, **DTYPES, **_operations(executable, values)}
    names |= {f"argument{i}": _argument(i, a) for i, a in enumerate(avals)}
    exec(compile(_source(executable, values, avals, result), "<fastvjp.njit>", "exec"), names)
    return _jitted(names["function"])


def _jitted(function: Callable[..., Any], **options: bool) -> Any:
    return function if jit.jit_disabled() else jit.numba().njit(**jit.OPTIONS, **options)(function)


@functools.cache
def _failure() -> Any:
    return _jitted(machine.failure, **jit.INSIDE)


def _check(executable: Executable) -> None:
    """TypeError for steps that are not native."""
    parts = zip(executable.plan.steps, executable.parts, strict=True)
    launched = {(s.primitive.name, s.output.dtype) for s, p in parts if isinstance(p, Launch)}  # type: ignore
    if launched:
        shown = ", ".join(f"{name} of {dtype}" for name, dtype in sorted(launched, key=str))
        raise TypeError(
            f"[njit] {shown} can only be run by Python. Hint: call the function from Python, without njit, or do "
            f"that part in Numba code."
        )


def _source(executable: Executable, values: Sequence[Any], avals: Sequence[Aval], result: str) -> str:
    word = executable.assembly.word
    numbers = range(len(avals))
    lines = [f"x{i} = argument{i}(a{i})" for i in numbers]
    lines.append("memory = begin()")
    for leaf in executable.arrays:
        if isinstance(values[leaf], int):
            lines.append(f"memory[{word[leaf]}] = x{values[leaf]}.ctypes.data")
    outputs = []
    for i, o in enumerate(executable.plan.outputs):
        shape, dtype = o.layout.shape, o.dtype  # type: ignore[union-attr]
        lines.append(f"y{i} = np.empty({shape}, {dtype.name})")
        lines.append(f"memory[{word[o.buffer]}] = y{i}.ctypes.data")  # type: ignore[union-attr]
        outputs.append(f"y{i}" if shape else f"y{i}[()]")
    # what it is given lives until it returns
    lines.append(f"status = run(memory, ({''.join(f'x{i}, ' for i in numbers)}))")
    lines += ["if status != 0:", *[f"    {line}" for line in _errors(executable)]]
    lines.append(f"return {result.format(*outputs)}")
    return "\n    ".join([f"def function({', '.join(f'a{i}' for i in numbers)}):", *lines])


def _errors(executable: Executable) -> Iterator[str]:
    """Statements that raise the error of a loop that has failed."""
    yield "failed, place = failure(status)"
    number = 0
    for step, part in zip(executable.plan.steps, executable.parts, strict=True):
        for loop, _ in part.loops:
            number += 1
            if loop.error is not None:
                assert isinstance(step, KernelStep)
                message = f"[{step.primitive.name}] An index is out of range, in the flattened index at element"
                yield f"if failed == {number}: raise IndexError({message!r}, place - 1)"
    yield "raise RuntimeError('[njit] A kernel has failed.')"


def _operations(executable: Executable, values: Sequence[Any]) -> dict[str, Any]:
    """`begin()`, a call's memory; `run(memory, arguments)`, which returns a status; `failure(status)`."""
    words = executable.words.copy()
    given = [values[leaf] for leaf in executable.arrays]
    constants = [v if isinstance(v, int) else as_cpu(v) for v in given]
    front = [0 if isinstance(c, int) else c.address for c in constants] + [0] * len(executable.made)
    for leaf, kind in executable.scalars:
        scalar = values[leaf].scalar
        front += (scalar.real, scalar.imag) if kind == "c" else (scalar,)
    executable.pack(words, 0, *front)
    for at, place in executable.assembly.pointers:
        words[at] = address_of(words) + 8 * place
    placed = [executable.assembly.word[buffer] for buffer in executable.offsets]
    size, first, stop = len(words), min(placed, default=0), max(placed, default=-1) + 1
    words[placed] = [8 * size + offset for offset in executable.offsets.values()]
    total = size + -(-executable.scratch // 8)
    start, steps, pool = 0, 0, 0
    for native in executable.steps:
        start, steps, pool = native.start, len(native.loops), threads.pool() if native.chunks else 0
    run_words = _runner((words, constants, executable))

    def begin():
        memory = np.empty(total, np.int64)
        memory[:size] = words
        memory[first:stop] += np.int64(memory.ctypes.data)
        return memory

    def run(memory, arguments):
        return run_words(np.int64(memory.ctypes.data), start, steps, pool)

    return {"begin": _jitted(begin, **jit.INSIDE), "run": _jitted(run, **jit.INSIDE), "failure": _failure()}


def _runner(kept: Any) -> Callable[[int, int, int, int], int]:
    """`machine.runner()` for Numba code, which then keeps alive what the words refer to."""
    if jit.jit_disabled():
        return machine.runner()
    code, call = machine.run_code(), jit.memory_operations()["call"]
    address = intrinsics.constant_address(code.address, (code, kept))
    return _jitted(lambda base, at, steps, pool: call(address(), (base, at, steps, pool)), **jit.INSIDE)


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
    numba = jit.numba()

    @numba.extending.overload(argument)
    def compiled(x):
        is_array = isinstance(x, numba.types.Array)
        number = numba.types.unliteral(x.dtype if is_array else x)
        known = isinstance(number, numba.types.Number | numba.types.Boolean)
        if not known or not fits(x.ndim if is_array else 0, numba.np.numpy_support.as_dtype(number)):
            raise TypeError(f"{message} {x}.")
        if one:

            def taken(x):
                scalar = np.empty((), dtype)
                scalar[()] = x[()] if is_array else x
                return scalar
        else:

            def taken(x):
                if x.shape != shape:
                    raise ValueError(message, x.shape)
                return np.ascontiguousarray(x)

        return taken

    return argument
