"""Operations of kernels in LLVM's instructions: the decorator that registers them.

pointer_instructions.py has those that pointers.py has in Python, scalar_instructions.py those of
elements/scalars.py. Each takes the function under construction and the operands, which are values, or what
stands in the source.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .builder import Builder
from .operators import cast
from .types import Pointer, TranslationError, Value, number_type

INSTRUCTIONS: dict[str, Callable[..., Any]] = {}
"""By the names that kernels call them by."""


def instruction(name: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function, under its own name if no other is given."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        INSTRUCTIONS[name or function.__name__] = function
        return function

    return register


def type_of(x: Any) -> np.dtype:
    """The type of a number."""
    t = x.type if isinstance(x, Value) else number_type(x)
    if t is None or isinstance(t, Pointer):
        raise TranslationError(f"{x!r} is no number")
    return t


def real_type(x: Any) -> np.dtype:
    """The type of a real number; without it, branches of other types would be compiled."""
    t = type_of(x)
    if t.kind != "f":
        raise TranslationError(f"an operation of real numbers is given a {t}")
    return t


def of_reals(b: Builder, name: str, *operands: Any) -> Value:
    """LLVM's function of this name, which takes and gives real numbers of the first one's type."""
    t = real_type(operands[0])
    return Value(t, (b.intrinsic(name, t, *[cast(b, x, t).text for x in operands]),))
