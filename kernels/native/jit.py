"""The jit wrapper: Numba, with its options and passes (target.py), is imported at the first compile.
What was compiled once is on disk (cache.py) and needs no Numba.

Element functions and loops written by hand stay plain Python functions until they are first needed; with
NUMBA_DISABLE_JIT=1 they stay so for good.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import gc
import re
import threading
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from ...core import avals, environment
from ...core.definitions import DEFINED
from ..elements.registry import COLD, ELEMENTS, HELPERS, KERNELS, OPERATIONS, is_own
from . import cache
from . import code as native
from .code import Code
from .interrupts import postponed
from .pointers import PYTHON_OPERATIONS, PythonPointer
from .snapshot import rebuilt

LOOP = "int64(CPointer(int64), int64, int64)"
"""Signature of a generated loop: its argument words, the first iteration and the one to stop at; a status."""
_compile_lock = threading.RLock()


@functools.cache
@postponed()
def numba() -> Any:
    """Numba, imported when it is first needed."""
    import numba as module

    return module


@functools.cache
def jit_disabled() -> bool:
    """Whether NUMBA_DISABLE_JIT is set: kernels then run as Python."""
    return environment.jit_disabled()


@functools.cache
def operations(name: str) -> int:
    """About how many operations an element function or helper takes, what it calls included: its cost.

    Of a function with a near form (codegen.py) it is the near form's.
    """
    functions: dict[str, Callable[..., Any]] = {**ELEMENTS, **HELPERS, **COLD}
    if name in DEFINED:
        functions |= DEFINED[name].functions
    function = functions.get(f"{name}_near") or functions[name]
    found = 0
    for instruction in dis.get_instructions(function):
        if instruction.opname in ("BINARY_OP", "COMPARE_OP", "CALL"):
            found += 1
        elif instruction.opname == "LOAD_GLOBAL" and instruction.argval in functions:
            found += operations(instruction.argval)
    return found


@functools.cache
def namespace() -> dict[str, Any]:
    """What generated code can name: element functions, kernels, memory operations and dtypes, all jitted.

    A function sees its own module's globals with such functions among them replaced.
    """
    from . import pointer_instructions, scalar_instructions  # noqa: F401  fill the table
    from .instructions import INSTRUCTIONS
    from .target import inner

    jitted: dict[str, Any] = dict(INSTRUCTIONS)
    modules: dict[int, dict[str, Any]] = {}
    for name, function in {**ELEMENTS, **HELPERS, **COLD, **KERNELS}.items():
        module = modules.setdefault(id(function.__globals__), dict(function.__globals__))
        copy = FunctionType(function.__code__, module, name, function.__defaults__)
        jitted[name] = inner(copy, forceinline=name not in COLD)
    for module in modules.values():  # with what stands for builtins, which are no globals
        module.update({name: jitted[name] for name in {*module, "min", "max"} & jitted.keys()})
    types = {d.name: numba().from_dtype(d) for d in avals.DTYPES.values() if d not in avals.COMPUTED}
    return {"np": np, **jitted, **types}


@functools.cache
def python_namespace() -> dict[str, Any]:
    """The same for plain Python."""
    types = {d.name: d.type for d in avals.DTYPES.values() if d not in avals.COMPUTED}
    return {"np": np, **ELEMENTS, **HELPERS, **COLD, **KERNELS, **OPERATIONS, **PYTHON_OPERATIONS, **types}


def defined_names(source: str) -> list[str]:
    """The users' element functions that a generated source calls."""
    return [name for name in dict.fromkeys(re.findall(r"\w+", source)) if name in DEFINED]


@functools.lru_cache(maxsize=256)
@postponed()
def user_element(name: str) -> Any:
    """A user's element function, jitted, and with it the functions that it calls."""
    from . import target

    target.complete()

    def jitted(value: Any) -> Any:
        if not isinstance(value, FunctionType):
            return value
        if is_own(value):
            return namespace()[value.__name__]
        return target.inner(rebuilt(value, jitted), simple=False, forceinline=True)

    return jitted(DEFINED[name].functions[name])


