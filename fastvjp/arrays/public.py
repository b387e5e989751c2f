"""Public functions are declared whole where they stand, by `@public`.

A declaration makes the function a recorded call, puts it among the public names and, if asked, among the methods
of `array`. What is claimed twice is an error at import that names both places.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .array import array

F = TypeVar("F", bound=Callable[..., Any])

PUBLIC: dict[str, Callable[..., Any]] = {}
"""The public functions by name."""


def public(call: Callable[[Any], Any] | None = None, *, method: bool | type[property] = False) -> Callable[[F], F]:
    """Decorator that declares a public function.

    Args:
        call: `unary`, `binary` or `recorded(operands)` for a recorded call; none for a function that is composed
            of others, or makes arrays.
        method: whether `array` has it as a method of the same name, or as a `property`.
    """

    def declare(fun: F) -> F:
        name, declared = fun.__name__, fun if call is None else call(fun)
        if name in PUBLIC:
            raise ValueError(f"[public] {name} is declared twice, in {_place(PUBLIC[name])} and in {_place(fun)}.")
        PUBLIC[name] = declared
        if method:
            attach(name, property(declared) if method is property else declared)
        return declared

    return declare


def names(namespace: Mapping[str, Any]) -> list[str]:
    """The names in a module that stand for public functions; a function may have several."""
    functions = set(map(id, PUBLIC.values()))
    return sorted(name for name, value in namespace.items() if id(value) in functions)


def attach(name: str, member: Any) -> None:
    """Give `array` a method or property, which type checkers find in `methods.pyi`."""
    if name in vars(array):
        first, second = _place(vars(array)[name]), _place(member)
        raise ValueError(f"[public] array has a member {name} twice, of {first} and of {second}.")
    setattr(array, name, member)


def _place(member: Any) -> str:
    """File and line of a function or property."""
    function: Any = member.fget if isinstance(member, property) else member
    code = inspect.unwrap(function).__code__
    return f"{code.co_filename}:{code.co_firstlineno}"
