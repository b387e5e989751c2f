"""The source of a fused step with few columns: a tile of neighbouring rows is computed at once, column by column.

The loop that is vectorised goes over the rows of a tile, the lanes. What belongs to a row has a place for each
lane (`h`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from ...devices.nest import Nest
from ...devices.phases import Phase
from ...planning.plan import FusedStep, Store
from .source import Source
from .text import indented
from .tile_arrays import TileArrays


class Tiles(Source):
    """Lines of source for tiles: those of `Source` for a column or a row, in loops over lanes."""

    arrays: TileArrays

    def __init__(self, step: FusedStep, nest: Nest, arrays: TileArrays) -> None:
        super().__init__(step, nest, arrays)
        self.others = [axis for axis in range(len(nest.rows)) if axis != nest.lane]
        self.loops = self.best_loops()
        """Axes of the loops over the other rows, from the outermost on."""
        self.pointers: list[list[str]] = [[] for _ in range(len(self.loops) + 1)]
        """Those of the arrays that are inside so many of these."""
        phases = self.schedule.phases
        groups = [*map(self.values.column_reads, phases)]
        groups += map(self.values.row_reads, [self.schedule.before, *phases])
        self.shared = set().union(*groups)
        """Values of the row that one loop hands to another."""
        for k in sorted(self.shared | {k for p in phases for k in p.reductions}):
            self.memory.reserve(f"h{k}", self.values.dtype(k), columns=False)

    @property
    def tiled(self) -> bool:
        return False

    @property
    def divided(self) -> bool:
        return False

    # --- loops over rows ---------------------------------------------------------------------------------

    def best_loops(self) -> list[tuple[int, ...]]:
        """Outermost, where loops may have any order, those along which most moves that is copied or collected."""
        if self.nest.lane:
            return [tuple(self.others)]
        arrays, columns = self.arrays, math.prod(self.nest.columns)
        weights = {a: columns if arrays.varies(a) else 1 for a in arrays.copied | arrays.collected}

        def moving(axis: int) -> int:
            return sum(weight for a, weight in weights.items() if arrays.moves(a, axis))

        return [(axis,) for axis in sorted(self.others, key=moving, reverse=True)]

    def level(self, a: int) -> int:
        """How many of the loops an array is in: up to the last that it moves along."""
        inside = [i for i, axes in enumerate(self.loops, 1) if any(self.arrays.moves(a, axis) for axis in axes)]
        return max(inside, default=0)

    def bases(self) -> list[str]:
        row = {axis: f"i{axis}" for axis in self.others} | {self.nest.lane: "tile"}
        for a in range(len(self.arrays.views)):
            self.pointers[self.level(a)] += self.arrays.base(a, row)
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
        size = self.arguments.constant(f"size{axis}", sizes[axis])
        return [f"for i{axis} in range({size}):", *indented(lines)]

    def row_number(self) -> str:
        sizes, row = self.nest.rows, "tile + lane"
        if self.nest.lane:
            return f"{'i0' if len(sizes) == 2 else 'row'} * inner + {row}"
        for axis in self.others:
            row = f"({row}) * {self.arguments.constant(f'size{axis}', sizes[axis])} + i{axis}"
        return row

    def with_copies(self, lines: list[str], level: int) -> list[str]:
        """Lines inside so many loops, between those that copy arrays and those that store what was collected."""
        arrays = self.arrays
        copied, collected = (
            [a for a in sorted(found) if self.level(a) == level] for found in (arrays.copied, arrays.collected)
        )
        combined = [a for a in collected if arrays.store_of(a).combine]
        before = [*self.over_tile(copied, arrays.copy), *self.over_tile(combined, arrays.begin)]
        return [*before, *lines, *self.over_tile(collected, arrays.end)]

    def over_tile(self, arrays: Iterable[int], line: Callable[[int], str]) -> list[str]:
        """For each of these arrays a line for every lane, and for every column if it moves along them."""
        found = []
        for a in arrays:
            text = line(a)
            lines = ["for lane in range(width):", *indented([*self.arrays.inside([a]), text])]
            if self.arrays.varies(a):
                lines = self.over_axes([a], lines, *self.column_range())
            found += lines
        return found

    # --- loops over lanes --------------------------------------------------------------------------------

    def over_lanes(self, lines: Sequence[str], stores: Iterable[Store] = ()) -> list[str]:
        """A loop over the lanes, and what stores combine all lanes to."""
        gathered = [store for store in stores if self.arrays.array_of(store) in self.arrays.gathered]
        begin, end = map(self.arrays.cleared, gathered), map(self.arrays.gathered_end, gathered)
        return [*begin, "for lane in range(width):", *indented(lines), *end]

    def handed(self, reads: Iterable[int]) -> list[str]:
        """Values of the row, from the loop that computed them."""
        return [f"v{k} = {self.memory.value(f'h{k}')}" for k in sorted(reads)]

    def reduced(self, reductions: Iterable[int]) -> list[str]:
        """Reductions as far as they are known, from there."""
        return [f"r{k} = {self.memory.value(f'h{k}')}" for k in reductions]

    def inside_of(self, values: Iterable[int]) -> list[str]:
        """Whether a row lies inside the views of values that are loaded where they are used."""
        loaded = [self.arrays.array[k] for k in values if k in self.arrays.array and k not in self.values.fixed]
        return self.arrays.inside([a for a in loaded if a not in self.arrays.copied])

    def row(self, phase: Phase) -> list[str]:
        lines = super().row(phase)
        if not lines:
            return []
        reductions = [k for k in phase.row if k in self.values.reductions]
        results = [k for k in phase.row if k in self.shared and k not in reductions]
        known = [*self.reduced(reductions), *self.handed(self.values.row_reads(phase))]
        kept = [f"h{k}[lane] = v{k}" for k in results]
        return self.over_lanes([*self.inside_of(phase.row), *known, *lines, *kept], phase.row_stores)

    def reductions(self, phase: Phase) -> list[str]:
        lines = [f"h{k}[lane] = {self.values.begins(k)}" for k in phase.reductions]
        return self.over_lanes(lines) if lines else []

    def column_loops(self, phase: Phase, lines: list[str], first: str, last: str) -> list[str]:
        known = [*self.handed(self.values.column_reads(phase)), *self.reduced(phase.reductions)]
        kept = [f"h{k}[lane] = r{k}" for k in phase.reductions]
        lines = self.over_lanes([*self.inside_of(phase.columns), *known, *lines, *kept], phase.stores)
        return super().column_loops(phase, lines, first, last)
