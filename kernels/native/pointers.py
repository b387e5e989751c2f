"""What generated loops and hand-written kernels do with addresses: pointers, loads, stores, row memory, calls.

Arrays of one loop never overlap in what is written, and every array has a scope of its own that says so to the
compiler: it then vectorises without checks at run time, however many arrays there are.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np


class PythonPointer:
    """What `pointer` is where the JIT is off."""

    def __init__(self, address: int, dtype: type[np.generic]) -> None:
        self.address = int(address)
        self.dtype = np.dtype(dtype)

    def _at(self, i: int) -> np.ndarray:
        size = self.dtype.itemsize
        memory = (ctypes.c_char * size).from_address(self.address + int(i) * size)
        return np.frombuffer(memory, self.dtype)

    def __getitem__(self, i: int) -> Any:
        return self._at(i)[0]

    def __setitem__(self, i: int, value: Any) -> None:
        self._at(i)[0] = value


pointer = PythonPointer
"""For hand-written kernels, as are the next two: jitted code sees the compiled operation of the name."""


def address(x: PythonPointer) -> int:
    """Where a pointer points to."""
    return x.address


def call(function: int, arguments: tuple[int, ...]) -> int:
    """Call a C function of words, which may be pointers, that returns one."""
    types = [ctypes.c_int64] * (1 + len(arguments))
    return ctypes.CFUNCTYPE(*types)(int(function))(*map(int, arguments))


def python_operations() -> dict[str, Any]:
    """The operations by name, where the JIT is off."""

    def load(a: Any, i: int, scope: int, scopes: int) -> Any:
        return a[i]

    def store(a: Any, i: int, value: Any, scope: int, scopes: int) -> None:
        a[i] = value

    def row_memory(size: int, dtype: type[np.generic]) -> np.ndarray:
        return np.empty(size, dtype)

    return {
        "pointer": pointer,
        "address": address,
        "call": call,
        "load": load,
        "store": store,
        "row_memory": row_memory,
        "larger": np.maximum,
        "smaller": np.minimum,
    }


def compiled_operations(numba: Any) -> dict[str, Any]:
    """The operations by name, as intrinsics."""
    from llvmlite import ir

    types, intrinsic = numba.types, numba.extending.intrinsic

    @intrinsic
    def pointer(context: Any, address: Any, dtype: Any) -> Any:
        """`pointer(address, dtype)`: unlike an array, it has no negative indices to check for."""

        def generate(target: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], target.get_value_type(signature.return_type))

        return types.CPointer(dtype.dtype)(types.int64, dtype), generate

    @intrinsic
    def address(context: Any, x: Any) -> Any:
        """`address(pointer)`."""

        def generate(target: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.ptrtoint(args[0], ir.IntType(64))

        return types.int64(x), generate

    @intrinsic
    def call(context: Any, function: Any, arguments: Any) -> Any:
        """`call(address, arguments)`: call a C function of int64 words, given as a tuple, that returns one."""

        def generate(target: Any, builder: Any, signature: Any, args: Any) -> Any:
            word = ir.IntType(64)
            code = ir.FunctionType(word, [word] * len(arguments)).as_pointer()
            words = [builder.extract_value(args[1], i) for i in range(len(arguments))]
            return builder.call(builder.inttoptr(args[0], code), words)

        return types.int64(types.int64, types.UniTuple(types.int64, len(arguments))), generate

    @intrinsic(prefer_literal=True)
    def load(context: Any, a: Any, i: Any, scope: Any, scopes: Any) -> Any:
        """`load(a, i, scope, scopes)`: element i of the array of this scope among so many."""

        def generate(target: Any, builder: Any, signature: Any, args: Any) -> Any:
            instruction = builder.load(builder.gep(args[0], [args[1]]))
            _set_scope(builder.module, instruction, scope.literal_value, scopes.literal_value)
            return instruction

        return a.dtype(a, types.int64, scope, scopes), generate

    @intrinsic(prefer_literal=True)
    def store(context: Any, a: Any, i: Any, value: Any, scope: Any, scopes: Any) -> Any:
        """`store(a, i, value, scope, scopes)`."""

        def generate(target: Any, builder: Any, signature: Any, args: Any) -> Any:
            instruction = builder.store(args[2], builder.gep(args[0], [args[1]]))
            _set_scope(builder.module, instruction, scope.literal_value, scopes.literal_value)
            return target.get_dummy_value()

        return types.void(a, types.int64, a.dtype, scope, scopes), generate

    @intrinsic
    def row_memory(context: Any, size: Any, dtype: Any) -> Any:
        """`row_memory(size, dtype)`: room on the stack, until the kernel returns."""

        def generate(target: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.alloca(target.get_value_type(dtype.dtype), size=args[0])

        return types.CPointer(dtype.dtype)(types.int64, dtype), generate

    def extreme(name: str) -> Any:
        """The larger or smaller of two floats, nan if either is: an instruction that reductions vectorise."""

        @intrinsic
        def combine(context: Any, x: Any, y: Any) -> Any:
            def generate(target: Any, builder: Any, signature: Any, args: Any) -> Any:
                t = args[0].type
                function = ir.FunctionType(t, [t, t])
                return builder.call(builder.module.declare_intrinsic(f"llvm.{name}", [t], function), args)

            return x(x, x), generate

        return combine

    def extreme_integer(relation: str) -> Any:
        """`min` or `max` of two integers; Numba's own goes through tuples, which takes long to compile."""

        @intrinsic
        def combine(context: Any, x: Any, y: Any) -> Any:
            if not (isinstance(x, types.Integer) and isinstance(y, types.Integer)):
                raise TypeError(f"min and max are of integers here, not of {x} and {y}")

            def generate(target: Any, builder: Any, signature: Any, args: Any) -> Any:
                return builder.select(builder.icmp_signed(relation, *args), *args)

            return types.int64(types.int64, types.int64), generate

        return combine

    return {
        "pointer": pointer,
        "address": address,
        "call": call,
        "load": load,
        "store": store,
        "row_memory": row_memory,
        "min": extreme_integer("<"),
        "max": extreme_integer(">"),
        "larger": extreme("maximum"),
        "smaller": extreme("minimum"),
    }


def _set_scope(module: Any, instruction: Any, scope: int, scopes: int) -> None:
    domain = module.add_metadata(["arrays"])
    nodes = [module.add_metadata([f"array {i}", domain]) for i in range(scopes)]
    instruction.set_metadata("alias.scope", module.add_metadata([nodes[scope]]))
    others = [node for i, node in enumerate(nodes) if i != scope]
    if others:
        instruction.set_metadata("noalias", module.add_metadata(others))
