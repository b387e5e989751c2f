"""The source of a fused step's kernel, row by row: loops around what is done for a row and for a column."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...devices.nest import Nest
from ...devices.phases import Phase
from ...planning.plan import FusedStep
from .arguments import Generated
from .arrays import Arrays
from .text import folded, indented
from .values import Values

TILE = 1024
"""Columns of a flat step that are combined at once: the rounding error of a sum stays small."""


class Source:
    """Lines of source for a step and its arrays."""

    def __init__(self, step: FusedStep, nest: Nest, arrays: Arrays) -> None:
        self.step, self.nest, self.arrays = step, nest, arrays
        self.arguments, self.memory = arrays.arguments, arrays.memory
        self.values = Values(step, arrays)
        self.schedule = self.values.schedule

    def generate(self) -> Generated:
        """The kernel."""
        self.arguments.read_scalars()
        for phase in self.schedule.phases:
            for k in phase.kept:
                self.memory.reserve(f"m{k}", self.values.dtype(k))
        body = [line for phase in self.schedule.phases for line in self.phase(phase)]
        if self.tiled:
            first, last = self.column_range()
            if self.nest.columns[-1] == 1:
                body = [f"low = {first}", *body]
            else:
                tile = indented([f"high = min(low + {TILE}, {last})", *body])
                body = [f"for low in range({first}, {last}, {TILE}):", *tile]
        inside = [*self.bases(), *self.row(self.schedule.before), *body]
        self.values.set_fixed()
        lines = inside if self.nest.flat else self.rows(inside)
        if not self.step.matches:
            return self.arguments.kernel(lines, "0")
        self.arguments.set("wrong", self.arguments.named("none", math.prod(self.nest.rows)))
        return self.arguments.kernel(lines, "wrong + 1 if wrong < none else 0")

    # --- rows --------------------------------------------------------------------------------------------

    def rows(self, inside: list[str]) -> list[str]:
        """The loop over rows."""
        return self.over_rows(self.nest.rows, inside)

    def over_rows(self, sizes: tuple[int, ...], inside: list[str]) -> list[str]:
        """The loop over the rows of these axes that are shared out."""
        if not sizes:
            return inside
        if len(sizes) == 1:
            return ["for i0 in range(start, stop):", *indented(inside)]
        decode = ["rest = row"]
        for axis in range(len(sizes) - 1, 0, -1):
            size = self.arguments.named(f"size{axis}", sizes[axis])
            decode += [f"i{axis} = rest % {size}", f"rest = rest // {size}"]
        return ["for row in range(start, stop):", *indented([*decode, "i0 = rest", *inside])]

    def bases(self) -> list[str]:
        """Pointers to the first column of a row, and whether views that do not cover it do."""
        lines = []
        for a in range(len(self.arrays.views)):
            lines += self.arrays.base(a, {axis: f"i{axis}" for axis in range(len(self.nest.rows))})
            lines += self.arrays.bounds(a)
        return lines

    def row(self, phase: Phase) -> list[str]:
        """What is computed once for a row."""
        lines = [f"v{k} = {self.values.row_value(k)}" for k in phase.row if k not in self.values.fixed]
        for match in self.step.matches:
            if match.operand in phase.row:
                k, columns = match.operand, self.arguments.number(math.prod(self.nest.columns))
                wrong = f"{self.row_number()} if (v{k} < 0) | (v{k} >= {columns}) else none"
                lines.append(f"wrong = min(wrong, {wrong})")  # no branch: rows may be vectorised
        return lines + [self.arrays.stored(store, f"v{store.value}") for store in phase.row_stores]

    def row_number(self) -> str:
        """Number of the row among all."""
        return ("0", "i0", "row")[min(len(self.nest.rows), 2)]

    # --- columns -----------------------------------------------------------------------------------------

    @property
    def tiled(self) -> bool:
        """Whether columns, of which there is one axis, are combined a tile at a time."""
        return any(s.combine for s in self.step.stores) and not self.step.has_rows

    @property
    def divided(self) -> bool:
        """Whether columns inside and outside of views that do not cover them have loops of their own."""
        return len(self.nest.columns) == 1

    def column_range(self) -> tuple[str, str]:
        """The first column and the one behind the last, of those on the last axis."""
        if self.nest.flat:
            return "start", "stop"
        return "0", self.memory.column_size(len(self.nest.columns) - 1)

    def phase(self, phase: Phase) -> list[str]:
        """The loop over columns, and the work for the row behind it."""
        registers = [store for store in phase.stores if self.arrays.is_register(store)]
        lines = [*self.reductions(phase), *map(self.arrays.cleared, registers)]
        full = [*lines, *self.over_columns(phase, near=False)]
        if angles := self.values.angles(phase):
            far = [f"far |= is_far(v{k})" for k in angles]
            if any(self.arrays.changes(s) for s in phase.stores):  # must not run twice
                look = self.over_columns(self.values.needed(phase, angles), True, far)
                near = ["else:", *indented([*lines, *self.over_columns(phase, near=True)])]
                full = ["far = False", *look, "if far:", *indented(full), *near]
            else:
                near = [*lines, *self.over_columns(phase, True, far)]
                full = ["far = False", *near, "if far:", *indented(full)]
        ends = [self.arrays.stored(store, self.arrays.register(store)) for store in registers]
        return [*full, *ends, *self.row(phase)]

    def reductions(self, phase: Phase) -> list[str]:
        """What reductions begin with."""
        return [f"r{k} = {self.values.begins(k)}" for k in phase.reductions]

    def over_columns(self, phase: Phase, near: bool, more: Sequence[str] = ()) -> list[str]:
        """Loops over the column axes, or over a tile, around what is computed for a column.

        Where all views that do not cover the domain have elements, loads need not ask.
        """
        first, last = ("low", "high") if self.tiled else self.column_range()
        loaded = [self.arrays.array[k] for k in phase.columns if k in self.arrays.array]
        partial = [a for a in loaded if any(self.nest.places[a].row_bounds + self.nest.places[a].column_bounds)]
        if not partial or not self.divided:
            return self.column_loops(phase, [*self.columns(phase, near), *more], first, last)
        bounds = [a for a in partial if self.nest.places[a].column_bounds[0] is not None]
        begin, end = [f"low{a}_0" for a in bounds], [f"high{a}_0" for a in bounds]
        lines = [
            f"whole = {' & '.join(f'in{a}' for a in partial)}",
            f"begin = min({folded('max', [first, *begin])}, {last}) if whole else {last}"
            if begin
            else f"begin = {first} if whole else {last}",
            f"end = max(begin, {folded('min', [last, *end])})" if end else f"end = {last}",
        ]
        for start, stop, inside in ((first, "begin", False), ("begin", "end", True), ("end", last, False)):
            body = self.columns(phase, near, inside)
            lines += [f"for j in range({start}, {stop}):", *indented([*body, *more])]
        return lines

    def column_loops(self, phase: Phase, lines: list[str], first: str, last: str) -> list[str]:
        """Loops over all column axes, of the last over a part, around what is computed for a column."""
        return self.over_axes(self.arrays.along_columns(phase), lines, first, last)

    def over_axes(self, arrays: Sequence[int], lines: list[str], first: str, last: str) -> list[str]:
        """The same around lines that need pointers into these arrays."""
        lines = [*self.arrays.column_pointers(arrays), *lines]
        if self.nest.columns[-1] == 1:  # without a loop, of which LLVM would try what it can do
            lines = [f"j = {first}", *lines]
        else:
            lines = [f"for j in range({first}, {last}):", *indented(lines)]
        for axis in range(len(self.nest.columns) - 2, -1, -1):
            lines = [f"for c{axis} in range({self.memory.column_size(axis)}):", *indented(lines)]
        return lines

    def columns(self, phase: Phase, near: bool, inside: bool = False) -> list[str]:
        """What is computed for one column, of which it may be known that it lies inside all views."""
        lines = []
        for k in phase.columns:
            recalled = k in phase.recalled
            value = self.memory.value(f"m{k}") if recalled else self.values.column_value(k, near, inside)
            lines.append(f"v{k} = {value}")
        lines += [f"{self.memory.place(f'm{k}')} = v{k}" for k in phase.kept]
        lines += [f"r{k} = {self.values.reduced(k)}" for k in phase.reductions]
        for store in phase.stores:
            value = f"v{store.value}"
            if self.arrays.is_register(store):
                lines.append(self.arrays.combined(store, value))
            else:
                lines.append(self.arrays.stored(store, value, column=True))
        return lines
