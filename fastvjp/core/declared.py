"""`Declared`: functions that are declared where they stand, for a primitive by its name, or for another key."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Generic, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class Declared(dict[Any, F], Generic[F]):
    """A table that is its own decorator: `@lowers("gather")` puts the function under it into the table `lowers`.

    Args:
        what: what the functions are, for messages.
    """

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    def __missing__(self, name: Any) -> F:
        raise KeyError(f"[{self.what}] Nothing is declared for {name}.")

    def __call__(self, *names: Any) -> Callable[[F], F]:
        """Decorator of the function of these; ValueError if one of them has another."""

        def declare(function: F) -> F:
            for name in names:
                if name in self:
                    shown = getattr(name, "__name__", name)
                    first, second = (inspect.getsourcefile(inspect.unwrap(f)) for f in (self[name], function))
                    raise ValueError(f"[{self.what}] {shown} is declared twice: in {first} and in {second}.")
                self[name] = function
            return function

        return declare
