"""Modules with replaced values: by those that are declared here; other functions by what takes lists of arrays.

Outside recordings every replacement does what NumPy's own does, on NumPy's values.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, TypeVar

import numpy as np

from ...arrays.array import array, as_array
from ...arrays.public import NUMPY
from ...recording.reads import LostGradientError
from ...recording.recorder import TracedValueError, current

F = TypeVar("F", bound=Callable[..., Any])

_OURS: dict[int, tuple[Any, Any]] = {}
"""What is replaced, by its identity, with its replacement."""
_MODULES: dict[str, ModuleType] = {}
_COPIED: dict[str, Callable[[Any], Any]] = {}
"""Packages that are copied, with what makes the copies."""
ROOTS = ("numpy", "scipy", "math")
_OF_MODULES = {"__spec__", "__path__", "__file__", "__loader__", "__cached__"}


def instead(*originals: Any) -> Callable[[F], F]:
    """Decorator that declares a function to stand for these of NumPy while a recording is open."""

    def declare(fun: F) -> F:
        for original in originals:

            def call(*args: Any, _original: Any = original, **options: Any) -> Any:
                return (_original if current() is None else fun)(*args, **options)

            functools.update_wrapper(call, original)
            replace(original, call)
        return fun

    return declare


def replace(original: Any, ours: Any) -> None:
    """Declare what stands for a value of a module, in recordings and outside."""
    _OURS[id(original)] = (original, ours)


def ours(value: Any) -> Any:
    """What stands for a value of NumPy, SciPy or math: itself, if there is nothing else."""
    found = _OURS.get(id(value))
    if found is not None and found[0] is value:
        return found[1]
    if isinstance(value, ModuleType):
        return namespace(value) if value.__name__.partition(".")[0] in ROOTS else value
    home = getattr(value, "__module__", None) or ""
    if isinstance(value, FunctionType | type) and home.startswith("numpy."):
        copy = _copying(home)
        if copy is not None:
            return copy(value)
    if not takes_arrays(value):
        return _of_scipy(value)
    replacement = Lifted(value)
    replace(value, replacement)
    return replacement


def copy_python(package: str, copy: Callable[[Any], Any]) -> None:
    """Declare that a package of NumPy or SciPy, written in Python, is copied as users' own are."""
    _COPIED[package] = copy


def _copying(name: str) -> Callable[[Any], Any] | None:
    """What makes the copies of what is in a module; None if it is not copied."""
    return next((copy for part, copy in _COPIED.items() if name == part or name.startswith(f"{part}.")), None)


def _of_scipy(value: Any) -> Any:
    """A function or distribution of SciPy with ours for recorded arrays; anything else as it is."""
    home = (getattr(value, "__module__", None) or type(value).__module__).split("._")[0]
    name = getattr(value, "__name__", None)
    if home == "scipy.stats" and name is None:
        replacement: Any = Distribution(value)
    else:
        replacement = _either(value, f"{home}.{name}") if home.startswith("scipy.") else value
    if replacement is not value:
        replace(value, replacement)
    return replacement


def _either(value: Any, name: str) -> Any:
    """A function of SciPy; of recorded arrays ours of that name, or else a copy of SciPy's."""
    declared, copy = NUMPY.get(name), None
    if declared is None and isinstance(value, FunctionType | MethodType):
        copy = _copying(value.__module__)
    if declared is None and copy is None:
        return value

    @functools.wraps(value)
    def call(*args: Any, **options: Any) -> Any:
        if current() is None or not _holds(args, options):
            return value(*args, **options)
        return declared(*args, **options) if declared else _copied(copy(value), value, args, options)  # type: ignore[misc]

    return call


