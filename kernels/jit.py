"""The jit wrapper: every Numba option of the project stands here, and Numba is imported at the first compile.

`@element` marks a scalar function, `@kernel` a function over arrays. Both stay plain Python functions until
they are first needed; with NUMBA_DISABLE_JIT=1 they stay so for good.
"""

from __future__ import annotations

import dis
import functools
import inspect
import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar

import numpy as np

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

    jitted: dict[str, Any] = lowered(numba())
    modules: dict[int, dict[str, Any]] = {}
    for name, function in functions.items():
        module = modules.setdefault(id(function.__globals__), dict(function.__globals__))
        copy = FunctionType(function.__code__, module, name, function.__defaults__)
        jitted[name] = numba().njit(**OPTIONS, **INSIDE, forceinline=name not in COLD)(copy)
    for module in modules.values():
        module.update({name: jitted[name] for name in module.keys() & jitted.keys()})
    return jitted


@functools.cache
def operations(name: str) -> int:
    """About how many operations an element function or helper takes, what it calls included: its cost.

    Of a function with a near form (codegen.py) it is the near form's.
    """
    functions = {**ELEMENTS, **HELPERS, **COLD}
    found = 0
    for instruction in dis.get_instructions(functions.get(f"{name}_near") or functions[name]):
        if instruction.opname in ("BINARY_OP", "COMPARE_OP", "CALL"):
            found += 1
        elif instruction.opname == "LOAD_GLOBAL" and instruction.argval in functions:
            found += operations(instruction.argval)
    return found


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
        compiled = numba().cfunc(signature, **OPTIONS)(function)
        return CompiledLoop(compiled.address, compiled)


_python_loops: dict[int, Callable[..., int]] = {}


def python_loop(address: int) -> Callable[..., int]:
    """The function at a `CompiledLoop.address` where the JIT is off."""
    return _python_loops[address]


@functools.cache
def _loop_namespace() -> dict[str, Any]:
    """`pointer(address, dtype)` and the dtypes, as generated code names them."""
    from .. import avals

    if jit_disabled():
        return {"pointer": PythonPointer, **{name: d.type for name, d in avals.DTYPES.items()}}
    types = {name: numba().from_dtype(d) for name, d in avals.DTYPES.items()}
    return {"pointer": pointer_intrinsic(), **types}


@functools.cache
def pointer_intrinsic() -> Any:
    """`pointer(address, dtype)` for jitted code: unlike an array, it has no negative indices to check for."""
    int64, pointer_to = numba().int64, numba().types.CPointer

    @numba().extending.intrinsic
    def pointer(context: Any, address: Any, dtype: Any) -> Any:
        def generate(target: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], target.get_value_type(signature.return_type))

        return pointer_to(dtype.dtype)(int64, dtype), generate

    return pointer


class PythonPointer:
    """What `pointer` is where the JIT is off."""

    def __init__(self, address: int, dtype: type[np.generic]) -> None:
        self.address = int(address)
        self.dtype = np.dtype(dtype)

    def _at(self, i: int) -> np.ndarray:
        import ctypes

        size = self.dtype.itemsize
        memory = (ctypes.c_char * size).from_address(self.address + int(i) * size)
        return np.frombuffer(memory, self.dtype)

    def __getitem__(self, i: int) -> Any:
        return self._at(i)[0]

    def __setitem__(self, i: int, value: Any) -> None:
        self._at(i)[0] = value
