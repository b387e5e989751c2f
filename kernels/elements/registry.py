"""The functions that kernels are made of, by name: decorators that register them.

`@element` marks a scalar function, `@kernel` a loop written by hand. They are plain Python functions here.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any, Literal, NamedTuple, TypeVar, get_args, overload

F = TypeVar("F", bound=Callable[..., Any])
Result = Literal["same", "bool", "real", "given"]
"""Dtype of a result: the last operand's, bool, its real counterpart, or the parameter `dtype`."""
RESULTS: tuple[Result, ...] = get_args(Result)


class Traits(NamedTuple):
    """What is declared of an element function beside its parameters; see `element`."""

    result: Result
    differentiable: bool
    cheap: bool


ELEMENTS: dict[str, FunctionType] = {}
"""Element functions by name, in the order in which their modules define them."""
TRAITS: dict[str, Traits] = {}
"""What is declared of element functions, by name."""
HELPERS: dict[str, FunctionType] = {}
"""Scalar functions that element functions call and that are no primitive's."""
COLD: dict[str, FunctionType] = {}
"""Helpers for rare cases, which stay calls."""
KERNELS: dict[str, FunctionType] = {}
"""Loops over argument words, for generated sources to call."""
OPERATIONS: dict[str, FunctionType] = {}
"""Scalar operations as Python; what compiles kernels has them as instructions."""


@overload
def element(function: F) -> F: ...
@overload
def element(*, result: Result = "same", differentiable: bool = True, cheap: bool = False) -> Callable[[F], F]: ...
def element(
    function: Any = None, *, result: Result = "same", differentiable: bool = True, cheap: bool = False
) -> Any:
    """Register a scalar function that generated loops may call; its name, which must be new, is its primitive's.

    Args:
        function: its parameters say what it takes: operands, and static integers behind them. In the name of a
            backward function stands `_vjp`: `tanh_vjp`, or `divide_vjp_y` where there are several operands.
        result: what is known of the result's dtype.
        differentiable: whether it has a derivative other than zero; one of bools has none.
        cheap: whether it is rather computed again than stored and loaded.
    """

    if result not in RESULTS:
        file = sys._getframe(1).f_code.co_filename
        raise ValueError(f"[kernels] @element(result={result!r}) in {file}. Expected: {' or '.join(RESULTS)}.")

    def register(function: F) -> F:
        _registered(function, ELEMENTS)
        TRAITS[function.__name__] = Traits(result, differentiable and result != "bool", cheap)
        return function

    return register if function is None else register(function)


def is_cheap(name: str) -> bool:
    """Whether an element function is rather computed again than stored and loaded."""
    return name in TRAITS and TRAITS[name].cheap


def helper(function: F) -> F:
    """Register a scalar function for element functions to call."""
    return _registered(function, HELPERS)


def cold(function: F) -> F:
    """Register a helper that is called, not compiled into its callers."""
    return _registered(function, COLD)


def kernel(function: F) -> F:
    """Register a loop `(args, start, stop, *types and functions)` for a generated source to call.

    `args` points to the argument words, in which all sizes and strides stand, so that one kernel serves them all.
    It returns a status and needs neither arrays nor exceptions.
    """
    return _registered(function, KERNELS)


def operation(function: F) -> F:
    """Register the Python form of a scalar operation of scalars.py."""
    return _registered(function, OPERATIONS)


def is_own(function: FunctionType) -> bool:
    """Whether a function is one of this folder's, which `namespace` has jitted."""
    tables = (ELEMENTS, HELPERS, COLD, KERNELS, OPERATIONS)
    return any(table.get(function.__name__) is function for table in tables)


def _registered(function: F, table: dict[str, FunctionType]) -> F:
    assert isinstance(function, FunctionType)
    name = function.__name__
    for names in (ELEMENTS, HELPERS, COLD, KERNELS, OPERATIONS):
        if name in names:
            first, second = (f.__code__.co_filename for f in (names[name], function))
            raise ValueError(f"[kernels] The function {name} is defined twice: in {first} and in {second}.")
    table[name] = function
    return function


@functools.cache
def parameters(name: str) -> tuple[str, ...]:
    """Parameter names of an element function: they say what it needs."""
    return tuple(inspect.signature(ELEMENTS[name]).parameters)
