"""Machine code of kernels: translated (translation.py) and compiled by LLVM when they are first needed.

What was compiled once is on disk (cache.py). Numba is imported for element functions of users and for
`fastvjp.njit` only. Element functions and loops written by hand stay plain Python functions; with
NUMBA_DISABLE_JIT=1 kernels run as these.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import re
import threading
from collections.abc import Callable, Sequence
from threading import Thread
from types import FunctionType
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from ...core import avals, environment, progress
from ...core.definitions import DEFINED
from ...core.forks import without_forks
from ..elements.registry import COLD, ELEMENTS, HELPERS, KERNELS, OPERATIONS
from . import cache
from . import code as native
from .code import Code, Effort, once
from .interrupts import postponed
from .pointers import PYTHON_OPERATIONS, PythonPointer

LOOP = ("int64*", "int64", "int64")
"""What a generated loop takes: its argument words, the first iteration and the one to stop at."""
_translating = threading.RLock()


@functools.cache
def jit_disabled() -> bool:
    """Whether NUMBA_DISABLE_JIT is set: kernels then run as Python."""
    return environment.jit_disabled()


def namespace() -> dict[str, Any]:
    """What generated code can name: element functions, kernels, operations and dtypes."""
    from . import translation  # noqa: F401  imports what fills the table
    from .instructions import INSTRUCTIONS

    return {**python_namespace(), **INSTRUCTIONS}


def python_namespace() -> dict[str, Any]:
    """The same for plain Python."""
    types = {d.name: d.type for d in avals.DTYPES.values() if d not in avals.COMPUTED}
    return {"np": np, **ELEMENTS, **HELPERS, **COLD, **KERNELS, **OPERATIONS, **PYTHON_OPERATIONS, **types}


def defined_names(source: str) -> list[str]:
    """The users' element functions that a generated source calls."""
    return [name for name in dict.fromkeys(re.findall(r"\w+", source)) if name in DEFINED]


class CompileError(Exception):
    """No machine code could be made of a function."""


@functools.lru_cache(maxsize=4096)
def compile_loop(source: str, effort: Effort | None = None) -> Code:
    """Compile a generated `fused(args, start, stop)`, which returns a status; `args` points to int64 words."""
    if jit_disabled():
        return interpret_loop(source)
    names = defined_names(source)

    def program() -> native.Program:
        from .translation import translated

        users: dict[str, Any] = {}
        if names:
            from .user_functions import UserElement

            users = {name: UserElement(name) for name in names}
        (function,) = ast.parse(source).body
        made = translated(function, {**namespace(), **users}, LOOP, "reassoc ")
        return made if effort is None else _with(effort, made)

    text = source if effort is None else f"{source}\n{effort}"
    return compiled(text, program, all(DEFINED[name].kept for name in names))


def _with(effort: Effort, program: native.Program) -> native.Program:
    """With this effort, if it has loops; else there is next to nothing to do anyway."""
    return program._replace(effort=effort) if program.effort is native.THOROUGH else program


def compile_function(function: Callable[..., int], words: int, effort: Effort = native.THOROUGH) -> Code:
    """Compile one of this folder's functions, of so many words."""
    assert isinstance(function, FunctionType)

    def program() -> native.Program:
        from .translation import definition, translated

        made = translated(definition(function), function.__globals__, ("int64",) * words)
        return _with(effort, made)

    return compiled(function.__name__, program)


@functools.lru_cache(maxsize=4096)
def interpret_loop(source: str) -> Code:
    """The same in plain Python, which machine code can call like any other loop."""
    users = {name: DEFINED[name].functions[name] for name in defined_names(source)}
    names_in_python = {**python_namespace(), **users}
    exec(compile(source, "<fused>", "exec"), names_in_python)
    function = names_in_python["fused"]

    def call(args: int, start: int, stop: int) -> int:
        with np.errstate(all="ignore"):
            return function(PythonPointer(args, np.int64), start, stop)

    code = native.callback(call)
    _python_loops[code.address] = call
    return code


_python_loops: WeakValueDictionary[int, Callable[[int, int, int], int]] = WeakValueDictionary()


def python_loop(code: int) -> Callable[[int, int, int], int]:
    """The loop at an address as a Python function of the address of its arguments, start and stop."""
    return _python_loops.get(code) or native.function_of_words(code, 3)


@postponed()
@without_forks()
def compiled(text: str, program: Callable[[], native.Program], kept_on_disk: bool = True) -> Code:
    """Machine code of a function of words, from the cache on disk or compiled; the text tells which it is."""
    try:
        path = cache.path_of(text) if kept_on_disk else None
        kept = None if path is None else cache.load(path)
        code = kept or _object_file(program)
        progress.count(**{"loaded" if kept else "compiled": 1})
        shared = {symbol: _shared(symbol).address for symbol in native.shared_symbols(code)}
        linked = native.link(code, shared)
    except Exception as error:  # whatever is wrong with LLVM or Numba, there are other ways
        raise CompileError(f"{type(error).__name__}: {error}") from error
    if path is not None and kept is None:
        cache.store(path, code)
    return linked


@postponed()
def together(tasks: Sequence[Callable[[], Any]], threads: int) -> None:
    """Do what compiles kernels in several threads; what cannot be compiled fails where it is compiled for good.

    Any other exception, in whichever thread, ends all of them and is raised here.
    """
    native.release_lock()
    rest, work = iter(tasks), progress.current()
    failures: list[BaseException] = []
    progress.count(kernels=len(tasks))

    def run() -> None:
        try:
            with progress.helping(work):
                for task in rest:  # that no other thread has taken
                    with contextlib.suppress(CompileError):
                        task()
                    progress.count(finished=1)
                    if failures:
                        break
        except BaseException as error:
            failures.append(error)

    others: list[Thread] = []
    with contextlib.suppress(RuntimeError):  # as Python ends no thread starts any more
        while len(others) < min(threads, len(tasks)) - 1:
            thread = Thread(target=run, name="fastvjp-compiler")
            thread.start()
            others.append(thread)
    run()
    for thread in others:
        thread.join()
    if failures:
        raise failures[0]


@once
def _shared(symbol: str) -> Code:
    """A function that kernels share."""

    def program() -> native.Program:
        from .translation import shared_function

        return shared_function(symbol)

    return compiled(symbol, program)


def _object_file(program: Callable[[], native.Program]) -> bytes:
    with _translating:
        made = program()
    return native.emit(made)
