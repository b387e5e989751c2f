"""A user's function as it is now: a copy with all values that it refers to, and what says how it computes."""

from __future__ import annotations

import builtins
import dis
import sys
from collections.abc import Callable, Iterator
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

KNOWN_MODULES = {"builtins", "math", "cmath", "operator", "numpy", "numba"}
"""What these define is said by its name: kernels on disk are kept by the versions of Python, NumPy and Numba."""
PLAIN = (bool, int, float, complex, str, bytes, type(None), np.number, np.bool_)
LARGEST = 1 << 19
"""Bytes of an array that becomes part of a kernel; of larger ones Numba compiles the address."""


class Snapshot:
    """Takes copies of functions, later changes of whose globals, closures and arrays make no difference.

    Functions that they call are copied with them, jitted ones as the plain functions that they were made of.

    Args:
        where: the name in messages.
        is_own: whether a function is one of this folder's, which stay as they are.
    """

    def __init__(self, where: str, is_own: Callable[[FunctionType], bool]) -> None:
        self.where = where
        self.is_own = is_own
        self.content: list[Any] = []
        """All that decides what the functions compute, the same in every process, ..."""
        self.complete = True
        """... if nothing was met of which that cannot be said."""
        self._open: list[FunctionType] = []

    def function(self, function: Any) -> FunctionType:
        """A copy of a function; TypeError or NameError for what Numba could not compile at all."""
        function = getattr(function, "py_func", function)
        name = getattr(function, "__name__", repr(function))
        if not isinstance(function, FunctionType):
            raise TypeError(f"[{self.where}] {name} is no function written in Python, which Numba could compile.")
        if function in self._open:
            raise TypeError(f"[{self.where}] {name} calls itself, which an element function cannot.")
        if "RAISE_VARARGS" in {instruction.opname for instruction in _instructions(function.__code__)}:
            raise TypeError(f"[{self.where}] {name} raises an exception, which no kernel can pass on.")
        self._open.append(function)
        self._describe(function.__code__)
        try:
            copy = rebuilt(function, self._value)
        except (KeyError, ValueError) as error:
            missing = f" ({error})" if isinstance(error, KeyError) else ""
            raise NameError(f"[{self.where}] {name} uses a name that is not defined yet{missing}.") from None
        self._open.pop()
        return copy

    def _describe(self, code: CodeType) -> None:
        self.content += [code.co_code, code.co_exceptiontable, code.co_flags, code.co_argcount]
        self.content += [code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars]
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                self._describe(constant)
            else:  # a set has no order that holds in every process
                self.content.append(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant)

    def _value(self, value: Any) -> Any:
        """What a function refers to, as it is now."""
        value = getattr(value, "py_func", value)
        if isinstance(value, FunctionType):
            if not self.is_own(value):
                return self.function(value)
            self.content.append(value.__name__)
            return value
        if type(value) is tuple:
            self.content.append(len(value))
            return tuple([self._value(item) for item in value])
        if isinstance(value, np.ndarray) and value.dtype.kind in "biufc" and value.nbytes <= LARGEST:
            value = value.copy()
            self.content += [value.dtype.str, value.shape, value.tobytes()]
        elif isinstance(value, PLAIN):
            self.content += [type(value).__name__, value]
        elif (known := _known_name(value)) is not None:
            self.content.append(known)
        else:
            self.complete = False
        return value


def rebuilt(function: FunctionType, change: Callable[[Any], Any]) -> FunctionType:
    """A copy of a function that refers to changed values; KeyError for a name that is not defined."""
    names = {
        name: change(function.__globals__[name])
        for name in sorted({i.argval for i in _instructions(function.__code__) if i.opname == "LOAD_GLOBAL"})
        if name in function.__globals__ or not hasattr(builtins, name)
    }
    cells = tuple([CellType(change(cell.cell_contents)) for cell in function.__closure__ or ()])
    names |= {"__name__": function.__module__, "__builtins__": builtins}
    defaults = None if function.__defaults__ is None else tuple(map(change, function.__defaults__))
    return FunctionType(function.__code__, names, function.__name__, defaults, cells)


def _instructions(code: CodeType) -> Iterator[dis.Instruction]:
    """Those of a function and of the functions inside it."""
    yield from dis.get_instructions(code)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _instructions(constant)


def _known_name(value: Any) -> str | None:
    """The name of a module or of what a module defines, where that says what it is."""
    name = getattr(value, "__name__", "")
    module = name if isinstance(value, ModuleType) else getattr(value, "__module__", None) or "numpy"  # ufuncs
    if module.partition(".")[0] not in KNOWN_MODULES:
        return None
    found = sys.modules.get(module)
    if found is value:
        return module
    return f"{module}.{name}" if getattr(found, name, None) is value else None
