"""The text of a fused step's kernel in Metal's language, and its arguments."""

from __future__ import annotations

import math

import numpy as np

from ...devices.phases import Phase
from ...planning.plan import FusedStep, Match, Reduce, Scalar, Store, View
from ..dispatch import Allocate, Dispatch, from_memory, to_memory, type_name, value_name
from ..elements.library import libraries
from ..structural.indexing import position_error
from ..structural.reductions import SIMDGROUPS, held
from .combining import OVER_ROWS, UNROLLED, OverRows, alias, declared, indented, over_team, taken
from .grid import LANES, Grid, Kind
from .values import Values
from .words import Words


def dispatch_of(step: FusedStep, grid: Grid, allocate: Allocate) -> Dispatch:
    """The kernel of a step, of which no store is irregular."""
    return _Source(step, grid).generate(allocate)


def fill_dispatch(view: View, combine: str) -> Dispatch:
    """A kernel that sets an array to what changes nothing where it is combined."""
    dtype = type_name(view.dtype)
    size = math.prod(view.layout.shape)
    source = "\n".join([
        "kernel void run(",
        f"    device {dtype} *a [[buffer(0)]], device atomic_uint *state [[buffer(1)]],",
        "    constant int *words [[buffer(2)]],",
        "    uint i [[thread_position_in_grid]]) {",
        f"    typedef {held(combine, view.dtype)} Held;",
        "    if (i < uint(words[0])) a[uint(words[1]) + i] = Held::value(helper::nothing<Held>());",
        "    if (i == uint(words[0]) - 1u) helper::finished(state);",
        "}",
    ]) + "\n"  # fmt: skip
    return Dispatch(source, libraries(source), (view,), (), (size, view.layout.offset), size)


TEAM_OF_THREADGROUP = [
    "uint rank [[thread_index_in_threadgroup]],",
    "uint threads [[threads_per_threadgroup]],",
    "uint group [[threadgroup_position_in_grid]],",
    "uint lane [[thread_index_in_simdgroup]],",
    "uint simdgroup [[simdgroup_index_in_threadgroup]],",
    "uint simdgroups [[simdgroups_per_threadgroup]]) {",
]
TEAM_OF_SIMDGROUP = [
    "uint rank [[thread_index_in_simdgroup]],",
    "uint index [[threadgroup_position_in_grid]],",
    "uint simdgroup [[simdgroup_index_in_threadgroup]],",
    "uint simdgroups [[simdgroups_per_threadgroup]]) {",
]
"""Where a thread stands: `rank` in its team, which is the one with the number `group`, of `threads`."""


