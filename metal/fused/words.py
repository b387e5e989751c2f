"""The argument words of a fused kernel, and places in arrays as what its text makes of them."""

from __future__ import annotations

from collections.abc import Sequence

from ...planning.plan import Scalar
from ..dispatch import from_memory, type_name, value_name


class Words:
    """Numbers, as they are needed, and behind all of them scalars."""

    def __init__(self, scalars: Sequence[Scalar]) -> None:
        self.scalars = scalars
        self.numbers: list[int] = []

    def number(self, value: int) -> str:
        """An argument word of this value."""
        if value in (0, 1):
            return f"{value}u"
        if value not in self.numbers:
            self.numbers.append(value)
        return f"uint(words[{self.numbers.index(value)}])"

    def scalar(self, scalar: Scalar) -> str:
        """The name of a scalar."""
        return f"s{self.scalars.index(scalar)}"

    def scalar_values(self) -> list[str]:
        """The scalars, each of which takes two words behind the numbers."""
        lines = []
        for i, dtype in enumerate(s.aval.dtype for s in self.scalars):
            value = f"helper::scalar<{type_name(dtype)}>(words + {len(self.numbers) + 2 * i})"
            lines.append(f"const {value_name(dtype)} s{i} = {from_memory(dtype, value)};")
        return lines

    # --- places ------------------------------------------------------------------------------------------

    def decode(self, source: str, name: str, sizes: Sequence[int]) -> list[str]:
        """Indices along axes from the number of an element."""
        if len(sizes) < 2:
            return [f"const uint {name}0 = {source};"] if sizes else []
        rest = f"{name}_rest"
        lines = [f"uint {rest} = {source};"]
        for axis in range(len(sizes) - 1, 0, -1):
            size = self.number(sizes[axis])
            lines += [f"const uint {name}{axis} = {rest} % {size};", f"{rest} /= {size};"]
        return [*lines, f"const uint {name}0 = {rest};"]

    def moved(self, start: str, name: str, strides: Sequence[int]) -> str:
        """A place in an array from a place before and indices along axes."""
        terms = [start] + [
            f"{name}{axis}" if s == 1 else f"{name}{axis} * {self.number(s)}"
            for axis, s in enumerate(strides)
            if s
        ]
        return " + ".join(terms)

    def within(self, name: str, bounds: Sequence[tuple[int, int] | None]) -> str:
        """The condition that indices along axes are in these ranges; empty if there are none."""
        return " && ".join(
            f"{name}{axis} >= {self.number(b[0])} && {name}{axis} < {self.number(b[1])}"
            for axis, b in enumerate(bounds)
            if b is not None
        )
