"""What a fused kernel combines: over a row, over the threads of a team, and over rows.

A team is a threadgroup or a simdgroup. Results over rows are of each team first. Where there are several, each
publishes its partial results, and the last one that is done combines them, in their order (partials.metal).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.avals import aval
from ...planning.plan import FusedStep, View
from ..dispatch import Allocate, type_name
from ..memory import held_dtype
from .grid import Grid, Kind
from .words import Words

OVER_ROWS = (Kind.TOTAL, Kind.COLUMN)
ACCUMULATED = 8
"""Bytes for each value that a threadgroup accumulates: as much as any type takes."""

UNROLLED = "#pragma clang loop unroll(full)"
"""In front of a loop that indexes an array of a thread's own: large kernels that do so at run time read zeros."""


def alias(combine: str, dtype: np.dtype) -> str:
    """The kernel's name for the type that says how values are held while they are combined."""
    return f"{combine.capitalize()}_{type_name(dtype)}"


def declared(name: str, combine: str, dtype: np.dtype) -> str:
    """A variable in which nothing is combined yet."""
    return f"{alias(combine, dtype)}::type {name} = helper::nothing<{alias(combine, dtype)}>();"


def taken(name: str, combine: str, dtype: np.dtype, value: str) -> str:
    """What is combined so far together with a further value."""
    return f"helper::combined<{alias(combine, dtype)}>({name}, {value})"


def over_team(grid: Grid, name: str, combine: str, dtype: np.dtype) -> str:
    """The statement that combines a variable of all threads of a team."""
    kind = alias(combine, dtype)
    if grid.by_simdgroups:
        return f"{name} = helper::simd_combine<{kind}::type, {kind}::Combine>({name});"
    return (
        f"{name} = helper::group_combine<{kind}::type, {kind}::Combine>"
        f"({name}, shared_{kind}, lane, simdgroup, simdgroups);"
    )


def indented(lines: Sequence[str]) -> list[str]:
    """One level deeper."""
    return ["    " + line for line in lines]


