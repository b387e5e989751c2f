"""What Numba code calls by an address of this process."""

from __future__ import annotations

import weakref
from typing import Any

from .lazy import import_numba


def function_at(address: int, kept: object) -> Any:
    """Machine code as a function of a word for Numba code, which keeps an object, and is not cached by Numba."""
    from llvmlite import ir

    int64, reference = import_numba().int64, weakref.ref(kept)  # Numba never forgets an intrinsic

    @import_numba().extending.intrinsic
    def function(context: Any, word: Any) -> Any:
        def generate(target: Any, builder: Any, signature: Any, values: Any) -> Any:
            # a library lives as long as code that was linked with it
            target.active_code_library.kept = reference()
            code = ir.FunctionType(ir.IntType(64), [ir.IntType(64)]).as_pointer()
            place = target.add_dynamic_addr(builder, address, "fastvjp")
            return builder.call(builder.bitcast(place, code), values)

        return int64(int64), generate

    return function
