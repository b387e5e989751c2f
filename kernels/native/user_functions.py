"""Element functions of users, which Numba compiles, and this folder's functions as these call them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from ...core.definitions import DEFINED
from ..elements.registry import OPERATIONS, is_own
from .code import llvm
from .instructions import INSTRUCTIONS, type_of
from .interrupts import postponed
from .lazy import import_numba
from .snapshot import rebuilt
from .translation import Foreign, wrapped
from .types import PARTS, TranslationError, Value, llvm_type

if TYPE_CHECKING:
    from .translation import Translation

COUNTING = "\n".join(
    f"define weak_odr void @NRT_{name}(ptr %x) alwaysinline {{\n  ret void\n}}" for name in ("incref", "decref")
)
"""Of references to constants. What makes arrays needs more of Numba's runtime, and is not linked."""


class UserElement(Foreign):
    """A user's element function, of which Numba's forms are linked with what calls it."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def called(self, b: Translation, arguments: Sequence[Any]) -> Value:
        """A call of the form for these arguments."""
        values = [b.value(x) for x in arguments]
        symbol, result, texts = _compiled(self.__name__, tuple([type_of(v) for v in values]))
        b.module.others |= dict.fromkeys(texts)
        kinds = [llvm_type(v.type) for v in values for _ in v.parts]
        parts = [part for v in values for part in v.parts]
        kind = _llvm_value(result)
        b.module.declare(f"declare {kind} {symbol}({', '.join(kinds)})")
        words = ", ".join(f"{k} {part}" for k, part in zip(kinds, parts, strict=True))
        made = b.make(f"call {kind} {symbol}({words})")
        if result.kind != "c":
            return Value(result, (made,))
        return Value(result, tuple([b.make(f"extractvalue {kind} {made}, {i}") for i in range(2)]))


def _llvm_value(t: np.dtype) -> str:
    return f"{{{llvm_type(t)}, {llvm_type(t)}}}" if t.name in PARTS else llvm_type(t)


@functools.lru_cache(maxsize=256)
@postponed()
def user_element(name: str) -> Any:
    """A user's element function, jitted, and with it the functions that it calls."""
    from . import target

    def jitted(value: Any) -> Any:
        if not isinstance(value, FunctionType):
            return value
        return own_function(value) if is_own(value) else target.inner(rebuilt(value, jitted), forceinline=True)

    return jitted(DEFINED[name].functions[name])


@postponed()
def check_element(name: str, dtype: np.dtype, operands: int, statics: int) -> None:
    """TypeError if a user's element function cannot be compiled, or gives no number."""
    from . import target

    element, types = user_element(name), import_numba().types
    which = f"[{DEFINED[name].title}] The element function {DEFINED[name].functions[name].__name__}"
    given = (import_numba().from_dtype(dtype),) * operands + (types.int64,) * statics
    try:
        with target.current():
            element.compile(given)
        result = element.overloads[given].signature.return_type
    except (import_numba().core.errors.NumbaError, NotImplementedError) as error:
        raise TypeError(f"{which} cannot be compiled by Numba for {dtype}: {error}") from error
    numbers = (types.Boolean, types.Integer, types.Float, *([types.Complex] if dtype.kind == "c" else []))
    if not isinstance(result, numbers):
        raise TypeError(f"{which} gives {result} for {dtype}. Expected: one number, on every path.")


def _compiled(name: str, given: tuple[np.dtype, ...]) -> tuple[str, np.dtype, list[str]]:
    """The symbol of a function's form, the type of its result, and modules to link."""
    from . import target

    numba = import_numba()
    element, types = user_element(name), tuple([numba.from_dtype(t) for t in given])
    with target.current():
        element.compile(types)
    form = element.overloads[types]
    gives = form.signature.return_type
    if isinstance(gives, numba.types.Optional):  # of which no loop would notice
        raise TypeError(f"{name} gives {gives}")
    symbol = f"{name}({', '.join(t.name for t in given)})"
    result = np.dtype(numba.np.numpy_support.as_dtype(numba.types.unliteral(gives)))
    return f'@"{symbol}"', result, called_as_c(form, symbol)


