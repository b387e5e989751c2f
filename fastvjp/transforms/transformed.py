"""`Transformed`: a function that a transform has made, which knows how, and so can be pickled and copied."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from operator import attrgetter
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def signature_of_wrapped(self: Any, name: str) -> Any:
    """`__getattr__` of what wraps a function and has its signature: libraries ask the object itself for it.

    Otherwise `inspect.getfullargspec` takes what has `__get__` for a builtin, another object for its `__call__`.
    """
    if name == "__signature__":
        try:
            return inspect.signature(self.__wrapped__)
        except ValueError:  # a builtin without one
            pass
    raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class Transformed(functools.partial, Generic[P, R]):  # type: ignore[type-arg]
    """What a transform makes of a function: that function, for whoever asks for its name or signature.

    A pickle says how it was made. One that has the name of the function that it was made of, as after
    `@fastvjp.grad`, is found by that name where it is loaded, and is then the very function that has it there.

    Args:
        call: what it does. As a partial without arguments it costs next to nothing to call.
        make: the public function that made it of ...
        args: the function, and further arguments ...
        kwargs: and these.
    """

    _made: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
    __qualname__: str
    __signature__: Any
    primitive: Any
    _state = False
    """Whether it has state, which only a name can stand for in pickles."""

    def __new__(cls, call: Callable[..., Any], make: Callable[..., Any], *args: Any, **kwargs: Any) -> Self:
        """What stands for the function that is called."""
        self = super().__new__(cls, call)
        functools.update_wrapper(self, args[0], updated=())
        self._made = (make, args, kwargs)
        return self

    if TYPE_CHECKING:

        def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
            """The function of a partial, which is that of `call`."""
            ...

    else:
        __getattr__ = signature_of_wrapped

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> str | tuple[Any, ...]:
        make, args, kwargs = self._made
        if self._state:
            if self.__module__ != "__main__" and any(found is self for found, _ in wrappers(self)):
                return self.__qualname__
            raise TypeError(
                f"[{make.__name__}] A function with inputs or outputs cannot be pickled or copied: the copy would "
                f"have another state than the function that it is made of. Hint: pass the state as an argument "
                f"and return it, or make the function in a module, under its own name."
            )
        for part in (*args, *kwargs.values()):
            make_findable(part)
        return remade, self._made

    def __repr__(self) -> str:
        make, args, _ = self._made
        return f"<fastvjp.{make.__name__} of {args[0]!r}>"


def remade(make: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What was made so: the one that is found under the function's name, or a new one."""
    for found, _ in wrappers(args[0]):
        if getattr(found, "_made", None) == (make, args, kwargs):
            return found
    return make(*args, **kwargs)


def make_findable(part: Any, owner: Any = None, held: str = "") -> None:
    """Let pickle find functions whose name is another's now: as `__wrapped__` of what has the name, which
    decorators leave, or, if they are in a dict, as what an owner holds.
    """
    if isinstance(part, dict):
        places = [path for found, path in wrappers(owner) if found is owner][:1] if held else []
        for name, one in part.items():
            make_findable(one)
            if places and isinstance(one, FunctionType) and not any(found is one for found, _ in wrappers(one)):
                one.__module__, one.__qualname__ = owner.__module__, f"{places[0]}.{held}.{name}"
    elif isinstance(part, FunctionType):
        for found, path in wrappers(part):
            if found is part:
                part.__qualname__ = path


def wrappers(fun: Any) -> Iterator[tuple[Any, str]]:
    """What is found under the name of a function, and what that has wrapped, with their paths."""
    path = getattr(fun, "__qualname__", "").split(".__wrapped__")[0]
    try:
        found = attrgetter(path)(sys.modules[fun.__module__])
    except (AttributeError, KeyError):
        return
    while found is not None:
        yield found, path
        found, path = getattr(found, "__dict__", {}).get("__wrapped__"), f"{path}.__wrapped__"
