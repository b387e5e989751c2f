"""What the runner does that Numba has no name for: atomic counters, words on the stack."""

from __future__ import annotations

import functools
import weakref
from typing import Any

from .jit import numba


@functools.cache
def fetch(operation: str) -> Any:
    """`fetch(address, value)`: combine a word with a value ("add", "min") atomically; returns what it was."""
    from llvmlite import ir

    int64 = numba().int64

    @numba().extending.intrinsic
    def fetch(context: Any, address: Any, value: Any) -> Any:
        def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
            word = builder.inttoptr(values[0], ir.IntType(64).as_pointer())
            return builder.atomic_rmw(operation, word, values[1], "monotonic")

        return int64(int64, int64), generate

    return fetch


@functools.cache
def stack(size: int) -> Any:
    """`stack()`: address of so many words that live until the function returns, the same at every call."""
    from llvmlite import ir

    @numba().extending.intrinsic
    def stack(context: Any) -> Any:
        def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
            with builder.goto_entry_block():
                words = builder.alloca(ir.IntType(64), size)
            return builder.ptrtoint(words, ir.IntType(64))

        return numba().int64(), generate

    return stack


def constant_address(address: int, kept: object) -> Any:
    """`constant()`: an address of this process. Code with it in it keeps an object, and is not cached by Numba."""
    from llvmlite import ir

    int64, reference = numba().int64, weakref.ref(kept)  # Numba never forgets an intrinsic

    @numba().extending.intrinsic
    def constant(context: Any) -> Any:
        def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
            # a library lives as long as code that was linked with it
            target.active_code_library.kept = reference()
            return builder.ptrtoint(target.add_dynamic_addr(builder, address, "fastvjp"), ir.IntType(64))

        return int64(), generate

    return constant
