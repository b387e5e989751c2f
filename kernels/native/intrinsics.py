"""What functions call that Numba compiles: machine code by addresses of this process, and checks of types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, extending, types
from numba.core.imputils import impl_ret_borrowed
from numba.np import arrayobj, numpy_support

WORD = ir.IntType(64)


def begin(anchor: str, function: int) -> Any:
    """`begin(memory)` calls the function at this word behind an anchor, of the words and an array's address."""

    @extending.intrinsic
    def begin(context: Any, memory: Any) -> Any:
        def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
            words = _words(builder, anchor)
            given = [builder.ptrtoint(words, WORD), _address(target, builder, memory, values[0])]
            return _call(builder, _word(builder, words, function), given)

        return types.int64(memory), generate

    return begin


def run(anchor: str, function: int, place: int) -> Any:
    """`run(memory, kept)` calls that function of the address of the element that the word at `place` numbers."""

    @extending.intrinsic
    def run(context: Any, memory: Any, kept: Any) -> Any:
        def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
            words = _words(builder, anchor)
            offset = builder.mul(_word(builder, words, place), ir.Constant(WORD, 8))
            given = [builder.add(_address(target, builder, memory, values[0]), offset)]
            return _call(builder, _word(builder, words, function), given)

        return types.int64(memory, kept), generate

    return run


def checked(check: Callable[[int, np.dtype | None, str], None]) -> Any:
    """`checked(x)` is an array as it is, or the number that it or x is.

    Args:
        check: is given the number of axes, the dtype (None if NumPy has none) and what Numba calls the type, and
            raises what is wrong with an argument.
    """

    @extending.intrinsic
    def checked(context: Any, x: Any) -> Any:
        is_array = isinstance(x, types.Array)
        number = types.unliteral(x.dtype if is_array else x)
        known = isinstance(number, types.Number | types.Boolean)
        check(x.ndim if is_array else 0, numpy_support.as_dtype(number) if known else None, str(x))

        def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
            if is_array and x.ndim == 0:
                data = target.make_array(x)(target, builder, values[0]).data
                return arrayobj.load_item(target, builder, x, data)
            return impl_ret_borrowed(target, builder, x, values[0])

        return (x if is_array and x.ndim else number)(x), generate

    return checked


@extending.intrinsic
def contiguous(context: Any, x: Any) -> Any:
    """An array, or a copy of it, C-contiguous: `np.ascontiguousarray` without a function of its own."""

    def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
        return arrayobj._as_layout_array(target, builder, signature, values, "C")

    return x.copy(layout="C", readonly=False)(x), generate


def _words(builder: ir.IRBuilder, anchor: str) -> ir.Value:
    """What an anchor (dispatcher.py) leads to."""
    held = builder.module.globals.get(anchor)
    if held is None:
        held = cgutils.add_global_variable(builder.module, WORD, anchor)
        held.linkage, held.initializer = "common", ir.Constant(WORD, 0)
    return builder.inttoptr(builder.load(held), WORD.as_pointer())


def _word(builder: ir.IRBuilder, words: ir.Value, place: int) -> ir.Value:
    return builder.load(builder.gep(words, [ir.Constant(WORD, place)]))


def _address(target: Any, builder: ir.IRBuilder, type: Any, array: ir.Value) -> ir.Value:
    return builder.ptrtoint(target.make_array(type)(target, builder, array).data, WORD)


def _call(builder: ir.IRBuilder, function: ir.Value, given: list[ir.Value]) -> ir.Value:
    kind = ir.FunctionType(WORD, [WORD] * len(given))
    return builder.call(builder.inttoptr(function, kind.as_pointer()), given)
