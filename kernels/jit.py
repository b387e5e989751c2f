"""The jit wrapper: every Numba option of the project stands here, and Numba is imported at the first compile.

`@element` marks a scalar function, `@kernel` a function over arrays. Both stay plain Python functions until
they are first needed; with NUMBA_DISABLE_JIT=1 they stay so for good.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar

import numpy as np

from .pointers import compiled_operations, python_operations

F = TypeVar("F", bound=Callable[..., Any])

OPTIONS = {"error_model": "numpy", "nogil": True}
INSIDE = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""For functions that only other jitted ones call: what Python would call them through takes time to compile."""
ELEMENTS: dict[str, FunctionType] = {}
"""Element functions by name, in the order in which their modules define them."""
HELPERS: dict[str, FunctionType] = {}
"""Scalar functions that element functions call and that are no primitive's."""
COLD: dict[str, FunctionType] = {}
"""Helpers for rare cases, which stay calls."""
OPERATIONS: dict[str, FunctionType] = {}
"""Scalar operations as Python; `scalars.lowered` has the same as LLVM instructions."""

_compile_lock = threading.RLock()


def element(function: F) -> F:
    """Register a scalar function that generated loops may call; its name must be new."""
    return _registered(function, ELEMENTS)


def helper(function: F) -> F:
    """Register a scalar function for element functions to call."""
    return _registered(function, HELPERS)


def cold(function: F) -> F:
    """Register a helper that is called, not compiled into its callers."""
    return _registered(function, COLD)


def operation(function: F) -> F:
    """Register the Python form of a scalar operation of scalars.py."""
    return _registered(function, OPERATIONS)


def _registered(function: F, table: dict[str, FunctionType]) -> F:
    assert isinstance(function, FunctionType)
    if function.__name__ in {*ELEMENTS, *HELPERS, *COLD, *OPERATIONS}:
        raise ValueError(f"[kernels] element function {function.__name__} is defined twice")
    table[function.__name__] = function
    return function


@functools.cache
def parameters(name: str) -> tuple[str, ...]:
    """Parameter names of an element function: they say what it needs."""
    return tuple(inspect.signature(ELEMENTS[name]).parameters)


@functools.cache
def numba() -> Any:
    """Numba, imported when it is first needed."""
    import numba as module

    return module


@functools.cache
def jit_disabled() -> bool:
    """Whether NUMBA_DISABLE_JIT is set: kernels then run as Python."""
    return bool(numba().config.DISABLE_JIT)


@functools.cache
def element_namespace() -> dict[str, Any]:
    """What generated code can name: the element functions, jitted where the JIT is on.

    An element function sees its own module's globals with such functions among them replaced.
    """
    functions = {**ELEMENTS, **HELPERS, **COLD}
    if jit_disabled():
        return functions
    from .scalars import lowered

    jitted: dict[str, Any] = {**lowered(numba()), **memory_operations()}
    modules: dict[int, dict[str, Any]] = {}
    for name, function in functions.items():
        module = modules.setdefault(id(function.__globals__), dict(function.__globals__))
        copy = FunctionType(function.__code__, module, name, function.__defaults__)
        jitted[name] = numba().njit(**OPTIONS, **INSIDE, forceinline=name not in COLD)(copy)
    for module in modules.values():
        module.update({name: jitted[name] for name in module.keys() & jitted.keys()})
    return jitted


def kernel(function: Callable[..., Any] | None = None, *, reassociate: bool = False) -> Any:
    """Decorator of a function over arrays, jitted at its first call for each combination of dtypes.

    `reassociate=True` lets sums be reordered, which vectorises them.
    """
    if function is None:
        return functools.partial(kernel, reassociate=reassociate)
    options = {**OPTIONS, "fastmath": {"reassoc", "contract"}} if reassociate else OPTIONS
    compiled = functools.cache(lambda: numba().njit(**options)(function))

    @functools.wraps(function)
    def call(*args: Any) -> Any:
        if jit_disabled():
            with np.errstate(all="ignore"):
                return function(*args)
        return compiled()(*args)

    return call


class CompiledLoop:
    """A compiled kernel, callable at its address as `(args, start, stop)` while this object lives."""

    def __init__(self, address: int, kept: Any) -> None:
        self.address = address
        self._kept = kept


@functools.lru_cache(maxsize=4096)
def compile_loop(source: str) -> CompiledLoop:
    """Compile a generated `fused(args, start, stop)`, which returns a status; `args` points to int64 words."""
    with _compile_lock:
        namespace = {**element_namespace(), **_loop_namespace()}
        exec(compile(source, "<fused>", "exec"), namespace)
        function = namespace["fused"]
        if jit_disabled():
            return CompiledLoop(id(function), _python_loops.setdefault(id(function), function))
        types = numba().types
        signature = types.int64(types.CPointer(types.int64), types.int64, types.int64)
        compiled = numba().cfunc(signature, **OPTIONS, fastmath={"reassoc"})(function)
        return CompiledLoop(compiled.address, compiled)


_python_loops: dict[int, Callable[..., int]] = {}


def python_loop(address: int) -> Callable[..., int]:
    """The function at a `CompiledLoop.address` where the JIT is off."""
    return _python_loops[address]


@functools.cache
def _loop_namespace() -> dict[str, Any]:
    """Memory operations and the dtypes, as generated code names them."""
    from .. import avals

    if jit_disabled():
        return {"np": np, **python_operations(), **{name: d.type for name, d in avals.DTYPES.items()}}
    types = {name: numba().from_dtype(d) for name, d in avals.DTYPES.items()}
    return {"np": np, **memory_operations(), **types}


@functools.cache
def memory_operations() -> dict[str, Any]:
    """Typed pointers, loads and stores for jitted code."""
    return compiled_operations(numba())
