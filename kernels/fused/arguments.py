"""The arguments of a kernel, and the names that it sets at its beginning."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.avals import kind_of
from ...planning.plan import Scalar, View
from .text import indented

SCALARS = {"f": "float64", "c": "complex128", "i": "int64", "u": "uint64", "b": "int64"}
"""How a scalar argument lies in memory, by the kind of its dtype."""

Generated = tuple[str, tuple[View, ...], tuple[Scalar, ...], tuple[int, ...]]
"""Source, and what its argument words stand for: arrays, scalars, numbers."""


class Arguments:
    """Words of arguments, behind arrays and scalars numbers as they are needed; names, each set once.

    What is read at the beginning stays in a register: loops could not know that a word does not change.
    """

    def __init__(self, views: Sequence[View], scalars: Sequence[Scalar]) -> None:
        self.views, self.scalars = views, scalars
        self.numbers: list[int] = []
        self.names: dict[str, str] = {}
        """What each is set to."""

    @staticmethod
    def word(i: int) -> str:
        """An argument."""
        return f"args[{i}]"

    def set(self, name: str, value: str) -> str:
        """Set a name at the beginning."""
        self.names[name] = value
        return name

    def number(self, value: int) -> str:
        """An argument of this value."""
        return self.named(f"k{len(self.numbers)}", value)

    def named(self, name: str, value: int) -> str:
        """The same under a name of its own."""
        word = self.word(len(self.views) + len(self.scalars) + len(self.numbers))
        self.numbers.append(value)
        return self.set(name, word)

    def constant(self, name: str, value: int) -> str:
        """The same, wherever the name is used."""
        return name if name in self.names else self.named(name, value)

    def scalar(self, scalar: Scalar) -> str:
        """The name of a scalar."""
        return f"s{self.scalars.index(scalar)}"

    def read_scalars(self) -> None:
        """Set the names of the scalars."""
        for i, scalar in enumerate(self.scalars, len(self.views)):
            dtype = scalar.aval.dtype
            self.set(self.scalar(scalar), f"{dtype}(pointer({self.word(i)}, {SCALARS[kind_of(dtype)]})[0])")

    def kernel(self, lines: Sequence[str], status: str) -> Generated:
        """The kernel that does this with its arguments."""
        head = [f"{name} = {value}" for name, value in self.names.items()]
        body = indented([*head, *lines, f"return {status}"])
        source = "\n".join(["def fused(args, start, stop):", *body, ""])
        return source, tuple(self.views), tuple(self.scalars), tuple(self.numbers)