def _copied(copy: Callable[..., Any], value: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What the copy of a function of SciPy gives; where it needs what arrays here do not have, SciPy says so."""
    try:
        return copy(*args, **options)
    except (LostGradientError, TracedValueError):
        raise
    except Exception:
        return value(*args, **options)


def declared(value: Any) -> Any:
    """A function of SciPy with ours of that name for recorded arrays; None if there is none."""
    name = f"{(value.__module__ or '').split('._')[0]}.{value.__name__}"
    return _either(value, name) if name.startswith("scipy.") and name in NUMPY else None


def _holds(args: tuple[Any, ...], options: dict[str, Any]) -> bool:
    return any(map(holds_array, (*args, *options.values())))


class Distribution:
    """A distribution of scipy.stats whose methods take recorded arrays, as far as we have them."""

    def __init__(self, original: Any, args: tuple[Any, ...] = (), options: dict[str, Any] | None = None) -> None:
        self._original, self._args, self._options = original, args, options or {}
        self._name = getattr(original, "name", None) or type(original).__name__.removesuffix("_gen")

    def __getattr__(self, name: str) -> Any:
        method = _either(getattr(self._original, name), f"scipy.stats.{self._name}.{name}")
        if not self._args and not self._options:
            return method
        return lambda *given, **options: method(*given, *self._args, **(self._options | options))

    def __call__(self, *args: Any, **options: Any) -> Any:
        """The distribution with these parameters."""
        if current() is None or not _holds(args, options):
            return self._original(*args, **options)
        return Distribution(self._original, args, options)

    def __repr__(self) -> str:
        return repr(self._original)


def takes_arrays(value: Any) -> bool:
    """Whether it is a function of NumPy, of which arrays may be arguments."""
    if isinstance(value, np.ufunc):
        return True
    home = getattr(value, "__module__", None) or ""
    function = isinstance(value, FunctionType | BuiltinFunctionType) or hasattr(value, "_implementation")
    return function and home.partition(".")[0] == "numpy" and not home.startswith("numpy.random")


def namespace(module: ModuleType) -> ModuleType:
    """The module with replaced values."""
    return named(module.__name__)


def named(name: str) -> ModuleType:
    """The same of a module that is imported when it is used."""
    if name not in _MODULES:
        copy = _copying(name) if name.startswith("numpy.") else None
        _MODULES[name] = Module(name, copy or ours)
    return _MODULES[name]


class Module(ModuleType):
    """A module whose values are converted when they are asked for."""

    def __init__(self, name: str, convert: Callable[[Any], Any]) -> None:
        super().__init__(name)
        self._convert = convert

    @functools.cached_property
    def _module(self) -> ModuleType:
        return importlib.import_module(self.__name__)

    def __getattr__(self, name: str) -> Any:
        if name in _OF_MODULES:  # what the import system asks for
            raise AttributeError(name)
        return self._convert(getattr(self._module, name))

    def __dir__(self) -> list[str]:
        return dir(self._module)

    def __repr__(self) -> str:
        return f"<{self.__name__} for recordings>"


# --- functions that take what NumPy makes arrays of --------------------------------------------------------

SEQUENCES = {
    "concatenate", "concat", "stack", "vstack", "hstack", "dstack", "column_stack", "row_stack", "select",
    "choose", "multi_dot", "broadcast_arrays", "lexsort",
}  # fmt: skip
"""NumPy's functions whose lists are of arrays, not arrays themselves."""


class Lifted:
    """A function of NumPy that also takes lists in which there are recorded arrays."""

    def __init__(self, function: Any) -> None:
        functools.update_wrapper(self, function, updated=())
        self._function = function
        name = function.__name__
        self._lift = _lifted_items if name in SEQUENCES else lifted if name != "block" else _as_it_is

    def __call__(self, *args: Any, **options: Any) -> Any:
        """The function of NumPy, which finds ours for recorded arrays."""
        if current() is None:
            return self._function(*args, **options)
        lift = self._lift
        return self._function(*map(lift, args), **{name: lift(value) for name, value in options.items()})

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._function, name)  # the methods of a ufunc
        return Lifted(value) if callable(value) and not name.startswith("_") else value

    def __repr__(self) -> str:
        return repr(self._function)


def holds_array(value: Any) -> bool:
    """Whether there is a recorded array in a nested list, or in a dict."""
    if isinstance(value, list | tuple | dict):
        return any(map(holds_array, value.values() if isinstance(value, dict) else value))
    return type(value) is array


def lifted(value: Any) -> Any:
    """A nested list that holds recorded arrays as one array; anything else as it is."""
    return as_array(value, "array") if isinstance(value, list | tuple) and holds_array(value) else value


def _lifted_items(value: Any) -> Any:
    """The same for every item; a tuple, of which `np.lexsort`, too, sees that there are arrays in it."""
    return tuple(map(lifted, value)) if isinstance(value, list | tuple) and holds_array(value) else value


def _as_it_is(value: Any) -> Any:
    return value
