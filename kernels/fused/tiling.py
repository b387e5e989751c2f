"""Which fused steps are computed in tiles of neighbouring rows (tiles.py), and which row by row (source.py)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from ...devices.nest import Nest, Place, nest_of
from ...planning.plan import Call, Entry, FusedStep
from ..native.cost import operations as operations_of

T = TypeVar("T")

SHORT = 8
"""Columns up to so many are too few for the loop over them to be vectorised."""
SHORT_ROW = 32
"""Where columns are reduced, that is so up to here, if there is much to compute ..."""
HEAVY = 10
"""... for each array of which rows must be copied to lie side by side: so many operations."""
LEAST = 8
"""Rows that tiles are made of."""
LANES = 2048
"""Elements of a tile: some kB, so that all that belongs to them is in the cache."""
MEMORY = 1 << 17
"""Bytes that tiles may take of a thread's stack, about."""
MOST = 256
"""Rows of a tile at most, ..."""
MIXED = 128
"""... and where arrays are laid out in different orders: each row may be on another page of memory."""
UNIT = 16
"""The number of rows in a tile is a multiple of it."""
FEW = 32
"""Rows along the last axis, up to which those of a tile are neighbours along the longest."""


def tiled_nest(step: FusedStep) -> Nest:
    """The nest of a step, with tiles where columns are few or do not lie side by side."""
    nest = nest_of(step)
    last, columns = len(nest.rows) - 1, math.prod(nest.columns)
    if is_narrow(step, nest):
        if last and nest.rows[last] <= FEW:
            # a step that tells which row is wrong counts them in their order
            tiled = nest if step.matches else _with_longest_first(nest)
            last = 0 if tiled.rows[0] > tiled.rows[last] else last
        else:
            tiled = nest
        tiled = replace(tiled, lanes=min(LANES // columns, MOST), lane=last)
        if columns > SHORT and operations(step.body) < HEAVY * len(apart(tiled)):
            return nest
    elif not step.has_rows and any(p.column_strides[0] not in (0, 1) for p in nest.places):
        along_rows, along_columns = (sum(_along(p, axis) for p in nest.places) for axis in (last, last + 1))
        tiled = replace(_without_columns(nest, along_rows > along_columns), lanes=MIXED, lane=last + 1)
    else:
        return nest
    if tiled.rows[tiled.lane] < LEAST:
        return nest
    lanes = min(tiled.lanes, MEMORY // _bytes(step, tiled))
    return replace(tiled, lanes=max(lanes // UNIT, 1) * UNIT)


def is_narrow(step: FusedStep, nest: Nest) -> bool:
    """Whether columns are too few for the loop over them to be vectorised."""
    return bool(nest.rows) and math.prod(nest.columns) <= (SHORT_ROW if step.has_rows else SHORT)


def unaligned(step: FusedStep) -> int:
    """About how many elements are copied, or are not computed on vectors because of how arrays lie."""
    if 0 in step.shape:
        return 0
    nest = tiled_nest(step)
    if nest.lanes:
        return sum(_elements(nest, nest.places[a]) for a in apart(nest))
    found = sum(_elements(nest, place) for place in nest.places if place.column_strides[-1] not in (0, 1))
    if is_narrow(step, nest):
        found += math.prod((*nest.rows, *nest.columns)) * operations(step.body)
    return found


def _elements(nest: Nest, place: Place) -> int:
    """Those of an array that are loaded or stored, each counted once."""
    strides = (*place.row_strides, *place.column_strides)
    return math.prod(n for n, s in zip((*nest.rows, *nest.columns), strides, strict=True) if s)


def operations(body: Iterable[Entry]) -> int:
    """About how many operations it takes."""
    return sum(operations_of(entry.name) if isinstance(entry, Call) else 1 for entry in body)


def apart(nest: Nest) -> list[int]:
    """Arrays in which neighbouring rows do not lie side by side."""
    return [a for a, place in enumerate(nest.places) if place.row_strides[nest.lane] not in (0, 1)]


def _with_longest_first(nest: Nest) -> Nest:
    """The longest axis of rows before the others."""
    first = max(range(len(nest.rows)), key=nest.rows.__getitem__)

    def moved(rows: tuple[T, ...]) -> tuple[T, ...]:
        return (rows[first], *rows[:first], *rows[first + 1 :])

    places = [replace(p, row_strides=moved(p.row_strides), row_bounds=moved(p.row_bounds)) for p in nest.places]
    return replace(nest, rows=moved(nest.rows), places=tuple(places))


def _bytes(step: FusedStep, nest: Nest) -> int:
    """What a row takes in memory: copies of what lies apart and, at most, all that is computed for it."""
    copies = sum(step.views[a].dtype.itemsize for a in apart(nest)) * math.prod(nest.columns)
    return copies + sum(entry.dtype.itemsize for entry in step.body) + 1


def _along(place: Place, axis: int) -> bool:
    """Whether neighbours along an axis lie side by side."""
    return axis >= 0 and (*place.row_strides, *place.column_strides)[axis] == 1


def _without_columns(nest: Nest, turned: bool) -> Nest:
    """The axis of columns as another of rows: the last or, turned, the last but one."""

    def joined(rows: tuple[T, ...], columns: tuple[T, ...]) -> tuple[T, ...]:
        return (*rows[:-1], *columns, rows[-1]) if turned else (*rows, *columns)

    places = [
        Place(joined(p.row_strides, p.column_strides), (0,), joined(p.row_bounds, p.column_bounds), (None,))
        for p in nest.places
    ]
    rows = joined(nest.rows, nest.columns)
    return replace(nest, rows=rows, columns=(1,), places=tuple(places), flat=False)