class _Source:
    """Lines of text, and what its argument words stand for."""

    def __init__(self, step: FusedStep, grid: Grid) -> None:
        self.step, self.grid = step, grid
        self.words = Words(list(dict.fromkeys([o for o in step.reads if isinstance(o, Scalar)])))
        self.values = Values(step, grid, self.words)
        self.first_store = len(self.values.array)
        self.views = step.views
        if step.then:
            known = {view.buffer for view in self.views}
            self.views += [v for v in dict.fromkeys([*step.then.loads, *step.then.writes])
                           if isinstance(v, View) and v.buffer not in known]  # fmt: skip
        self.over_rows = OverRows(step, grid, self.words)
        self.schedule = self.values.schedule

    def generate(self, allocate: Allocate) -> Dispatch:
        body = [
            *self.words.decode("row", "i", self.grid.rows),
            *self.bases(),
            *self.work(self.schedule.before),
        ]
        for phase in self.schedule.phases:
            body += self.phase(phase)
        results = self.over_rows
        lines = self.head()
        if self.grid.chunks:
            lines += [*results.begin(), *self.row_loop(body), *results.finish(), *self.continued()]
        else:
            lines += ["if (row >= rows) return;", *body]
        lines.append(results.receipt())
        lines = [*self.words.scalar_values(), *self.aliases(), *lines]  # behind all numbers
        own = tuple([v for a, v in enumerate(self.views) if self.parameter(a) == a])
        memory = (*own, *results.allocate(allocate))
        text = "\n".join([*self.signature(), *indented(lines), "}"]) + "\n"
        scalars, numbers = tuple(self.words.scalars), tuple(self.words.numbers)
        error = None
        if self.step.matches:
            columns = math.prod(self.step.shape[self.step.rows :])
            error = position_error(Match.primitive, columns)
        return Dispatch(text, libraries(text), memory, scalars, numbers, self.grid.count, results.state, error)

    # --- arguments ---------------------------------------------------------------------------------------

    def signature(self) -> list[str]:
        """The beginning of the kernel."""
        arguments = [
            f"device {'const ' if a < self.first_store else ''}{type_name(v.dtype)} *a{a}"
            for a, v in enumerate(self.views)
            if self.parameter(a) == a
        ]
        arguments += self.over_rows.arguments()
        arguments = [f"{text} [[buffer({i})]]," for i, text in enumerate([*arguments, "constant int *words"])]
        if not self.grid.chunks:
            return ["kernel void run(", *indented([*arguments, "uint row [[thread_position_in_grid]]) {"])]
        built_in = TEAM_OF_SIMDGROUP if self.grid.by_simdgroups else TEAM_OF_THREADGROUP
        limit = f"[[max_total_threads_per_threadgroup({self.grid.group})]]"
        return [f"{limit} kernel void run(", *indented([*arguments, *built_in])]

    def parameter(self, a: int) -> int:
        """The array as whose parameter an array is passed: once what is written, however often it is read.

        Metal's compiler takes it that no two parameters overlap.
        """
        written = [
            b for b in range(self.first_store, len(self.views)) if self.views[b].buffer == self.views[a].buffer
        ]
        return written[0] if written else a

    def aliases(self) -> list[str]:
        """Further names of what is passed once."""
        kinds = [f"device {'const ' if a < self.first_store else ''}{type_name(v.dtype)} *"
                 for a, v in enumerate(self.views)]  # fmt: skip
        passed = [(a, self.parameter(a)) for a in range(len(self.views))]
        return [f"{kinds[a]}a{a} = a{b};" for a, b in passed if a != b]

    def head(self) -> list[str]:
        """Constants, and memory of the threadgroup."""
        lines = [f"const uint rows = {self.words.number(self.grid.row_count)};"]
        if self.grid.columns:
            columns = self.grid.column_count
            lines.append(f"const uint columns = {self.words.number(columns) if self.grid.groups else columns};")
        if self.grid.by_simdgroups:
            lines.append(f"const uint threads = {LANES}u, group = index * simdgroups + simdgroup;")
        if self.grid.chunks:
            lines.append(f"const uint chunks = {self.words.number(self.grid.chunks)};")
            lines.append("if (group >= chunks) return;")
        combined = self.combined()
        lines += [f"typedef {held(combine, dtype)} {alias(combine, dtype)};" for combine, dtype in combined]
        if self.grid.chunks and not self.grid.by_simdgroups:
            names = [alias(*pair) for pair in combined]
            lines += [f"threadgroup {name}::type shared_{name}[{SIMDGROUPS}];" for name in names]
        return lines

    def combined(self) -> list[tuple[str, np.dtype]]:
        """By what values are combined, and their dtypes."""
        found = [(e.name, e.dtype) for e in self.step.body if isinstance(e, Reduce)]
        found += [(s.combine, s.view.dtype) for s in self.step.stores if s.combine]
        return list(dict.fromkeys(found))

    def continued(self) -> list[str]:
        """What one thread computes of what is combined over all."""
        then = self.step.then
        if then is None:
            return []
        array = {view.buffer: f"a{a}" for a, view in enumerate(self.views)}
        entries = [*then.loads, *then.body]
        lines = []
        for k, entry in enumerate(entries):
            if isinstance(entry, Scalar):
                value, dtype = self.words.scalar(entry), entry.aval.dtype
            elif isinstance(entry, View):
                dtype = entry.dtype
                value = from_memory(dtype, f"{array[entry.buffer]}[{self.words.number(entry.layout.offset)}]")
            else:
                value, dtype = self.values.called(entry, "w"), entry.dtype
            lines.append(f"const {value_name(dtype)} w{k} = {value};")
        for store in then.stores:
            value = to_memory(store.view.dtype, f"w{store.value}")
            lines.append(f"{array[store.view.buffer]}[{self.words.number(store.view.layout.offset)}] = {value};")
        return ["if (rank == 0) {", *indented(lines), "}"]

    # --- rows --------------------------------------------------------------------------------------------

    def row_loop(self, body: list[str]) -> list[str]:
        """The loop of a thread, or of the threads of a team together, over its rows."""
        first, step = ("group", "chunks") if self.grid.groups else ("group * threads + rank", "chunks * threads")
        return [f"for (uint row = {first}; row < rows; row += {step}) {{", *indented(body), "}"]

    def bases(self) -> list[str]:
        """Where a row begins in each array, and whether it lies inside a view that does not cover the domain."""
        lines = []
        for a, (view, place) in enumerate(zip(self.views, self.grid.places, strict=False)):
            start = self.words.moved(self.words.number(view.layout.offset), "i", place.row_strides)
            lines.append(f"const uint p{a} = {start};")
            if a < self.first_store and view.inside is not None:
                lines.append(f"const bool in{a} = {self.words.within('i', place.row_bounds) or 'true'};")
        return lines

    def work(self, phase: Phase) -> list[str]:
        """What is computed once for a row."""
        lines = [self.values.of_row(k) for k in phase.row if k not in self.values.reductions]
        for store in phase.row_stores:
            i = self.store_number(store)
            text = self.stored(i, f"p{self.first_store + i}", f"v{store.value}")
            lines.append(self.by_one(text))
        for match in self.step.matches:
            if match.operand in phase.row:
                k = match.operand
                lines.append(self.by_one(f"if (!helper::is_place(v{k}, columns)) helper::refuse(state, row);"))
        return lines

    # --- columns -----------------------------------------------------------------------------------------

    def phase(self, phase: Phase) -> list[str]:
        """The loop over columns, and the work for the row behind it."""
        entries = {k: self.values.reductions[k] for k in phase.reductions}
        reductions = [(f"r{k}", e.name, e.dtype, e.operand) for k, e in entries.items()]
        where = {f"r{k}": f"if (v{e.where}) " for k, e in entries.items() if e.where is not None}
        numbered = [(self.store_number(store), store) for store in phase.stores]
        of_rows = [(i, store) for i, store in numbered if self.grid.kinds[i] is Kind.ROW]
        combined = reductions + [(f"q{i}", s.combine or "", s.view.dtype, s.value) for i, s in of_rows]
        lines = [f"{declared(name, combine, dtype)}" for name, combine, dtype, _ in combined]
        column = [self.values.of_column(k) for k in phase.columns]
        column += [
            f"{where.get(name, '')}{name} = {taken(name, combine, dtype, f'v{k}')};"
            for name, combine, dtype, k in combined
        ]
        for i, store in numbered:
            if self.grid.kinds[i] is not Kind.ROW:
                column.append(self.stored(i, self.values.column(self.first_store + i), f"v{store.value}"))
        lines += self.column_loop(column)
        if self.grid.groups:
            lines += [over_team(self.grid, name, combine, dtype) for name, combine, dtype, _ in combined]
        for k, (name, combine, dtype, _) in zip(phase.reductions, reductions, strict=True):
            lines.append(f"const {type_name(dtype)} v{k} = {alias(combine, dtype)}::value({name});")
        for i, store in of_rows:
            a, value = self.first_store + i, f"{alias(store.combine or '', store.view.dtype)}::value(q{i})"
            lines.append(self.by_one(f"a{a}[p{a}] = {value};"))
        return lines + self.work(phase)

    def by_one(self, text: str) -> str:
        """What one of the threads that share a row does."""
        return f"if (rank == 0) {text}" if self.grid.groups else text

    def column_loop(self, body: list[str]) -> list[str]:
        if not self.grid.columns:
            return ["{", *indented(body), "}"]
        first, step = ("rank", "threads") if self.grid.groups else ("0", "1")
        inside = [*self.words.decode("j", "c", self.grid.columns), *body]
        unrolled = [] if self.grid.groups else [UNROLLED]
        return [*unrolled, f"for (uint j = {first}; j < columns; j += {step}) {{", *indented(inside), "}"]

    # --- values ------------------------------------------------------------------------------------------

    def store_number(self, store: Store) -> int:
        return next(i for i, s in enumerate(self.step.stores) if s is store)

    def stored(self, i: int, place: str, value: str) -> str:
        """A value stored for a column, or for a row."""
        if self.grid.kinds[i] in OVER_ROWS:
            return self.over_rows.stored(i, value)
        return f"a{self.first_store + i}[{place}] = {to_memory(self.step.stores[i].view.dtype, value)};"