def called_as_c(form: Any, symbol: str) -> list[str]:
    """A form of a function and one of this symbol that calls it as C does, where Numba's own way has more to it.

    It needs nothing of Numba or Python at run time: what Numba would raise is lost, which kernels do not do.
    """
    from llvmlite import ir

    context, callee = form.target_context, form.fndesc
    module = context.create_module("user")
    called = ir.Function(
        module, context.call_conv.get_function_type(callee.restype, callee.argtypes), callee.llvm_func_name
    )
    values = [context.get_value_type(t) for t in callee.argtypes]
    words = [w for v in values for w in (v.elements if isinstance(v, ir.BaseStructType) else [v])]
    entry = ir.Function(module, ir.FunctionType(context.get_value_type(callee.restype), words), symbol)
    builder, rest = ir.IRBuilder(entry.append_basic_block()), iter(entry.args)
    arguments = []
    for v in values:
        if isinstance(v, ir.BaseStructType):
            pair = builder.insert_value(ir.Constant(v, ir.Undefined), next(rest), 0)
            arguments.append(builder.insert_value(pair, next(rest), 1))
        else:
            arguments.append(next(rest))
    _, value = context.call_conv.call_function(builder, called, callee.restype, callee.argtypes, arguments)
    builder.ret(value)
    return [COUNTING, str(module), *form.library.texts]


# --- from Numba's side -----------------------------------------------------------------------------------


@functools.cache
def own_function(function: FunctionType) -> Any:
    """One of this folder's functions, as functions that Numba compiles for our target call it."""
    name = function.__name__
    own = INSTRUCTIONS[name] if name in OPERATIONS else lambda b, *given: b.call_function(function, given)

    def typed(*given: Any) -> Any:
        numba = import_numba()
        arguments = [_value(t) for t in given]
        symbol = f"own {name}({', '.join(map(str, given))})"
        try:
            module, result = wrapped(f'@"{symbol}"', own, arguments)
        except TranslationError as error:
            raise numba.core.errors.TypingError(str(error)) from error
        return _numba_type(result)(*given), functools.partial(_generate, module.program().modules, symbol)

    parameters = ", ".join(inspect.signature(function).parameters)
    names = {"typed": typed}
    exec(f"def {name}(context, {parameters}):\n    return typed({parameters})", names)
    return import_numba().extending.intrinsic(names[name])


def _value(t: Any) -> Any:
    """What is like a value of a Numba type."""
    numba = import_numba()
    if isinstance(t, numba.types.BaseTuple):
        return tuple([_value(item) for item in t.types])
    return Value(np.dtype(numba.np.numpy_support.as_dtype(numba.types.unliteral(t))), ("?",))


def _numba_type(result: Any) -> Any:
    if isinstance(result, tuple):
        return import_numba().types.Tuple([_numba_type(v) for v in result])
    return import_numba().from_dtype(result.type)


def _generate(texts: list[str], symbol: str, target: Any, builder: Any, signature: Any, values: Any) -> Any:
    """The call, of which Numba's library links the function."""
    from llvmlite import ir

    for text in texts:
        target.active_code_library.add_llvm_module(llvm().parse_assembly(text))

    def parts(value: Any) -> list[Any]:
        if not isinstance(value.type, ir.Aggregate):
            return [value]
        return [p for i in range(len(value.type.elements)) for p in parts(builder.extract_value(value, i))]

    words = [p for value in values for p in parts(value)]
    result = target.get_value_type(signature.return_type)
    kind = ir.FunctionType(_flattened(result), [w.type for w in words])
    found = builder.module.globals.get(symbol) or ir.Function(builder.module, kind, symbol)
    made = builder.call(found, words)
    if not isinstance(result, ir.Aggregate):
        return made
    rest = iter([builder.extract_value(made, i) for i in range(len(made.type.elements))])

    def whole(t: Any) -> Any:
        if not isinstance(t, ir.Aggregate):
            return next(rest)
        value = ir.Constant(t, ir.Undefined)
        for i, item in enumerate(t.elements):
            value = builder.insert_value(value, whole(item), i)
        return value

    return whole(result)


def _flattened(t: Any) -> Any:
    from llvmlite import ir

    def leaves(t: Any) -> list[Any]:
        return [leaf for item in t.elements for leaf in leaves(item)] if isinstance(t, ir.Aggregate) else [t]

    return ir.LiteralStructType(leaves(t)) if isinstance(t, ir.Aggregate) else t