@postponed()
def check_element(name: str, dtype: np.dtype, operands: int, statics: int) -> None:
    """TypeError if a user's element function cannot be compiled, or gives no number."""
    from . import target

    element, types = user_element(name), numba().types
    which = f"[{DEFINED[name].title}] The element function {DEFINED[name].functions[name].__name__}"
    given = (numba().from_dtype(dtype),) * operands + (types.int64,) * statics
    try:
        with target.current():
            element.compile(given)
        result = element.overloads[given].signature.return_type
    except (numba().core.errors.NumbaError, NotImplementedError) as error:
        raise TypeError(f"{which} cannot be compiled by Numba for {dtype}: {error}") from error
    numbers = (types.Boolean, types.Integer, types.Float, *([types.Complex] if dtype.kind == "c" else []))
    if not isinstance(result, numbers):
        raise TypeError(f"{which} gives {result} for {dtype}. Expected: one number, on every path.")


class CompileError(Exception):
    """Numba or LLVM could not make machine code of a function."""


@functools.lru_cache(maxsize=4096)
def compile_loop(source: str) -> Code:
    """Compile a generated `fused(args, start, stop)`, which returns a status; `args` points to int64 words."""
    if jit_disabled():
        return interpret_loop(source)
    names = defined_names(source)

    def function() -> FunctionType:
        return _executed(source, {**namespace(), **{name: user_element(name) for name in names}})

    return compiled(source, function, LOOP, all(DEFINED[name].kept for name in names))


@functools.lru_cache(maxsize=4096)
def interpret_loop(source: str) -> Code:
    """The same in plain Python, which machine code can call like any other loop."""
    users = {name: DEFINED[name].functions[name] for name in defined_names(source)}
    function = _executed(source, {**python_namespace(), **users})

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


def _executed(source: str, names: dict[str, Any]) -> FunctionType:
    exec(compile(source, "<fused>", "exec"), names)
    return names["fused"]


@postponed()
def compiled(text: str, function: Callable[[], FunctionType], signature: str, kept_on_disk: bool = True) -> Code:
    """Machine code of a function of words, from the cache on disk or by Numba; the text tells which it is."""
    with _compile_lock:
        try:
            path = cache.path_of(text) if kept_on_disk else None
            kept = None if path is None else cache.load(path)
            code = kept or _object_file(function, signature)
            linked = native.link(code)
        except Exception as error:  # whatever is wrong with Numba or LLVM, there are other ways
            raise CompileError(f"{type(error).__name__}: {error}") from error
        if path is not None and kept is None:
            cache.store(path, code)
        return linked


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Numba makes many objects that stay: searching them for garbage is a tenth of its time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_no_collection()
def _object_file(function: Callable[[], FunctionType], signature: str) -> bytes:
    """Compile with Numba; the entry calls the function as C does, where Numba's own way has more to it.

    It needs nothing of Numba or Python at run time: what Numba would raise is lost, which kernels do not do.
    """
    from llvmlite import ir
    from numba.core import cgutils

    from . import target

    source = function()
    jitted = target.inner(source, fastmath={"reassoc"})
    with target.current():
        jitted.compile(signature)
    _check_results(source)
    (result,) = jitted.overloads.values()
    context, callee = result.target_context, result.fndesc
    module = context.create_module("entry")
    called = ir.Function(
        module, context.call_conv.get_function_type(callee.restype, callee.argtypes), callee.llvm_func_name
    )
    words = [context.get_value_type(t) for t in (callee.restype, *callee.argtypes)]
    entry = ir.Function(module, ir.FunctionType(words[0], words[1:]), native.ENTRY)
    builder = ir.IRBuilder(entry.append_basic_block())
    _, value = context.call_conv.call_function(builder, called, callee.restype, callee.argtypes, entry.args)
    builder.ret(value)
    for name in ("NRT_incref", "NRT_decref"):  # of constants; what makes arrays needs more, and is not linked
        counting = ir.Function(module, ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t]), name)
        ir.IRBuilder(counting.append_basic_block()).ret_void()
    return native.emit([str(module), *result.library.texts])


def _check_results(source: FunctionType) -> None:
    """TypeError if a user's element function gives nothing on some path, of which no loop would notice."""
    for name in source.__code__.co_names:
        if name in DEFINED:
            for signature in source.__globals__[name].nopython_signatures:
                if isinstance(signature.return_type, numba().types.Optional):
                    raise TypeError(f"{name} gives {signature.return_type}")