class OverRows:
    """The stores of a step that combine rows."""

    def __init__(self, step: FusedStep, grid: Grid, words: Words) -> None:
        self.step, self.grid, self.words = step, grid, words
        self.stores = [i for i, kind in enumerate(grid.kinds) if kind in OVER_ROWS]
        self.accumulated = [i for i in self.stores if grid.groups and self.is_column(i)]
        """Those of which a team has a value for every column, in memory."""
        self.partial = bool(self.stores) and grid.chunks > 1
        self.ticket = 1 if step.matches else 0
        """The word of the ticket counter: behind that of an error, if there can be one."""
        slots = sum(grid.chunks * self.size(i) * self.slot(i) for i in self.stores)
        self.state = 4 * (self.ticket + (1 + slots if self.partial else 0))
        """Bytes of the error, the ticket counter and the slots of partial results."""

    def is_column(self, i: int) -> bool:
        """Whether a store has a result for every column."""
        return self.grid.kinds[i] is Kind.COLUMN

    def size(self, i: int) -> int:
        """Results of a store."""
        return self.grid.column_count if self.is_column(i) else 1

    def slot(self, i: int) -> int:
        """Words of a partial result: 16 bits in each of what is held, which is no shorter than 32 but for bool."""
        dtype = held_dtype(self.step.stores[i].view.dtype)
        return 1 if dtype == np.bool_ else max(dtype.itemsize, 4) // 2

    def by(self, i: int) -> tuple[str, np.dtype]:
        """How a store combines."""
        store = self.step.stores[i]
        assert store.combine is not None
        return store.combine, store.view.dtype

    def arguments(self) -> list[str]:
        """Memory of the kernel's own."""
        return ["device uchar *acc"] * bool(self.accumulated) + ["device atomic_uint *state"]

    def receipt(self) -> str:
        """The statement of the last thread, that it has come to the end."""
        last = "row == rows - 1u"
        if self.grid.chunks:
            last = "rank == 0" if self.partial else "rank == 0 && group == chunks - 1u"
        return f"if ({last}) helper::finished(state + {self.words.number(self.state // 4)});"

    def allocate(self, allocate: Allocate) -> list[View]:
        """The memory in which teams accumulate."""
        size = sum(self.grid.chunks * self.size(i) * ACCUMULATED for i in self.accumulated)
        return [allocate(aval((size,), np.dtype(np.uint8)))] if size else []

    def own(self, i: int) -> str:
        """A thread's or, for each column, a team's value, under the number j of a column."""
        if i in self.accumulated:
            return f"acc{i}[group * columns + j]"
        return f"q{i}[j]" if self.is_column(i) else f"q{i}"

    def begin(self) -> list[str]:
        """A thread's own values, in which nothing is combined yet."""
        lines, offset = [], 0
        for i in self.stores:
            kind = alias(*self.by(i))
            if i in self.accumulated:
                place = f"(device {kind}::type *)(acc + {self.words.number(offset)})"
                lines.append(f"device {kind}::type *acc{i} = {place};")
                offset += self.grid.chunks * self.size(i) * ACCUMULATED
            elif self.is_column(i):
                lines.append(f"{kind}::type q{i}[columns];")
                lines.append(UNROLLED)
                lines.append(f"for (uint j = 0; j < columns; ++j) q{i}[j] = helper::nothing<{kind}>();")
            else:
                lines.append(declared(f"q{i}", *self.by(i)))
        return lines

    def stored(self, i: int, value: str) -> str:
        """The statement that takes in a value."""
        own, kind = self.own(i), alias(*self.by(i))
        if i in self.accumulated:
            return f"{own} = row == group ? {kind}::of({value}) : {taken(own, *self.by(i), value)};"
        return f"{own} = {taken(own, *self.by(i), value)};"

    def finish(self) -> list[str]:
        """Combine the threads of each team, then teams."""
        lines: list[str] = []
        base = self.ticket + 1
        collected: list[str] = []
        for i in self.stores:
            slots = f"state + {self.words.number(base)}"
            lines += self.from_threads(i, slots)
            collected += self.from_groups(i, slots)
            base += self.grid.chunks * self.size(i) * self.slot(i)
        if not self.partial:
            return lines
        drawn = (
            f"if (rank == 0) ticket = atomic_fetch_add_explicit(state + {self.ticket}, 1u, memory_order_relaxed);"
        )
        if self.grid.by_simdgroups:
            ticket = [
                "uint ticket = 0u;",
                "simdgroup_barrier(mem_flags::mem_device);",
                drawn,
                "ticket = simd_shuffle(ticket, ushort(0));",
            ]
        else:
            ticket = [
                "threadgroup uint ticket;",
                "threadgroup_barrier(mem_flags::mem_device);",
                drawn,
                "threadgroup_barrier(mem_flags::mem_threadgroup);",
            ]
        return [
            *lines,
            *ticket,
            "if (ticket != chunks - 1) return;",
            f"if (rank == 0) atomic_store_explicit(state + {self.ticket}, 0u, memory_order_relaxed);",
            *collected,
        ]

    def from_threads(self, i: int, slots: str) -> list[str]:
        """A team's result, written or published."""
        own, columns = self.own(i), self.is_column(i)
        if self.partial:
            place = "group * columns + j" if columns else "group"
            put = [f"helper::publish({slots} + ({place}) * {self.slot(i)}u, {own});"]
        else:
            put = self.written(i, own)
        if i in self.accumulated:
            return ["for (uint j = rank; j < columns; j += threads) {", *indented(put), "}"]
        alone = [over_team(self.grid, own, *self.by(i)), "if (rank == 0) {", *indented(put), "}"]
        return [UNROLLED, "for (uint j = 0; j < columns; ++j) {", *indented(alone), "}"] if columns else alone

    def from_groups(self, i: int, slots: str) -> list[str]:
        """All partial results combined, by the last team."""
        kind, size = alias(*self.by(i)), "columns" if self.is_column(i) else "1u"
        part = f"helper::collect<{kind}::type>({slots} + (k * {size} + j) * {self.slot(i)}u)"
        inside = [
            f"{declared('total', *self.by(i))}",
            f"for (uint k = 0; k < chunks; ++k) total = helper::joined<{kind}>(total, {part});",
            *self.written(i, "total"),
        ]
        return [f"for (uint j = rank; j < {size}; j += threads) {{", *indented(inside), "}"]

    def written(self, i: int, value: str) -> list[str]:
        """The statements that write a result, of column j if it has columns."""
        a = len(self.grid.places) - len(self.step.stores) + i
        place = self.words.number(self.step.stores[i].view.layout.offset)
        decode: list[str] = []
        if self.is_column(i):
            decode = self.words.decode("j", "c", self.grid.columns)
            place = self.words.moved(place, "c", self.grid.places[a].column_strides)
        return [*decode, f"a{a}[{place}] = {alias(*self.by(i))}::value({value});"]
