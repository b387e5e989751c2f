"""How the threads of a fused kernel share out its domain, and what becomes of each store."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum

from ...devices.nest import Place, nest_of
from ...planning.plan import FusedStep, Store

SHORT = 8
"""Columns up to so many are one thread's."""
LARGEST_GROUP = 1024
SMALLEST_GROUP = 64
"""Apple's compiler drops the order of barriers where a threadgroup is limited to 32 threads."""
LANES = 32
"""Threads of a simdgroup."""
SERIAL = 4096
"""Elements up to which one threadgroup makes what is combined over all."""
MAX_CHUNKS = 128
"""Threadgroups that combine into partial results: some for each core of the largest GPUs."""
MAX_PARTIALS = 1 << 18
"""Elements of all partial results of a store."""
MAX_GROUPS = 1 << 16
"""Threadgroups where each has rows of its own."""
PER_THREAD = 4
"""Elements at least that a thread combines by itself."""


class Kind(Enum):
    """Where what a store combines meets."""

    PLAIN = "nowhere: every element, or row, has its place"
    ROW = "all columns of a row"
    TOTAL = "all of the domain"
    COLUMN = "all rows of a column"
    IRREGULAR = "some other elements"


@dataclass(frozen=True)
class Grid:
    """Merged axes: rows, shared out among threads or, where `groups`, among teams, and columns.

    A team is a threadgroup or, where columns are few, a simdgroup. `chunks` teams (0: as many as give a thread to
    every row) go through the rows; results over several rows are first partial ones of each.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    places: tuple[Place, ...]
    kinds: tuple[Kind, ...]
    groups: bool
    chunks: int = 0

    @property
    def row_count(self) -> int:
        """Rows in all."""
        return math.prod(self.rows)

    @property
    def column_count(self) -> int:
        """Columns of each row."""
        return math.prod(self.columns)

    @property
    def combines(self) -> bool:
        """Whether something is combined over rows."""
        return Kind.TOTAL in self.kinds or Kind.COLUMN in self.kinds

    @property
    def by_simdgroups(self) -> bool:
        """Whether a team is a simdgroup, which needs no memory of a threadgroup and no barrier."""
        return self.groups and self.column_count <= LANES

    @property
    def group(self) -> int:
        """The most threads that a threadgroup may have, a power of two."""
        if not self.groups or self.by_simdgroups:
            return 256
        wanted = 1 << (self.column_count - 1).bit_length()
        return min(max(wanted, SMALLEST_GROUP), LARGEST_GROUP)

    @property
    def count(self) -> int:
        """Threads to start."""
        team = LANES if self.by_simdgroups else self.group
        return self.chunks * team if self.chunks else self.row_count


def grid_of(step: FusedStep) -> Grid:
    """Share out a step that is not empty, with as many axes as rows as let results meet in a regular way."""
    nest = nest_of(step)
    if not step.has_rows:
        sizes = nest.rows + nest.columns
        for k in range(len(sizes), 0, -1):
            grid = _grid(step, sizes[:k], sizes[k:], tuple([_divided(place, k) for place in nest.places]))
            if Kind.IRREGULAR not in grid.kinds:
                return grid
    return _grid(step, nest.rows, nest.columns, nest.places)


def _divided(place: Place, k: int) -> Place:
    """The place with its first `k` axes as those of rows."""
    strides = place.row_strides + place.column_strides
    bounds = place.row_bounds + place.column_bounds
    return Place(strides[:k], strides[k:], bounds[:k], bounds[k:])


def _grid(step: FusedStep, rows: tuple[int, ...], columns: tuple[int, ...], places: tuple[Place, ...]) -> Grid:
    stores = places[len(places) - len(step.stores) :]
    kinds = tuple([_kind(s, p, rows, columns) for s, p in zip(step.stores, stores, strict=True)])
    grid = Grid(rows, columns, places, kinds, groups=math.prod(columns) > SHORT)
    return replace(grid, chunks=_chunks(grid))


def _kind(store: Store, place: Place, rows: tuple[int, ...], columns: tuple[int, ...]) -> Kind:
    if not store.combine:
        return Kind.PLAIN
    along_rows = [s for n, s in zip(rows, place.row_strides, strict=True) if n > 1]
    along_columns = [s for n, s in zip(columns, place.column_strides, strict=True) if n > 1 and not store.row]
    if not any(along_rows):
        if not any(along_columns):
            return Kind.TOTAL
        return Kind.COLUMN if all(along_columns) else Kind.IRREGULAR
    return Kind.ROW if all(along_rows) and not any(along_columns) else Kind.IRREGULAR


def _chunks(grid: Grid) -> int:
    rows, columns = grid.row_count, grid.column_count
    if not grid.combines:
        return min(rows, MAX_GROUPS) if grid.groups else 0
    if rows * columns <= SERIAL:
        return 1
    most = min(MAX_CHUNKS, max(MAX_PARTIALS // columns, 1))
    return min(rows if grid.groups else -(-rows // (grid.group * PER_THREAD)), most)
