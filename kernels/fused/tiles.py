"""The source of a fused step with few columns: a tile of neighbouring rows is computed at once, column by column.

The loop that is vectorised goes over the rows of a tile, the lanes. What belongs to a row has a place for each
lane (`h`). Arrays in which neighbouring rows do not lie side by side are copied so that they do (`x`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...devices.phases import Phase
from ...planning.plan import Reduce, Store
from .source import Source
from .text import combination, indented, stored_name
from .tiling import apart


class Tiles(Source):
    """Lines of source for tiles: those of `Source` for a column or a row, in loops over lanes."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        sizes, lane = self.nest.rows, self.nest.lane
        self.others = [axis for axis in range(len(sizes)) if axis != lane]
        self.strides = [place.row_strides[lane] for place in self.nest.places]
        """Of every array, along the lanes."""
        self.named("lanes", self.nest.lanes)
        if lane:
            self.named("inner", sizes[-1])
        distant = apart(self.nest)
        self.copied = {a for a in distant if a < len(self.loaded) and self.loaded[a] not in self.fixed}
        """Arrays that are copied."""
        self.collected = {a for a in distant if a >= len(self.loaded)}
        """Arrays of stores that are collected."""
        self.loops = self.best_loops()
        """Axes of the loops over the other rows, from the outermost on."""
        targets = {a for a, store in enumerate(self.step.stores, len(self.loaded)) if store.combine}
        self.gathered = {a for a in targets if not self.strides[a]}
        """Arrays of stores that combine all lanes."""
        phases = self.schedule.phases
        groups = [*map(self.column_reads, phases), *map(self.row_reads, self.all_phases)]
        self.shared_values = set().union(*groups)
        """Values of the row that one loop hands to another."""
        for k in sorted(self.shared_values | {k for p in phases for k in p.reductions}):
            self.head.append(f"h{k} = row_memory(lanes, {stored_name(self.entries[k].dtype)})")

    @property
    def tiled(self) -> bool:
        return False

    @property
    def divided(self) -> bool:
        return False

    @property
    def all_phases(self) -> list[Phase]:
        """The phases, and what comes before them."""
        return [self.schedule.before, *self.schedule.phases]

    def best_loops(self) -> list[tuple[int, ...]]:
        """Outermost, where loops may have any order, those along which most moves that is copied or collected."""
        if self.nest.lane:
            return [tuple(self.others)]
        columns = math.prod(self.nest.columns)
        weights = {a: columns if self.by_column(a) else 1 for a in self.copied | self.collected}

        def moving(axis: int) -> int:
            return sum(weight for a, weight in weights.items() if self.moves(a, axis))

        return [(axis,) for axis in sorted(self.others, key=moving, reverse=True)]

    def moves(self, a: int, axis: int) -> bool:
        """Whether an array moves along an axis of rows, or ends there."""
        place = self.nest.places[a]
        return bool(place.row_strides[axis] or place.row_bounds[axis])

    def level(self, a: int) -> int:
        """How many of the loops an array is in: up to the last that it moves along."""
        inside = [i for i, axes in enumerate(self.loops, 1) if any(self.moves(a, axis) for axis in axes)]
        return max(inside, default=0)

    # --- loops over rows ---------------------------------------------------------------------------------

    def bases(self) -> list[str]:
        row = {axis: f"i{axis}" for axis in self.others} | {self.nest.lane: "tile"}
        self.pointers: list[list[str]] = [[] for _ in range(len(self.loops) + 1)]
        for a in range(len(self.views)):
            self.pointers[self.level(a)] += self.base(a, row)
        return []

    def rows(self, inside: list[str]) -> list[str]:
        lines = inside
        for level in range(len(self.loops), -1, -1):
            lines = [*self.pointers[level], *self.with_copies(lines, level)]
            if level:
                lines = self.around(self.loops[level - 1], lines)
        first, last = ("0", "inner") if self.nest.lane else ("start", "stop")
        width = f"width = min(lanes, {last} - tile)"
        return [f"for tile in range({first}, {last}, lanes):", *indented([width, *lines])]

    def around(self, axes: tuple[int, ...], lines: list[str]) -> list[str]:
        """A loop over axes."""
        sizes = self.nest.rows
        if self.nest.lane:
            return self.over_rows(sizes[:-1], lines)
        (axis,) = axes
        return [f"for i{axis} in range({self.constant(f'size{axis}', sizes[axis])}):", *indented(lines)]

    def row_number(self) -> str:
        sizes, row = self.nest.rows, "tile + lane"
        if self.nest.lane:
            return f"{'i0' if len(sizes) == 2 else 'row'} * inner + {row}"
        for axis in self.others:
            row = f"({row}) * {self.constant(f'size{axis}', sizes[axis])} + i{axis}"
        return row

    # --- loops over lanes --------------------------------------------------------------------------------

    def over_lanes(self, lines: Sequence[str], stores: Iterable[Store] = ()) -> list[str]:
        """A loop over the lanes, and what stores combine all lanes to."""
        gathered = [store for store in stores if self.store_array(store) in self.gathered]
        numbers = [self.store_array(store) - len(self.loaded) for store in gathered]
        end = [super(Tiles, self).stored(store, f"q{i}", self.by_column(self.store_array(store)))
               for i, store in zip(numbers, gathered, strict=True)]  # fmt: skip
        return [*map(self.cleared, numbers), "for lane in range(width):", *indented(lines), *end]

    def handed(self, reads: Iterable[int]) -> list[str]:
        """Values of the row, from the loop that computed them."""
        return [f"v{k} = {self.recall(f'h{k}[lane]', k)}" for k in sorted(reads)]

    def row_reads(self, phase: Phase) -> set[int]:
        """Values that what is computed for a row takes from other loops."""
        values = {i for k in phase.row if not isinstance(self.entries[k], Reduce) for i in self.operands(k)}
        values |= {store.value for store in phase.row_stores}
        return values - set(phase.row) - self.fixed

    def column_reads(self, phase: Phase) -> set[int]:
        """Values of the row that what is computed for a column takes."""
        computed = [k for k in phase.columns if k not in phase.recalled]
        values = {i for k in [*computed, *phase.reductions] for i in self.operands(k)}
        values |= {store.value for store in phase.stores}
        return {k for k in values if not self.schedule.varies[k]} - self.fixed

    def operands(self, k: int) -> tuple[int, ...]:
        """What a value is computed of."""
        return () if k < len(self.step.loads) else self.entries[k].operands

    def row(self, phase: Phase) -> list[str]:
        lines = super().row(phase)
        if not lines:
            return []
        reductions = [k for k in phase.row if isinstance(self.entries[k], Reduce)]
        known = [f"r{k} = {self.recall(f'h{k}[lane]', k)}" for k in reductions]
        results = [k for k in phase.row if k in self.shared_values and k not in reductions]
        lines = [*self.inside_of(phase.row), *known, *self.handed(self.row_reads(phase)), *lines]
        return self.over_lanes([*lines, *(f"h{k}[lane] = v{k}" for k in results)], phase.row_stores)

    def reductions(self, phase: Phase) -> list[str]:
        found = [(k, self.entries[k]) for k in phase.reductions]
        lines = [f"h{k}[lane] = {self.begins(entry)}" for k, entry in found]
        return self.over_lanes(lines) if lines else []

    def column_loops(self, phase: Phase, lines: list[str], first: str, last: str) -> list[str]:
        before = [f"r{k} = {self.recall(f'h{k}[lane]', k)}" for k in phase.reductions]
        after = [f"h{k}[lane] = r{k}" for k in phase.reductions]
        lines = [*self.inside_of(phase.columns), *self.handed(self.column_reads(phase)), *before, *lines, *after]
        return super().column_loops(phase, self.over_lanes(lines, phase.stores), first, last)

    def inside_of(self, values: Iterable[int]) -> list[str]:
        """The same for values that are loaded where they are used."""
        loaded = [k for k in values if k in self.array and k not in self.fixed]
        return self.inside([self.array[k] for k in loaded if self.array[k] not in self.copied])

    def inside(self, arrays: Sequence[int]) -> list[str]:
        """Whether a row lies inside views that do not cover the domain."""
        lines = [line for a in arrays for line in self.bounds(a, self.nest.places[a])]
        return [f"i{self.nest.lane} = tile + lane", *lines] if lines else []

    def is_register(self, store: Store) -> bool:
        return False

    def memory_sizes(self) -> list[str]:
        return [*super().memory_sizes(), "lanes"]

    def place(self) -> str:
        return f"({self.linear()}) * lanes + lane"

    def row_index(self, a: int) -> str:
        return self.term("lane", self.strides[a], f"y{a}") or "0"

    def index(self, a: int) -> str:
        terms = [self.row_index(a), super().index(a)]
        return " + ".join(term for term in terms if term != "0") or "0"

    # --- arrays in which neighbouring rows do not lie side by side ---------------------------------------

    def with_copies(self, lines: list[str], level: int) -> list[str]:
        """Lines inside so many loops, between those that copy arrays and those that store what was collected."""
        copied, collected = ([a for a in sorted(found) if self.level(a) == level]
                             for found in (self.copied, self.collected))  # fmt: skip
        before = [line for a in copied for line in self.copy(a)]
        before += [line for a in collected for line in self.begin(a)]
        return [*before, *lines, *(line for a in collected for line in self.end(a))]

    def by_column(self, a: int) -> bool:
        """Whether an array moves along the columns, or ends among them."""
        return self.varies(self.nest.places[a])

    def copy(self, a: int) -> list[str]:
        """Copy a load's array, and what it is filled with where it does not cover the domain."""
        value = super().load(self.loaded[a], self.column_pointer(a), self.index(a))
        return self.over_tile(a, f"{self.near(a)} = {value}")

    def begin(self, a: int) -> list[str]:
        """Clear what is collected, if something is combined there."""
        store = self.step.stores[a - len(self.loaded)]
        if not store.combine:
            return []
        return self.over_tile(a, f"{self.near(a)} = {self.identity(store.combine, store.view.dtype)}")

    def end(self, a: int) -> list[str]:
        """Store what is collected."""
        store = self.step.stores[a - len(self.loaded)]
        return self.over_tile(a, super().stored(store, self.near_value(a), self.by_column(a)))

    def near_value(self, a: int) -> str:
        """What is there."""
        return f"({self.near(a)} != 0)" if self.views[a].dtype == np.bool_ else self.near(a)

    def near(self, a: int) -> str:
        """The place of an array's copy where it is side by side."""
        name = f"x{a}"
        if not self.is_set(name):
            if self.by_column(a):
                self.memory(name, self.views[a].dtype)
            else:
                self.head.append(f"{name} = row_memory(lanes, {stored_name(self.views[a].dtype)})")
        return f"{name}[{self.place() if self.by_column(a) else 'lane'}]"

    def over_tile(self, a: int, line: str) -> list[str]:
        """A line for every lane, and for every column of an array that moves along them."""
        inside = self.inside([a]) if a < len(self.loaded) else []
        lines = ["for lane in range(width):", *indented([*inside, line])]
        if not self.by_column(a):
            return lines
        phase = Phase(columns=[k for k in self.loaded if self.array[k] == a])
        phase.stores = [store for store in self.step.stores if self.store_array(store) == a]
        return super().column_loops(phase, lines, "0", self.column_range()[1])

    def load(self, k: int, pointer: str, index: str, inside: bool = False) -> str:
        a = self.array[k]
        return self.near_value(a) if a in self.copied else super().load(k, pointer, index, inside)

    def stored(self, store: Store, value: str, column: bool = False) -> str:
        a, dtype = self.store_array(store), store.view.dtype
        if a not in self.collected | self.gathered:
            return super().stored(store, value, column and self.by_column(a))
        near = a in self.collected
        place = self.near(a) if near else f"q{a - len(self.loaded)}"
        if store.combine:
            value = combination(store.combine, dtype, self.near_value(a) if near else place, value)
        return f"{place} = {value}"
