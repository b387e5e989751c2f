"""Modules with replaced values: by those that are declared here; other functions by what takes lists of arrays.

Outside recordings every replacement does what NumPy's own does, on NumPy's values.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, TypeVar

import numpy as np

from ...arrays.array import array, as_array
from ...arrays.public import NUMPY
from ...recording.recorder import current

F = TypeVar("F", bound=Callable[..., Any])

_OURS: dict[int, tuple[Any, Any]] = {}
"""What is replaced, by its identity, with its replacement."""
_MODULES: dict[str, ModuleType] = {}
ROOTS = ("numpy", "scipy", "math")


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
    if not takes_arrays(value):
        return _of_scipy(value)
    replacement = Lifted(value)
    replace(value, replacement)
    return replacement


def _of_scipy(value: Any) -> Any:
    """A function of scipy.special that is no ufunc and that we have; anything else as it is."""
    home, name = getattr(value, "__module__", None) or "", getattr(value, "__name__", "")
    declared = NUMPY.get(f"scipy.special.{name}") if home.startswith("scipy.special") else None
    if declared is None:
        return value

    @functools.wraps(value)
    def call(*args: Any, **options: Any) -> Any:
        given = (*args, *options.values())
        return (declared if any(map(holds_array, given)) else value)(*args, **options)

    replace(value, call)
    return call


def takes_arrays(value: Any) -> bool:
    """Whether it is a function of NumPy, of which arrays may be arguments."""
    if isinstance(value, np.ufunc):
        return True
    home = getattr(value, "__module__", None) or ""
    function = isinstance(value, FunctionType | BuiltinFunctionType) or hasattr(value, "_implementation")
    return function and home.partition(".")[0] == "numpy" and not home.startswith("numpy.random")


def namespace(module: ModuleType) -> ModuleType:
    """The module with replaced values."""
    name = module.__name__
    if name not in _MODULES:
        _MODULES[name] = Module(module, ours)
    return _MODULES[name]


class Module(ModuleType):
    """A module whose values are converted when they are asked for."""

    def __init__(self, module: ModuleType, convert: Callable[[Any], Any]) -> None:
        super().__init__(module.__name__, module.__doc__)
        self._module = module
        self._convert = convert

    def __getattr__(self, name: str) -> Any:
        return self._convert(getattr(self._module, name))

    def __dir__(self) -> list[str]:
        return dir(self._module)

    def __repr__(self) -> str:
        return f"<{self._module.__name__} for recordings>"


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
    """Whether there is a recorded array in a nested list."""
    return type(value) is array or (isinstance(value, list | tuple) and any(map(holds_array, value)))


def lifted(value: Any) -> Any:
    """A nested list that holds recorded arrays as one array; anything else as it is."""
    return as_array(value, "array") if isinstance(value, list | tuple) and holds_array(value) else value


def _lifted_items(value: Any) -> Any:
    return [lifted(item) for item in value] if isinstance(value, list | tuple) and holds_array(value) else value


def _as_it_is(value: Any) -> Any:
    return value
