"""The loops around a fused step: which axes are rows and which columns, and how each array moves along them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..planning.plan import FusedStep, View

Bounds = tuple[int, int]


@dataclass(frozen=True)
class Place:
    """How one array moves: strides in elements along rows and columns, and where it has elements (None: all)."""

    row_strides: tuple[int, ...]
    column_strides: tuple[int, ...]
    row_bounds: tuple[Bounds | None, ...]
    column_bounds: tuple[Bounds | None, ...]


@dataclass(frozen=True)
class Nest:
    """Merged axes of a step, and the places of its views: those of the loads, then those of the stores."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    places: tuple[Place, ...]
    flat: bool
    """One row, whose columns are shared out among chunks."""
    lanes: int = 0
    """Rows of a tile, if neighbouring rows are computed at once, column by column."""
    lane: int = 0
    """The axis of these rows: the first or the last."""

    @property
    def outer(self) -> int:
        """Axes of rows that are shared out; the others are loops inside an iteration, around tiles."""
        if not self.lanes or len(self.rows) == 1:
            return len(self.rows)
        return len(self.rows) - 1 if self.lane else 1

    @property
    def count(self) -> int:
        """Iterations that can be shared out."""
        return self.columns[0] if self.flat else math.prod(self.rows[: self.outer])

    def shared(self, place: Place) -> list[tuple[int, int]]:
        """Size and stride of an array along each axis that is shared out."""
        if self.flat:
            return [(self.columns[0], place.column_strides[0])]
        return list(zip(self.rows, place.row_strides, strict=True))[: self.outer]

    def unit(self, place: Place) -> int:
        """Iterations after which an array moves on for good, so that chunks of them do not meet in it."""
        axes = self.shared(place)
        while axes and axes[0][1]:
            del axes[0]
        return math.prod(n for n, _ in axes)


def nest_of(step: FusedStep) -> Nest:
    """Merge the axes of a step where every view moves over them evenly."""
    views = step.views
    split = step.rows if step.has_rows else 0
    rows = _merged(step.shape[:split], [_part(v, 0, split) for v in views])
    columns = _merged(step.shape[split:], [_part(v, split, len(step.shape)) for v in views])
    if not step.has_rows:  # the last axis is what is left of the columns
        rows, columns = _divided(columns)
    flat = not step.has_rows and not rows[0]
    columns = columns if columns[0] else ((1,), [[(0, None)] for _ in views])
    places = [
        Place(
            tuple([s for s, _ in r]),
            tuple([s for s, _ in c]),
            tuple([b for _, b in r]),
            tuple([b for _, b in c]),
        )
        for r, c in zip(rows[1], columns[1], strict=True)
    ]
    return Nest(rows[0], columns[0], tuple(places), flat)


_Axes = tuple[tuple[int, ...], list[list[tuple[int, Bounds | None]]]]
"""Sizes, and for each view its stride and bounds along each axis."""


def _part(view: View, first: int, last: int) -> list[tuple[int, Bounds | None]]:
    """Stride and bounds of a view along some axes."""
    inside: tuple[Bounds | None, ...] = view.inside or (None,) * len(view.layout.shape)
    sizes = view.layout.shape
    bounds = [None if b == (0, n) else b for b, n in zip(inside, sizes, strict=True)]
    return list(zip(view.layout.strides[first:last], bounds[first:last], strict=True))


def _merged(shape: tuple[int, ...], views: list[list[tuple[int, Bounds | None]]]) -> _Axes:
    sizes: list[int] = []
    merged: list[list[tuple[int, Bounds | None]]] = [[] for _ in views]
    for i, n in enumerate(shape):
        if n == 1 and all(v[i][1] is None for v in views):
            continue
        if sizes and all(m[-1][0] == v[i][0] * n and v[i][1] is None for m, v in zip(merged, views, strict=True)):
            sizes[-1] *= n
            for m, v in zip(merged, views, strict=True):
                bounds = m[-1][1]
                m[-1] = (v[i][0], None if bounds is None else (bounds[0] * n, bounds[1] * n))
        else:
            sizes.append(n)
            for m, v in zip(merged, views, strict=True):
                m.append(v[i])
    return tuple(sizes), merged


def _divided(axes: _Axes) -> tuple[_Axes, _Axes]:
    sizes, views = axes
    return (sizes[:-1], [v[:-1] for v in views]), (sizes[-1:], [v[-1:] for v in views])
