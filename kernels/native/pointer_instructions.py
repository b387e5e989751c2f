"""The operations of pointers.py in LLVM's instructions.

Arrays of one loop never overlap in what is written, and every array has a scope of its own that says so to the
compiler: it then vectorises without checks at run time, however many arrays there are.
"""

from __future__ import annotations

from typing import Any

from .builder import Builder
from .instructions import instruction, of_reals
from .operators import cast
from .types import INT64, Pointer, TranslationError, Value, as_dtype, in_memory


def pointer_of(x: Any) -> Pointer:
    """The type of a pointer."""
    if not isinstance(x, Value) or not isinstance(x.type, Pointer):
        raise TranslationError("what is read or written is no pointer")
    return x.type


def element(b: Builder, a: Value, i: Any) -> str:
    """Where an element of an array lies."""
    pointer_of(a)
    return b.element(a, cast(b, i, INT64).text)


@instruction()
def pointer(b: Builder, address: Any, dtype: Any) -> Value:
    t = as_dtype(dtype)
    assert t is not None
    return Value(Pointer(t), (b.make(f"inttoptr i64 {cast(b, address, INT64).text} to ptr"),))


@instruction()
def address(b: Builder, x: Any) -> Value:
    pointer_of(x)
    return Value(INT64, (b.make(f"ptrtoint ptr {x.text} to i64"),))


@instruction()
def call(b: Builder, function: Any, arguments: Any) -> Value:
    code = b.make(f"inttoptr i64 {cast(b, function, INT64).text} to ptr")
    words = ", ".join(f"i64 {cast(b, x, INT64).text}" for x in arguments)
    return Value(INT64, (b.make(f"call i64 {code}({words})"),))


@instruction()
def load(b: Builder, a: Any, i: Any, scope: Any, scopes: Any) -> Value:
    return b.load(pointer_of(a).of, element(b, a, i), b.scopes(scope, scopes))


@instruction()
def store(b: Builder, a: Any, i: Any, value: Any, scope: Any, scopes: Any) -> None:
    b.store(cast(b, value, pointer_of(a).of), element(b, a, i), b.scopes(scope, scopes))


@instruction()
def row_memory(b: Builder, size: Any, dtype: Any) -> Value:
    """On the stack; memory of a size that stands in the source is the same at every turn of a loop."""
    t = as_dtype(dtype)
    assert t is not None
    block = b.block if isinstance(size, Value) else b.entry
    with b.at(block):
        return Value(Pointer(t), (b.make(f"alloca {in_memory(t)}, i64 {cast(b, size, INT64).text}"),))


@instruction()
def larger(b: Builder, x: Any, y: Any) -> Value:
    """An instruction that reductions vectorise."""
    return of_reals(b, "maximum", x, y)


@instruction()
def smaller(b: Builder, x: Any, y: Any) -> Value:
    return of_reals(b, "minimum", x, y)


def _fetch(b: Builder, operation: str, address: Any, value: Any) -> Value:
    place = b.make(f"inttoptr i64 {cast(b, address, INT64).text} to ptr")
    word = cast(b, value, INT64).text
    return Value(INT64, (b.make(f"atomicrmw {operation} ptr {place}, i64 {word} monotonic"),))


@instruction()
def fetch_add(b: Builder, address: Any, value: Any) -> Value:
    return _fetch(b, "add", address, value)


@instruction()
def fetch_min(b: Builder, address: Any, value: Any) -> Value:
    return _fetch(b, "min", address, value)
