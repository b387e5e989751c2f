"""What element functions cost."""

from __future__ import annotations

import dis
import functools
from collections.abc import Callable
from typing import Any

from ...core.definitions import DEFINED
from ..elements.registry import COLD, ELEMENTS, HELPERS


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
