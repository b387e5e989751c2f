"""Operations of kernels in LLVM's instructions: the decorator that registers them.

pointer_instructions.py has those that pointers.py has in Python, scalar_instructions.py those of
elements/scalars.py. Importing one of these imports Numba.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typing import Signature
from numba.extending import intrinsic

Generate = Callable[[Any, Any, Signature, Any], Any]
"""`generate(target, builder, signature, values)` builds instructions; returns the value that they compute."""
Typed = tuple[Signature, Generate] | None
"""What an operation is for operands of some types; None if there is none."""

INSTRUCTIONS: dict[str, Any] = {}
"""Numba's intrinsics, by the name that kernels call them by."""


def instruction(name: str = "", literal: bool = False) -> Callable[[Callable[..., Typed]], Any]:
    """Register a function of Numba's context and the operands' types, under its own name if no other is given.

    With `literal` the type of a number that stands in the source tells its value.
    """

    def register(function: Callable[..., Typed]) -> Any:
        made = INSTRUCTIONS[name or function.__name__] = intrinsic(prefer_literal=literal)(function)
        return made

    return register


def is_real(t: Any) -> bool:
    """Whether an operand is a real floating number."""
    return isinstance(t, types.Float)


def of_reals(name: str, *operands: Any) -> Typed:
    """LLVM's intrinsic of this name, which takes and gives real numbers of one type."""
    x = operands[0]
    if not is_real(x):  # without it, branches of other types would be compiled before they are found dead
        return None

    def generate(target: Any, builder: Any, signature: Signature, values: Any) -> Any:
        return called(builder, name, *values)

    return x(*[x] * len(operands)), generate


def called(builder: Any, name: str, *values: Any) -> Any:
    """A call of LLVM's intrinsic of this name."""
    t = values[0].type
    function = ir.FunctionType(t, [t] * len(values))
    return builder.call(builder.module.declare_intrinsic(f"llvm.{name}", [t], function), values)
