"""`Declared`: functions that are declared for primitives, by the primitives' names, where the functions stand."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Generic, TypeVar

F = TypeVar("F", bound=Callable)


class Declared(dict[str, F], Generic[F]):
    """A table that is its own decorator: `@lowers("gather")` puts the function under it into the table `lowers`.

    Args:
        what: what the functions are, for messages.
    """

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    def __call__(self, *names: str) -> Callable[[F], F]:
        """Decorator of the function of these primitives; ValueError if one of them has another."""

        def declare(function: F) -> F:
            for name in names:
                if name in self:
                    first, second = (inspect.getsourcefile(f) for f in (self[name], function))
                    raise ValueError(f"[{self.what}] {name} is declared twice: in {first} and in {second}.")
                self[name] = function
            return function

        return declare
