"""The arrays of a tile of rows: where neighbouring rows do not lie side by side, copies in which they do (`x`).

What is loaded is copied before a tile is computed. What is stored is collected and stored behind it; where all
rows of a tile have one place, they are combined to one value first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...devices.nest import Nest
from ...planning.plan import FusedStep, Store, View
from .arrays import Arrays
from .text import combination, identity_value
from .tiling import apart


class TileArrays(Arrays):
    """The arrays of a step whose row at hand is `lane` of a tile."""

    def __init__(self, step: FusedStep, nest: Nest, grain: int, slots: Mapping[int, View]) -> None:
        super().__init__(step, nest, grain, slots)
        self.arguments.named("lanes", nest.lanes)
        if nest.lane:
            self.arguments.named("inner", nest.rows[-1])
        self.strides = [place.row_strides[nest.lane] for place in nest.places]
        """Of every array, along the lanes."""
        distant = apart(nest)
        self.copied = {a for a in distant if a < len(self.loaded)}
        self.collected = set(distant) - self.copied
        self.overwritten = {i: a for i, a in self.overwritten.items() if a not in self.copied}
        targets = {a for a, store in enumerate(step.stores, len(self.loaded)) if store.combine}
        self.gathered = {a for a in targets if not self.strides[a]}
        """Arrays of stores that combine all lanes."""

    def moves(self, a: int, axis: int) -> bool:
        """Whether an array moves along an axis of rows, or ends there."""
        place = self.nest.places[a]
        return bool(place.row_strides[axis] or place.row_bounds[axis])

    def inside(self, arrays: Sequence[int]) -> list[str]:
        """Whether a row lies inside views that do not cover the domain."""
        lines = [line for a in arrays for line in self.bounds(a)]
        return [f"i{self.nest.lane} = tile + lane", *lines] if lines else []

    def row_index(self, a: int) -> str:
        return self.term("lane", self.strides[a], f"y{a}") or "0"

    def index(self, a: int) -> str:
        terms = [self.row_index(a), super().index(a)]
        return " + ".join(term for term in terms if term != "0") or "0"

    def is_register(self, store: Store) -> bool:
        return False

    def load(self, a: int, pointer: str, index: str, inside: bool = False) -> str:
        if a not in self.copied:
            return super().load(a, pointer, index, inside)
        self.near(a)
        return self.memory.value(f"x{a}")

    def stored(self, store: Store, value: str, column: bool = False) -> str:
        a = self.array_of(store)
        if a in self.collected:
            place = self.near(a)
            if store.combine:
                value = combination(store.combine, store.view.dtype, self.memory.value(f"x{a}"), value)
            return f"{place} = {value}"
        if a in self.gathered:
            return self.combined(store, value)
        return super().stored(store, value, column and self.varies(a))

    # --- what is side by side ----------------------------------------------------------------------------

    def near(self, a: int) -> str:
        """The place of an array's copy."""
        name = f"x{a}"
        if name not in self.memory.dtypes:
            self.memory.reserve(name, self.views[a].dtype, columns=self.varies(a))
        return self.memory.place(name)

    def copy(self, a: int) -> str:
        """Copy an element of a load, or what it is filled with where it does not cover the domain."""
        value = super().load(a, self.column_pointer(a), self.index(a))
        return f"{self.near(a)} = {value}"

    def begin(self, a: int) -> str:
        """What is combined in a place of what is collected begins so."""
        store = self.store_of(a)
        assert store.combine
        return f"{self.near(a)} = {identity_value(store.combine, store.view.dtype)}"

    def end(self, a: int) -> str:
        """Store what is collected in a place."""
        self.near(a)
        return super().stored(self.store_of(a), self.memory.value(f"x{a}"), self.varies(a))

    def gathered_end(self, store: Store) -> str:
        """Store what all lanes are combined to."""
        return super().stored(store, self.register(store), self.varies(self.array_of(store)))
