"""The text of a fused step's kernel in Metal's language, and its arguments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..avals import aval
from ..phases import Phase, schedule
from ..plan import FusedStep, Reduce, Scalar, Store, View
from .dispatch import Allocate, Dispatch, type_name
from .elements import libraries
from .grid import Grid, Kind

ROW = "row"
SIMD = 32


def dispatch_of(step: FusedStep, grid: Grid, allocate: Allocate) -> Dispatch:
    """The kernel of a step, of which no store is irregular."""
    return _Source(step, grid).generate(allocate)


def fill_dispatch(view: View, combine: str) -> Dispatch:
    """A kernel that sets an array to the identity of a combination."""
    dtype = type_name(view.dtype)
    size = int(np.prod(view.layout.shape))
    source = "\n".join([
        "kernel void run(",
        f"    device {dtype} *a [[buffer(0)]], constant int *words [[buffer(1)]],",
        "    uint i [[thread_position_in_grid]]) {",
        f"    if (i < uint(words[0])) a[uint(words[1]) + i] = {identity(combine, view.dtype)};",
        "}",
    ]) + "\n"  # fmt: skip
    return Dispatch(source, ("scalars",), (view,), (), (size, view.layout.offset), size)


def identity(combine: str, dtype: np.dtype) -> str:
    """What changes nothing where it is combined, as source."""
    name = type_name(dtype)
    if combine in ("add", "multiply"):
        return f"{name}({0 if combine == 'add' else 1})"
    if dtype.kind == "f":
        return f"as_type<float>({'0xff800000u' if combine == 'maximum' else '0x7f800000u'})"
    if dtype == np.bool_:
        return "false" if combine == "maximum" else "true"
    limits = np.iinfo(dtype)
    if combine == "minimum":
        return f"{name}({limits.max}{'UL' if dtype == np.uint64 else 'L' if dtype == np.int64 else ''})"
    return f"{name}({limits.min + 1}L - 1)" if limits.min else f"{name}(0)"


def combination(combine: str, dtype: np.dtype, x: str, y: str) -> str:
    """Two values combined, as source."""
    if dtype == np.bool_:
        return f"{x} {'||' if combine in ('add', 'maximum') else '&&'} {y}"
    if combine in ("add", "multiply"):
        return f"{type_name(dtype)}({x} {'+' if combine == 'add' else '*'} {y})"
    return f"element::{combine}({x}, {y})"


class _Source:
    """Lines of text, and what its argument words stand for."""

    def __init__(self, step: FusedStep, grid: Grid) -> None:
        self.step, self.grid = step, grid
        self.entries: list[Any] = [*step.loads, *step.body]
        loaded = [k for k, o in enumerate(step.loads) if isinstance(o, View)]
        self.array = {k: a for a, k in enumerate(loaded)}
        self.views: list[View] = [step.loads[k] for k in loaded] + step.writes  # type: ignore[misc]
        self.first_store = len(loaded)
        fills = [o.fill for o in step.loads if isinstance(o, View) and o.fill]
        self.scalars = list(dict.fromkeys([*(o for o in step.loads if isinstance(o, Scalar)), *fills]))
        self.numbers: list[int] = []
        self.partial = grid.chunks > 1 and grid.combines
        vary = [k in self.array and self.varies(self.array[k]) for k in range(len(step.loads))]
        self.schedule = schedule(step, vary, row_memory=False)

    def varies(self, a: int) -> bool:
        place = self.grid.places[a]
        return any(place.column_strides) or any(b is not None for b in place.column_bounds)

    def generate(self, allocate: Allocate) -> Dispatch:
        body = [*self.decode(ROW, "i", self.grid.rows), *self.bases(), *self.work(self.schedule.before)]
        for phase in self.schedule.phases:
            body += self.phase(phase)
        head = self.head()
        if self.grid.combines:
            lines = [*head, *self.results(), *self.row_loop(body), *self.finish()]
        elif self.grid.groups:
            lines = [*head, *self.row_loop(body)]
        else:
            lines = [*head, f"if ({ROW} >= rows) return;", *body]
        views, offset = list(self.views), 0
        if accumulators := self.accumulators():
            size = sum(self.partial_count(i) * 8 for i in accumulators)
            views.append(allocate(aval((size,), np.dtype(np.uint8))))
        state, pointers = 4 * (1 + self.slot_words()) if self.partial else 0, []
        for i in accumulators:
            dtype = type_name(self.step.stores[i].view.dtype)
            pointers.append(f"device {dtype} *acc{i} = (device {dtype} *)(acc + {self.number(offset)});")
            offset += self.partial_count(i) * 8
        scalars = [self.scalar(i) for i in range(len(self.scalars))]
        text = (
            "\n".join([*self.signature(bool(accumulators)), *indented([*scalars, *pointers, *lines]), "}"]) + "\n"
        )
        return Dispatch(
            text, libraries(text), tuple(views), tuple(self.scalars), tuple(self.numbers), self.grid.count, state
        )

    # --- arguments ---------------------------------------------------------------------------------------

    def number(self, value: int) -> str:
        """An argument word of this value."""
        if value in (0, 1):
            return f"{value}u"
        if value not in self.numbers:
            self.numbers.append(value)
        return f"uint(words[{self.numbers.index(value)}])"

    def scalar(self, i: int) -> str:
        """A scalar, which takes two words behind the numbers."""
        dtype, at = self.scalars[i].aval.dtype, len(self.numbers) + 2 * i
        if dtype.kind == "f":
            value = f"as_type<float>(words[{at}])"
        elif dtype.itemsize == 8:
            value = f"ulong(uint(words[{at}])) | ulong(uint(words[{at + 1}])) << 32"
        else:
            value = f"words[{at}]"
        return f"const {type_name(dtype)} s{i} = {type_name(dtype)}({value});"

    def signature(self, accumulates: bool) -> list[str]:
        """The beginning of the kernel."""
        arguments = [
            f"device {'const ' if a < self.first_store else ''}{type_name(v.dtype)} *a{a}"
            for a, v in enumerate(self.views)
        ]
        arguments += ["device uchar *acc"] * accumulates + ["device atomic_uint *state"] * self.partial
        arguments = [f"{text} [[buffer({i})]]," for i, text in enumerate([*arguments, "constant int *words"])]
        if not (self.grid.combines or self.grid.groups):
            return ["kernel void run(", *indented([*arguments, f"uint {ROW} [[thread_position_in_grid]]) {{"])]
        built_in = [
            "uint rank [[thread_index_in_threadgroup]],",
            "uint threads [[threads_per_threadgroup]],",
            "uint group [[threadgroup_position_in_grid]],",
            "uint lane [[thread_index_in_simdgroup]],",
            "uint simdgroup [[simdgroup_index_in_threadgroup]],",
            "uint simdgroups [[simdgroups_per_threadgroup]]) {",
        ]
        limit = f"[[max_total_threads_per_threadgroup({self.grid.group})]]"
        return [f"{limit} kernel void run(", *indented([*arguments, *built_in])]

    def head(self) -> list[str]:
        """Constants, and memory of the threadgroup."""
        lines = [f"const uint rows = {self.number(self.grid.row_count)};"]
        if self.grid.columns:
            columns = self.grid.column_count
            lines.append(f"const uint columns = {self.number(columns) if self.grid.groups else columns};")
        if self.grid.chunks:
            lines.append(f"const uint chunks = {self.number(self.grid.chunks)};")
            lines.append("if (group >= chunks) return;")
        for name in sorted({type_name(dtype) for dtype in self.group_combined()}):
            lines.append(f"threadgroup {name} shared_{name}[{SIMD}];")
        return lines

    def group_combined(self) -> Iterable[np.dtype]:
        """Dtypes that threads of a threadgroup combine."""
        if self.grid.groups:
            yield from (e.dtype for e in self.step.body if isinstance(e, Reduce))
        for store, kind in zip(self.step.stores, self.grid.kinds, strict=True):
            in_registers = kind is Kind.ROW if self.grid.groups else kind is Kind.COLUMN
            if kind is Kind.TOTAL or in_registers:
                yield store.view.dtype

    # --- rows --------------------------------------------------------------------------------------------

    def row_loop(self, body: list[str]) -> list[str]:
        """The loop of a thread, or of the threads of a threadgroup together, over its rows."""
        first, step = ("group", "chunks") if self.grid.groups else ("group * threads + rank", "chunks * threads")
        return [f"for (uint {ROW} = {first}; {ROW} < rows; {ROW} += {step}) {{", *indented(body), "}"]

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

    def bases(self) -> list[str]:
        """Where a row begins in each array, and whether it lies inside a view that does not cover the domain."""
        lines = []
        for a, (view, place) in enumerate(zip(self.views, self.grid.places, strict=True)):
            start = self.moved(self.number(view.layout.offset), "i", place.row_strides)
            lines.append(f"const uint p{a} = {start};")
            if a < self.first_store and view.inside is not None:
                lines.append(f"const bool in{a} = {self.within('i', place.row_bounds) or 'true'};")
        return lines

    def within(self, name: str, bounds: Sequence[tuple[int, int] | None]) -> str:
        return " && ".join(
            f"{name}{axis} >= {self.number(b[0])} && {name}{axis} < {self.number(b[1])}"
            for axis, b in enumerate(bounds)
            if b is not None
        )

    def work(self, phase: Phase) -> list[str]:
        """What is computed once for a row."""
        lines = [self.declared(k, f"p{self.array.get(k)}") for k in phase.row if not self.is_reduction(k)]
        for store in phase.row_stores:
            i = self.store_number(store)
            text = self.stored(i, f"p{self.first_store + i}", f"v{store.value}")
            lines.append(f"if (rank == 0) {text}" if self.grid.groups else text)
        return lines

    def is_reduction(self, k: int) -> bool:
        return isinstance(self.entries[k], Reduce)

    # --- columns -----------------------------------------------------------------------------------------

    def phase(self, phase: Phase) -> list[str]:
        """The loop over columns, and the work for the row behind it."""
        combined = [(f"v{k}", self.entries[k].name, self.entries[k].dtype, self.entries[k].operand)
                    for k in phase.reductions]  # fmt: skip
        totals = [
            i for i, s in enumerate(self.step.stores) if s in phase.stores and self.grid.kinds[i] is Kind.ROW
        ]
        for i in totals:
            store = self.step.stores[i]
            combined.append((f"q{i}", store.combine or "", store.view.dtype, store.value))
        lines = [f"{type_name(dtype)} {name} = {identity(c, dtype)};" for name, c, dtype, _ in combined]
        column = [self.declared(k, self.column(self.array.get(k))) for k in phase.columns]
        column += [f"{name} = {combination(c, dtype, name, f'v{k}')};" for name, c, dtype, k in combined]
        for store in phase.stores:
            i = self.store_number(store)
            if i not in totals:
                column.append(self.stored(i, self.column(self.first_store + i), f"v{store.value}"))
        lines += self.column_loop(column)
        if self.grid.groups:
            lines += [f"{name} = {self.over_group(c, dtype, name)};" for name, c, dtype, _ in combined]
        for i in totals:
            text = f"a{self.first_store + i}[p{self.first_store + i}] = q{i};"
            lines.append(f"if (rank == 0) {text}" if self.grid.groups else text)
        return lines + self.work(phase)

    def column_loop(self, body: list[str]) -> list[str]:
        if not self.grid.columns:
            return ["{", *indented(body), "}"]
        first, step = ("rank", "threads") if self.grid.groups else ("0", "1")
        inside = [*self.decode("j", "c", self.grid.columns), *body]
        return [f"for (uint j = {first}; j < columns; j += {step}) {{", *indented(inside), "}"]

    def column(self, a: int | None) -> str:
        """Place of a column's element in an array."""
        return "" if a is None else self.moved(f"p{a}", "c", self.grid.places[a].column_strides)

    # --- values ------------------------------------------------------------------------------------------

    def declared(self, k: int, place: str) -> str:
        entry = self.entries[k]
        name = type_name(entry.aval.dtype if isinstance(entry, Scalar) else entry.dtype)
        return f"const {name} v{k} = {self.value(k, place)};"

    def value(self, k: int, place: str) -> str:
        """A loaded or computed value, as source."""
        entry = self.entries[k]
        if isinstance(entry, Scalar):
            return f"s{self.scalars.index(entry)}"
        if isinstance(entry, View):
            return self.load(k, entry, place)
        name = type_name(entry.dtype)
        operands = [f"v{i}" for i in entry.operands]
        if entry.name == "astype":
            return f"{name}({operands[0]})"
        return f"{name}(element::{entry.name}({', '.join([*operands, *map(repr, entry.statics)])}))"

    def load(self, k: int, view: View, place: str) -> str:
        a = self.array[k]
        if view.inside is None:
            return f"a{a}[{place}]"
        inside = self.within("c", self.grid.places[a].column_bounds)
        assert view.fill is not None
        condition = f"in{a} && {inside}" if inside else f"in{a}"
        return f"({condition}) ? a{a}[{place}] : s{self.scalars.index(view.fill)}"

    def store_number(self, store: Store) -> int:
        return next(i for i, s in enumerate(self.step.stores) if s is store)

    def stored(self, i: int, place: str, value: str) -> str:
        """A value stored for a column, or for a row."""
        store, kind = self.step.stores[i], self.grid.kinds[i]
        combine, dtype = store.combine or "", store.view.dtype
        if kind is Kind.TOTAL:
            return f"q{i} = {combination(combine, dtype, f'q{i}', value)};"
        if kind is Kind.COLUMN and self.grid.groups:
            at = f"acc{i}[group * columns + j]"
            return f"{at} = {ROW} == group ? {value} : {combination(combine, dtype, at, value)};"
        if kind is Kind.COLUMN:
            return f"q{i}[j] = {combination(combine, dtype, f'q{i}[j]', value)};"
        return f"a{self.first_store + i}[{place}] = {value};"

    # --- results over rows -------------------------------------------------------------------------------

    def over_rows(self) -> list[int]:
        """Stores that combine rows."""
        return [i for i, kind in enumerate(self.grid.kinds) if kind in (Kind.TOTAL, Kind.COLUMN)]

    def accumulators(self) -> list[int]:
        """Stores for which the threads of a group have a value for every column, in memory."""
        return [i for i in self.over_rows() if self.grid.kinds[i] is Kind.COLUMN and self.grid.groups]

    def size(self, i: int) -> int:
        return self.grid.column_count if self.grid.kinds[i] is Kind.COLUMN else 1

    def partial_count(self, i: int) -> int:
        return self.grid.chunks * self.size(i)

    def slot_size(self, i: int) -> int:
        """Words of a partial result (partials.metal)."""
        return max(np.dtype(self.step.stores[i].view.dtype).itemsize // 2, 1)

    def slot_words(self) -> int:
        return sum(self.partial_count(i) * self.slot_size(i) for i in self.over_rows())

    def over_group(self, combine: str, dtype: np.dtype, value: str) -> str:
        operation, name = operation_name(combine, dtype), type_name(dtype)
        return (
            f"helper::group_combine<{name}, helper::{operation}>"
            f"({value}, shared_{name}, lane, simdgroup, simdgroups)"
        )

    def results(self) -> list[str]:
        """A thread's own results."""
        lines = []
        for i in self.over_rows():
            if i not in self.accumulators():
                store = self.step.stores[i]
                dtype, begin = type_name(store.view.dtype), identity(store.combine or "", store.view.dtype)
                if self.grid.kinds[i] is Kind.TOTAL:
                    lines.append(f"{dtype} q{i} = {begin};")
                else:
                    lines += [f"{dtype} q{i}[columns];", f"for (uint j = 0; j < columns; ++j) q{i}[j] = {begin};"]
        return lines

    def finish(self) -> list[str]:
        """Combine the threads of a threadgroup, then threadgroups."""
        lines: list[str] = []
        base = 1
        collected: list[str] = []
        for i in self.over_rows():
            store, a = self.step.stores[i], self.first_store + i
            dtype, columns = store.view.dtype, self.grid.kinds[i] is Kind.COLUMN
            offset = self.number(store.view.layout.offset)
            place = self.moved(offset, "c", self.grid.places[a].column_strides) if columns else offset
            decode = self.decode("j", "c", self.grid.columns) if columns else []
            size = "columns" if columns else "1u"
            slots = f"state + {self.number(base)}"
            slot = f"{slots} + (group * {size} + {'j' if columns else '0u'}) * {self.slot_size(i)}u"
            own = (
                f"acc{i}[group * columns + j]" if i in self.accumulators() else f"q{i}[j]" if columns else f"q{i}"
            )
            result = f"helper::publish({slot}, {own});" if self.partial else f"a{a}[{place}] = {own};"
            put = [result] if self.partial else [*decode, result]
            if i in self.accumulators():
                lines += ["for (uint j = rank; j < columns; j += threads) {", *indented(put), "}"]
            else:
                combined = f"{own} = {self.over_group(store.combine or '', dtype, own)};"
                alone = [combined, "if (rank == 0) {", *indented(put), "}"]
                lines += ["for (uint j = 0; j < columns; ++j) {", *indented(alone), "}"] if columns else alone
            found = f"helper::collect<{type_name(dtype)}>({slots} + (k * {size} + j) * {self.slot_size(i)}u)"
            collected += [
                f"for (uint j = rank; j < {size}; j += threads) {{",
                *indented([
                    f"{type_name(dtype)} total = {identity(store.combine or '', dtype)};",
                    "for (uint k = 0; k < chunks; ++k) {",
                    f"    const {type_name(dtype)} part = {found};",
                    f"    total = {combination(store.combine or '', dtype, 'total', 'part')};",
                    "}",
                    *decode,
                    f"a{a}[{place}] = total;",
                ]),
                "}",
            ]  # fmt: skip
            base += self.partial_count(i) * self.slot_size(i)
        if not self.partial:
            return lines
        return [
            *lines,
            "threadgroup uint ticket;",
            "threadgroup_barrier(mem_flags::mem_device);",
            "if (rank == 0) ticket = atomic_fetch_add_explicit(state, 1u, memory_order_relaxed);",
            "threadgroup_barrier(mem_flags::mem_threadgroup);",
            "if (ticket != chunks - 1) return;",
            "if (rank == 0) atomic_store_explicit(state, 0u, memory_order_relaxed);",
            *collected,
        ]


def operation_name(combine: str, dtype: np.dtype) -> str:
    """The operation of reductions.metal by which values combine."""
    if dtype == np.bool_:
        return "Or" if combine in ("add", "maximum") else "And"
    return combine.capitalize()


def indented(lines: Sequence[str]) -> list[str]:
    """One level deeper."""
    return ["    " + line for line in lines]
