"""The operations of pointers.py in LLVM's instructions.

Arrays of one loop never overlap in what is written, and every array has a scope of its own that says so to the
compiler: it then vectorises without checks at run time, however many arrays there are.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typing import Signature

from .instructions import Typed, instruction, of_reals

WORD = ir.IntType(64)


@instruction()
def pointer(context: Any, address: Any, dtype: Any) -> Typed:
    """Unlike an array, it has no negative indices to check for."""

    def generate(target: Any, builder: Any, signature: Signature, values: Any) -> Any:
        return builder.inttoptr(values[0], target.get_value_type(signature.return_type))

    return types.CPointer(dtype.dtype)(types.int64, dtype), generate


@instruction()
def address(context: Any, x: Any) -> Typed:
    def generate(target: Any, builder: Any, signature: Signature, values: Any) -> Any:
        return builder.ptrtoint(values[0], WORD)

    return types.int64(x), generate


@instruction()
def call(context: Any, function: Any, arguments: Any) -> Typed:
    def generate(target: Any, builder: Any, signature: Signature, values: Any) -> Any:
        code = ir.FunctionType(WORD, [WORD] * len(arguments)).as_pointer()
        words = [builder.extract_value(values[1], i) for i in range(len(arguments))]
        return builder.call(builder.inttoptr(values[0], code), words)

    return types.int64(types.int64, types.UniTuple(types.int64, len(arguments))), generate


@instruction(literal=True)
def load(context: Any, a: Any, i: Any, scope: Any, scopes: Any) -> Typed:
    def generate(target: Any, builder: Any, signature: Signature, values: Any) -> Any:
        made = builder.load(builder.gep(values[0], [values[1]]))
        _set_scope(builder.module, made, scope.literal_value, scopes.literal_value)
        return made

    return a.dtype(a, types.int64, scope, scopes), generate


@instruction(literal=True)
def store(context: Any, a: Any, i: Any, value: Any, scope: Any, scopes: Any) -> Typed:
    def generate(target: Any, builder: Any, signature: Signature, values: Any) -> Any:
        made = builder.store(values[2], builder.gep(values[0], [values[1]]))
        _set_scope(builder.module, made, scope.literal_value, scopes.literal_value)
        return target.get_dummy_value()

    return types.void(a, types.int64, a.dtype, scope, scopes), generate


@instruction()
def row_memory(context: Any, size: Any, dtype: Any) -> Typed:
    """On the stack."""

    def generate(target: Any, builder: Any, signature: Signature, values: Any) -> Any:
        return builder.alloca(target.get_value_type(dtype.dtype), size=values[0])

    return types.CPointer(dtype.dtype)(types.int64, dtype), generate


@instruction()
def larger(context: Any, x: Any, y: Any) -> Typed:
    """An instruction that reductions vectorise."""
    return of_reals("maximum", x, y)


@instruction()
def smaller(context: Any, x: Any, y: Any) -> Typed:
    return of_reals("minimum", x, y)


@instruction("min")
def least(context: Any, x: Any, y: Any) -> Typed:
    return _extreme("<", x, y)


@instruction("max")
def greatest(context: Any, x: Any, y: Any) -> Typed:
    return _extreme(">", x, y)


def _extreme(relation: str, x: Any, y: Any) -> Typed:
    """Of two integers; Numba's own `min` and `max` go through tuples, which takes long to compile."""
    if not (isinstance(x, types.Integer) and isinstance(y, types.Integer)):
        raise TypeError(f"min and max are of integers here, not of {x} and {y}")

    def generate(target: Any, builder: Any, signature: Signature, values: Any) -> Any:
        return builder.select(builder.icmp_signed(relation, *values), *values)

    return types.int64(types.int64, types.int64), generate


def _set_scope(module: Any, made: Any, scope: int, scopes: int) -> None:
    domain = module.add_metadata(["arrays"])
    nodes = [module.add_metadata([f"array {i}", domain]) for i in range(scopes)]
    made.set_metadata("alias.scope", module.add_metadata([nodes[scope]]))
    others = [node for i, node in enumerate(nodes) if i != scope]
    if others:
        made.set_metadata("noalias", module.add_metadata(others))
