"""What kernels call has a form in Python and one in LLVM's instructions."""

from __future__ import annotations

import inspect

import pytest

from fastvjp.kernels.elements.registry import OPERATIONS
from fastvjp.kernels.native import jit
from fastvjp.kernels.native.pointers import PYTHON_OPERATIONS

BUILTIN = {"min", "max"}
"""What Python has by itself."""


def test_compiled_code_can_call_what_python_can() -> None:
    assert jit.namespace().keys() - BUILTIN == jit.python_namespace().keys() | OPERATIONS.keys()


@pytest.mark.parametrize("name", [*OPERATIONS, "address", "call", "load", "store", "row_memory"])
def test_both_forms_of_an_operation_take_the_same(name: str) -> None:
    from fastvjp.kernels.native.instructions import INSTRUCTIONS

    jit.namespace()
    expected = inspect.signature({**OPERATIONS, **PYTHON_OPERATIONS}[name]).parameters
    assert list(inspect.signature(INSTRUCTIONS[name]).parameters)[1:] == list(expected)
