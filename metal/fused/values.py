"""The values of a fused step as text: what it loads, then what it computes."""

from __future__ import annotations

import numpy as np

from ...devices.phases import schedule
from ...planning.plan import Call, Entry, FusedStep, Match, Operand, Reduce, Scalar, View
from ..dispatch import converted, from_memory, value_name
from .grid import Grid
from .words import Words


def _cast(dtype: np.dtype, value: str) -> str:
    """A value as one of a dtype; as bool by its bits, for a GPU takes subnormal numbers for 0."""
    return f"!helper::is_zero({value})" if dtype == np.bool_ else converted(dtype, value)


class Values:
    """The values of a step by number, and when each is computed."""

    def __init__(self, step: FusedStep, grid: Grid, words: Words) -> None:
        self.grid, self.words = grid, words
        self.entries: list[Operand | Entry] = [*step.loads, *step.body]
        self.reductions = {k: entry for k, entry in enumerate(self.entries) if isinstance(entry, Reduce)}
        loaded = [k for k, o in enumerate(step.loads) if isinstance(o, View)]
        self.array = {k: a for a, k in enumerate(loaded)}
        """The numbers of arrays that are loaded."""
        vary = [k in self.array and self.varies(self.array[k]) for k in range(len(step.loads))]
        self.schedule = schedule(step, vary, row_memory=False)

    def varies(self, a: int) -> bool:
        """Whether an array has different elements for the columns of a row."""
        place = self.grid.places[a]
        return any(place.column_strides) or any(b is not None for b in place.column_bounds)

    def of_row(self, k: int) -> str:
        """The definition of a value of the row."""
        return self.declared(k, f"p{self.array.get(k)}")

    def of_column(self, k: int) -> str:
        """The definition of a value of a column."""
        return self.declared(k, self.column(self.array.get(k)))

    def column(self, a: int | None) -> str:
        """Place of a column's element in an array."""
        return "" if a is None else self.words.moved(f"p{a}", "c", self.grid.places[a].column_strides)

    def declared(self, k: int, place: str) -> str:
        """The definition of a value, loaded from this place if it is."""
        entry = self.entries[k]
        name = value_name(entry.aval.dtype if isinstance(entry, Scalar) else entry.dtype)
        return f"const {name} v{k} = {self.value(k, place)};"

    def value(self, k: int, place: str) -> str:
        """A loaded or computed value, as source."""
        entry = self.entries[k]
        if isinstance(entry, Scalar):
            return self.words.scalar(entry)
        if isinstance(entry, View):
            return self.load(k, entry, place)
        return self.called(entry, "v")

    @staticmethod
    def called(entry: Entry, value: str) -> str:
        """A call of values that are named so, with their number."""
        operands = [f"{value}{i}" for i in entry.operands]
        if isinstance(entry, Match):
            return f"{operands[0]} == long(j)"
        if entry.name == "astype":
            return _cast(entry.dtype, operands[0])
        assert isinstance(entry, Call)
        call = f"element::{entry.name}({', '.join([*operands, *map(repr, entry.statics)])})"
        return converted(entry.dtype, call)

    def load(self, k: int, view: View, place: str) -> str:
        """An element of an array, or what stands around a view that does not cover the domain."""
        a = self.array[k]
        loaded = from_memory(view.dtype, f"a{a}[{place}]")
        if view.inside is None:
            return loaded
        inside = self.words.within("c", self.grid.places[a].column_bounds)
        assert view.fill is not None
        condition = f"in{a} && {inside}" if inside else f"in{a}"
        return f"({condition}) ? {loaded} : {self.words.scalar(view.fill)}"
