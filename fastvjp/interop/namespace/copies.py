"""`of`: a copy of a function that nobody may edit, whose `numpy`, `scipy` and `math` are those of recordings.

What SciPy, and NumPy's polynomials, have written in Python is copied in the same way. The copy looks its globals
up when it uses them, in the original's module, and converts them: modules and functions of NumPy and `math` to
ours, functions and classes of the same package to copies.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import itertools
import sys
from abc import ABCMeta
from collections.abc import Callable, Iterable
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any, TypeVar, cast

import numpy as np

from ...arrays.array import array
from ...core.callers import is_ours
from ...recording.reads import guard
from ...recording.recorder import current
from .creation import adopted
from .modules import Module, copy_python, declared, ours

F = TypeVar("F", bound=Callable[..., Any])


def of(fun: F) -> F:
    """The function, to be differentiated as it is: in its copy NumPy's namespace is `fastvjp.numpy`.

    What it calls of its own package is copied with it: functions, lambdas, nested and decorated ones, methods of
    classes. What is written in C, and other packages, stay as they are. Floating NumPy arrays among its arguments
    are recorded, so that it may write to them. Outside recordings the function itself is called.

    Args:
        fun: a function or method that is written in Python; a function of NumPy's stays as it is.

    Raises:
        TypeError: `fun` is not written in Python.

    Example:
        >>> import numpy as np
        >>> import fastvjp
        >>> def squares(x):
        ...     y = np.zeros(2)
        ...     y[0], y[1] = x**2, 3 * x
        ...     return np.sum(y)
        >>> float(fastvjp.grad(fastvjp.numpy.of(squares))(np.float64(2.0)))
        7.0
    """
    if isinstance(fun, np.ufunc | type(np.sum)):  # which know arrays of ours
        return cast(F, fun)
    inner = inspect.unwrap(fun) if callable(fun) else fun
    inner = inner.func if isinstance(inner, functools.partial) else inner
    function = getattr(inner, "__func__", inner)
    if not isinstance(function, FunctionType):
        name = getattr(fun, "__name__", repr(fun))
        raise TypeError(
            f"[of] Expected a function that is written in Python, got {type(fun).__name__} {name:.60}. "
            f"Hint: fastvjp.custom_function gives other functions a derivative."
        )
    copied = Copies((function.__module__ or "").partition(".")[0]).value(fun)

    def call(*args: Any, **options: Any) -> Any:
        trace = current()
        if trace is None:
            return fun(*args, **options)
        trace.views = True
        values = [*args, *options.values()]
        given = _recorded(values)
        before = [x._var if type(x) is array else None for x in given]
        result = copied(*given[: len(args)], **dict(zip(options, given[len(args) :], strict=True)))
        if not is_ours(sys._getframe(1)):  # else a transform called it, to which arguments are its own
            _hand_back(values, given, before)
        return result

    made: Any = functools.wraps(fun)(call)
    made.__signature__ = inspect.signature(fun)  # for those who do not look behind a decorator
    return made


def _recorded(values: Iterable[Any]) -> list[Any]:
    """Arguments as the copy is given them: NumPy's arrays that it may write to, each once, as recorded ones.

    Those that overlap stay NumPy's, where a write of traced values is an error: a copy of one would miss those to
    another.
    """
    values = list(values)
    arrays = {id(x): x for x in values if type(x) is np.ndarray and x.flags.writeable}
    for one, other in itertools.combinations(list(arrays.values()), 2):
        if np.may_share_memory(one, other):
            arrays.pop(id(one), None)
            arrays.pop(id(other), None)
    made = {key: adopted(x) for key, x in arrays.items()}
    return [made.get(id(x), x) for x in values]


_OF_MODULES = ("__name__", "__package__", "__spec__", "__path__")
"""Globals by which imports inside of functions find what they are relative to."""


def _hand_back(values: Iterable[Any], given: Iterable[Any], before: Iterable[Any]) -> None:
    """Write to NumPy's arrays what the copy wrote to those that stand for them: an error of traced values."""
    for theirs, made, was in zip(values, given, before, strict=True):
        if type(theirs) is np.ndarray and type(made) is array and made._var is not was:
            guard(made._var, "a write to an argument of fastvjp.numpy.of")
            theirs[...] = made._values()


class _Globals(dict[str, Any]):
    """The globals of a copy: those of the original, converted when they are used."""

    def __init__(self, original: dict[str, Any], convert: Callable[[Any], Any]) -> None:
        super().__init__({name: original[name] for name in _OF_MODULES if name in original}, __builtins__=builtins)
        self._original = original
        self._convert = convert

    def __missing__(self, name: str) -> Any:
        return self._convert(self._original[name])


