"""What the namespace of the standard has under a name of NumPy's.

NumPy follows the standard, and finds ours for our arrays. So a function here is NumPy's: what it makes without
asking us becomes an array of ours, and what we lack is computed from values, which is an error where a gradient
would be lost. Where the standard says otherwise than NumPy, a function is declared by `@standard`.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Hashable
from types import ModuleType
from typing import Any

import numpy as np

from ... import devices
from ...arrays.array import array, as_array
from ...arrays.calls import with_views
from ...arrays.public import NUMPY
from ...core.avals import DTYPES, float32, float64
from ...core.declared import Declared
from ..namespace.modules import Module, takes_arrays
from ..numpy.constants import Lacking, by_values

HOME = "fastvjp.array_api"

standard = Declared[Callable[..., Any]]("standard")
"""What the standard has in the place of these functions of NumPy."""


_TYPES = {dtype.type for dtype in DTYPES.values()}


@functools.cache
def namespace(module: ModuleType) -> ModuleType:
    """A module of NumPy, and the modules in it, as the standard has them."""
    return Module(module.__name__, _member)


def _member(value: Any) -> Any:
    """What stands for a value of NumPy; AttributeError if nothing does."""
    if isinstance(value, ModuleType) and value.__name__.startswith("numpy."):
        return namespace(value)
    if takes_arrays(value) or (isinstance(value, Hashable) and value in standard):
        return _function(value)
    if isinstance(value, float) or value is np.newaxis or (isinstance(value, type) and value in _TYPES):
        return value
    raise AttributeError(f"[{HOME}] {value!r:.80} is no function, dtype or constant of fastvjp's arrays.")


@functools.cache
def _function(original: Any) -> Callable[..., Any]:
    """What stands for a function of NumPy."""
    function = standard.get(original) or _of_numpy(original)

    @functools.wraps(function, updated=())
    def call(*args: Any, **options: Any) -> Any:
        return adopted(function(*args, **options))

    within = getattr(original, "__module__", "numpy").split(".")[1:]
    call.__module__, call.__qualname__ = HOME, ".".join([*within, original.__name__])
    return call


def _of_numpy(function: Any) -> Callable[..., Any]:
    """A function of NumPy, by ours where we have it."""

    @functools.cache
    def makes_arrays() -> bool:
        return "device" in _parameters(function)

    @functools.wraps(function, updated=())
    def call(*args: Any, **options: Any) -> Any:
        if "device" in options and makes_arrays():
            with placed(options.pop("device")):
                return adopted(call(*args, **options))
        try:
            return function(*args, **options)
        except Lacking:
            return by_values(function, args, options)

    return call


def _parameters(function: Any) -> Any:
    try:
        return inspect.signature(function).parameters
    except ValueError:  # it is written in C
        return ()


class Special(ModuleType):
    """Functions of scipy.special, where SciPy looks for them: those that are recorded."""

    def __getattr__(self, name: str) -> Any:
        found = NUMPY.get(f"scipy.special.{name}")
        if found is None:
            raise AttributeError(f"[{HOME}] The function scipy.special.{name} is not recorded.")
        return found

    def __dir__(self) -> list[str]:
        return sorted(f.rpartition(".")[2] for f in NUMPY if isinstance(f, str))


def adopted(result: Any) -> Any:
    """A result with arrays of ours in it, whose parts are views."""
    if isinstance(result, array):
        return with_views(result)
    if isinstance(result, np.ndarray | np.generic):
        return with_views(as_array(result, "array_api"))
    if isinstance(result, tuple):
        parts = map(adopted, result)
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    return [adopted(part) for part in result] if isinstance(result, list) else result


def placed(device: str | None) -> contextlib.AbstractContextManager[None]:
    """Where arrays are made on a device; None for the one in force."""
    return contextlib.nullcontext() if device is None else devices.device(device)


def held(dtype: np.dtype) -> np.dtype:
    """NumPy's dtype for numbers, or that of which the device in force has them."""
    return float32 if dtype == float64 and not devices.current().holds(dtype) else dtype