class Copies:
    """Copies of the functions and classes of some packages, each made once."""

    def __init__(self, *packages: str) -> None:
        self.packages = packages
        self._copies: dict[int, tuple[Any, Any]] = {}
        self._globals: dict[int, _Globals] = {}

    def value(self, value: Any) -> Any:
        """What stands for a value that a copied function refers to."""
        found = self._copies.get(id(value))
        if found is not None:
            return found[1]
        if isinstance(value, FunctionType):
            return (declared(value) or self._function(value)) if self._is_own(value) else ours(value)
        if isinstance(value, MethodType):
            return MethodType(self.value(value.__func__), self.value(value.__self__))
        if isinstance(value, functools.partial):
            options = {name: self.value(x) for name, x in value.keywords.items()}
            return functools.partial(self.value(value.func), *map(self.value, value.args), **options)
        if isinstance(value, functools._lru_cache_wrapper):  # traced values must not stay in a cache
            return self.value(value.__wrapped__)
        if isinstance(value, staticmethod | classmethod):
            return type(value)(self.value(value.__func__))
        if isinstance(value, property):
            fget, fset, fdel = [f and self.value(f) for f in (value.fget, value.fset, value.fdel)]
            return property(fget, fset, fdel, value.__doc__)
        if isinstance(value, ModuleType):
            own = self._is_package(value.__name__)
            return self._kept(value, Module(value.__name__, self.value)) if own else ours(value)
        if isinstance(value, type):
            return self._class(value) if self._is_own(value) else ours(value)
        if self._is_own(type(value)) and hasattr(value, "__dict__"):
            return self._instance(value)
        return ours(value)

    def _is_own(self, value: Any) -> bool:
        return self._is_package(getattr(value, "__module__", None) or "")

    def _is_package(self, name: str) -> bool:
        return any(name == package or name.startswith(f"{package}.") for package in self.packages)

    def _kept(self, value: Any, copied: Any) -> Any:
        self._copies[id(value)] = (value, copied)
        return copied

    def _function(self, function: FunctionType) -> FunctionType:
        original = function.__globals__
        names = self._globals.get(id(original))
        if names is None:
            names = self._globals[id(original)] = _Globals(original, self.value)
        closure = function.__closure__ or ()
        cells = tuple([cell if self._is_shared(cell) else CellType() for cell in closure])
        copied = self._kept(function, FunctionType(function.__code__, names, function.__name__, None, cells))
        functools.update_wrapper(copied, function)
        del copied.__wrapped__
        copied.__defaults__ = function.__defaults__ and tuple(map(self.value, function.__defaults__))
        if function.__kwdefaults__:
            copied.__kwdefaults__ = {name: self.value(x) for name, x in function.__kwdefaults__.items()}
        for mine, cell, name in zip(cells, closure, function.__code__.co_freevars, strict=True):
            if mine is not cell:
                value = cell.cell_contents
                mine.cell_contents = value if name == "__class__" else self.value(value)  # what super() needs
        return copied

    def _is_shared(self, cell: CellType) -> bool:
        """Whether a copy has the same variable: one that is data, or not assigned yet."""
        try:
            value = cell.cell_contents
        except ValueError:
            return True
        return not (callable(value) or isinstance(value, ModuleType) or self._is_own(type(value)))

    def _class(self, kind: type) -> type:
        """A subclass with copies of the methods, also of the copies of its bases; an unusual class as it is."""
        if type(kind) not in (type, ABCMeta) or issubclass(kind, BaseException):
            return kind
        members: dict[str, Any] = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
        if all("__slots__" in vars(k) for k in kind.__mro__[:-1]):
            members["__slots__"] = ()
        for name, member in vars(kind).items():
            if isinstance(member, FunctionType | staticmethod | classmethod | property):
                members[name] = self.value(member)
        bases = [self.value(base) for base in kind.__mro__[1:] if self._is_own(base)]
        copied: type = type(kind)(kind.__name__, (kind, *bases), members)  # type: ignore[misc]
        self._kept(copied, copied)
        return self._kept(kind, copied)

    def _instance(self, value: Any) -> Any:
        """An object of the copied class that shares the attributes."""
        kind: Any = self.value(type(value))
        if kind is type(value) or any("__slots__" in vars(k) for k in type(value).__mro__[:-1]):
            return value
        copied = object.__new__(kind)
        copied.__dict__ = value.__dict__
        return self._kept(value, copied)


# not optimize and the solvers of integrate: the derivative of what an iteration reaches is not that of a solution
for _copies in (
    Copies("numpy.polynomial"),
    Copies(
        "scipy._lib", "scipy.constants", "scipy.integrate._quadrature", "scipy.interpolate", "scipy.linalg",
        "scipy.signal", "scipy.spatial.distance", "scipy.special", "scipy.stats",
    ),
):  # fmt: skip
    for _package in _copies.packages:
        copy_python(_package, _copies.value)
