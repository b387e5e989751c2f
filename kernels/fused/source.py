"""The source of a fused step's kernel, and its arguments, row by row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...devices.nest import Nest, Place
from ...devices.phases import Phase, Schedule, schedule
from ...planning.plan import Call, FusedStep, Match, Reduce, Scalar, Store, View
from ..elements.registry import HELPERS, parameters
from .text import combination, folded, identity, indented, stored_name

SCALARS = {"f": "float64", "c": "complex128", "i": "int64", "u": "uint64", "b": "int64"}
"""How a scalar argument lies in memory, by the kind of its dtype."""
TILE = 1024
"""Columns of a flat step that are combined at once: the rounding error of a sum stays small."""

Generated = tuple[str, tuple[View, ...], tuple[Scalar, ...], tuple[int, ...]]
"""Source, and what its argument words stand for: arrays, scalars, numbers."""


class Source:
    """Lines of source, and the numbers that they take as arguments.

    Stores numbered in `slots` go to memory of each chunk's own there.
    """

    def __init__(self, step: FusedStep, nest: Nest, grain: int, slots: Mapping[int, View]) -> None:
        self.step, self.nest, self.grain, self.slots = step, nest, grain, slots
        self.entries: list[Any] = [*step.loads, *step.body]
        self.loaded = [k for k, o in enumerate(step.loads) if isinstance(o, View)]
        self.views = [step.loads[k] for k in self.loaded] + [
            slots.get(i, store.view) for i, store in enumerate(step.stores)
        ]
        self.array = {k: a for a, k in enumerate(self.loaded)}  # number of a load's array
        fills = [o.fill for o in step.loads if isinstance(o, View) and o.fill]
        self.scalars = list(dict.fromkeys([*(o for o in step.loads if isinstance(o, Scalar)), *fills]))
        self.first_number = len(self.views) + len(self.scalars)
        self.numbers: list[int] = []
        self.head: list[str] = []
        vary = [k in self.array and self.varies(nest.places[self.array[k]]) for k in range(len(step.loads))]
        self.schedule: Schedule = schedule(step, vary)
        self.fixed: set[int] = set()
        """Values that are the same for all rows, too."""
        for k, entry in enumerate(self.entries):
            if isinstance(entry, View):
                place = nest.places[self.array[k]]
                fixed = entry.inside is None and not (vary[k] or any(place.row_strides))
            else:
                fixed = isinstance(entry, Scalar) or (
                    isinstance(entry, Call) and self.fixed.issuperset(entry.operands)
                )
            if fixed:
                self.fixed.add(k)

    @staticmethod
    def varies(place: Place) -> bool:
        """Whether an array moves along the columns, or ends among them."""
        return any(place.column_strides) or any(place.column_bounds)

    def row_bytes(self) -> int:
        """Bytes of row memory that the kernel takes."""
        kept = [self.entries[k].dtype.itemsize for phase in self.schedule.phases for k in phase.kept]
        return math.prod(self.nest.columns) * max(self.nest.lanes, 1) * sum(kept)

    def generate(self) -> Generated:
        """The kernel."""
        for i, s in enumerate(self.scalars):
            dtype = s.aval.dtype
            self.head.append(
                f"s{i} = {dtype}(pointer({self.word(len(self.views) + i)}, {SCALARS[dtype.kind]})[0])"
            )
        for phase in self.schedule.phases:
            for k in phase.kept:
                self.memory(f"m{k}", self.entries[k].dtype)
        body = [line for phase in self.schedule.phases for line in self.phase(phase)]
        if self.tiled:
            first, last = self.column_range()
            body = [
                f"for low in range({first}, {last}, {TILE}):",
                *indented([f"high = min(low + {TILE}, {last})", *body]),
            ]
        inside = [*self.bases(), *self.row(self.schedule.before), *body]
        for k in sorted(self.fixed):
            a = self.array.get(k)
            if a is not None:
                self.head.append(self.pointer(f"f{a}", a, f"w{a}"))
            self.head.append(f"v{k} = {self.value(k, f'f{a}', '0', False)}")
        lines = inside if self.nest.flat else self.rows(inside)
        status = "0"
        if self.step.matches:
            status = "wrong + 1 if wrong < none else 0"
            self.head.append(f"wrong = {self.named('none', math.prod(self.nest.rows))}")
        source = (
            "\n".join(["def fused(args, start, stop):", *indented([*self.head, *lines, f"return {status}"])])
            + "\n"
        )
        return source, tuple(self.views), tuple(self.scalars), tuple(self.numbers)

    # --- arguments ---------------------------------------------------------------------------------------

    @staticmethod
    def word(i: int) -> str:
        """An argument."""
        return f"args[{i}]"

    def number(self, value: int) -> str:
        """An argument of this value, read at the beginning: loops cannot know that it stays."""
        return self.named(f"k{len(self.numbers)}", value)

    def named(self, name: str, value: int) -> str:
        """The same under a name of its own."""
        self.head.append(f"{name} = {self.word(self.first_number + len(self.numbers))}")
        self.numbers.append(value)
        return name

    def constant(self, name: str, value: int) -> str:
        """The same, wherever the name is used."""
        return name if self.is_set(name) else self.named(name, value)

    def is_set(self, name: str) -> bool:
        """Whether something has this name at the beginning."""
        return any(line.startswith(f"{name} = ") for line in self.head)

    def column_size(self, axis: int) -> str:
        """Size of a column axis."""
        return self.constant(f"n{axis}", self.nest.columns[axis])

    def memory(self, name: str, dtype: np.dtype) -> None:
        """Memory for a value of every column of a row."""
        if not self.is_set("columns"):
            self.head.append(f"columns = {' * '.join(self.memory_sizes())}")
        self.head.append(f"{name} = row_memory(columns, {stored_name(dtype)})")

    def memory_sizes(self) -> list[str]:
        """Factors of its size."""
        return [self.column_size(axis) for axis in range(len(self.nest.columns))]

    def place(self) -> str:
        """Where a column has its value there."""
        return self.linear()

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
            size = self.named(f"size{axis}", sizes[axis])
            decode += [f"i{axis} = rest % {size}", f"rest = rest // {size}"]
        return ["for row in range(start, stop):", *indented([*decode, "i0 = rest", *inside])]

    def bases(self) -> list[str]:
        """Pointers to the first column of a row, and whether views that do not cover it do."""
        lines = []
        for a in range(len(self.views)):
            lines += self.base(a, {axis: f"i{axis}" for axis in range(len(self.nest.rows))})
            lines += self.bounds(a, self.nest.places[a]) if a < len(self.loaded) else []
        return lines

    def base(self, a: int, row: Mapping[int, str]) -> list[str]:
        """The pointer to what an array has in a row, given by indices along axes."""
        place, size, store = self.nest.places[a], self.views[a].dtype.itemsize, a - len(self.loaded)
        begin = self.word(a)
        if store >= 0 and self.step.stores[store].combine and self.nest.unit(place) > 1:
            slot = self.slot_size(store) * size if store in self.slots else 0
            begin = f"{begin} + start // {self.number(self.grain)} * {self.number(slot)}"
        self.head.append(f"w{a} = {begin}")
        strides = [(index, place.row_strides[axis]) for axis, index in row.items()]
        terms = [f"w{a}", *(f"{index} * {self.number(stride * size)}" for index, stride in strides if stride)]
        return [f"p{a} = {' + '.join(terms)}", self.pointer(f"a{a}", a, f"p{a}")]

    def slot_size(self, store: int) -> int:
        """Elements of what each chunk has of its own."""
        layout = self.step.stores[store].view.layout
        return int(np.prod([n for n, s in zip(layout.shape, layout.strides, strict=True) if s], dtype=np.int64))

    def pointer(self, name: str, a: int, address: str) -> str:
        """An address as a pointer into an array."""
        return f"{name} = pointer({address}, {stored_name(self.views[a].dtype)})"  # type: ignore[union-attr]

    def bounds(self, a: int, place: Place) -> list[str]:
        """Whether a row lies inside a view, if this does not cover the domain."""
        if self.views[a].inside is None:
            return []
        conditions = [
            f"(i{axis} >= {self.number(b[0])}) & (i{axis} < {self.number(b[1])})"
            for axis, b in enumerate(place.row_bounds)
            if b is not None
        ]
        lines = [f"in{a} = {' & '.join(conditions) or 'True'}"]
        for axis, b in enumerate(place.column_bounds):
            if b is not None:
                self.constant(f"low{a}_{axis}", b[0])
                self.constant(f"high{a}_{axis}", b[1])
        return lines

    def row(self, phase: Phase) -> list[str]:
        """What is computed once for a row."""
        lines = [f"v{k} = {self.row_value(k)}" for k in phase.row if k not in self.fixed]
        for match in self.step.matches:
            if match.operand in phase.row:
                k, columns = match.operand, self.number(math.prod(self.nest.columns))
                wrong = f"{self.row_number()} if (v{k} < 0) | (v{k} >= {columns}) else none"
                lines.append(f"wrong = min(wrong, {wrong})")  # no branch: rows may be vectorised
        for store in phase.row_stores:
            lines.append(self.stored(store, f"v{store.value}"))
        return lines

    def row_number(self) -> str:
        """Number of the row among all."""
        return ("0", "i0", "row")[min(len(self.nest.rows), 2)]

    def row_index(self, a: int) -> str:
        """Where an array has what belongs to a row."""
        return "0"

    def row_value(self, k: int) -> str:
        """A value of the row, as source."""
        entry = self.entries[k]
        if isinstance(entry, Reduce):
            return f"r{k}"
        a = self.array.get(k)
        return self.value(k, f"a{a}", "0" if a is None else self.row_index(a), False)

    # --- columns -----------------------------------------------------------------------------------------

    def phase(self, phase: Phase) -> list[str]:
        """The loop over columns, and the work for the row behind it."""
        registers = [i for i, s in enumerate(self.step.stores) if s in phase.stores and self.is_register(s)]
        lines = [*self.reductions(phase), *map(self.cleared, registers)]
        full = [*lines, *self.over_columns(phase, registers, near=False)]
        if angles := self.angles(phase):
            far = [f"far |= is_far(v{k})" for k in angles]
            if any(s.combine and not self.is_register(s) for s in phase.stores):  # must not run twice
                look = self.over_columns(self.needed(phase, angles), [], True, far)
                near = ["else:", *indented([*lines, *self.over_columns(phase, registers, near=True)])]
                full = ["far = False", *look, "if far:", *indented(full), *near]
            else:
                near = [*lines, *self.over_columns(phase, registers, True, far)]
                full = ["far = False", *near, "if far:", *indented(full)]
        for i in registers:
            full.append(self.stored(self.step.stores[i], f"q{i}"))
        return full + self.row(phase)

    def reductions(self, phase: Phase) -> list[str]:
        """What reductions begin with."""
        return [f"r{k} = {self.begins(self.entries[k])}" for k in phase.reductions]

    def begins(self, entry: Reduce) -> str:
        """What a reduction of nothing is, as source."""
        if entry.where is not None and entry.dtype.kind == "f":
            return f"{entry.dtype}(-0.0)"  # which changes no number that is added
        return self.identity("add" if entry.where is not None else entry.name, entry.dtype)

    def reduced(self, k: int) -> str:
        """A reduction with one more column, as source.

        Of columns with a condition there is one at most: to add it to nothing is vectorised, a choice is not.
        """
        entry = self.entries[k]
        value = f"v{entry.operand}"
        if entry.where is None:
            return combination(entry.name, entry.dtype, f"r{k}", value)
        return combination("add", entry.dtype, f"r{k}", f"({value} if v{entry.where} else {self.begins(entry)})")

    def cleared(self, i: int) -> str:
        """What the combination of a store begins with."""
        store = self.step.stores[i]
        return f"q{i} = {self.identity(store.combine or '', store.view.dtype)}"

    def is_register(self, store: Store) -> bool:
        """Whether a store combines all columns into one place."""
        place = self.nest.places[self.store_array(store)]
        return bool(store.combine) and not store.row and not any(place.column_strides)

    def angles(self, phase: Phase) -> list[int]:
        """Values that are angles, of which near forms of element functions take only moderate ones."""
        found = [self.entries[k].operands[parameters(self.entries[k].name).index("x")]
                 for k in phase.columns if k not in phase.recalled and self.has_near(k)]  # fmt: skip
        return list(dict.fromkeys(found))

    def needed(self, phase: Phase, values: Sequence[int]) -> Phase:
        """What of the columns of a phase these values need."""
        found = set(values)
        for k in reversed(phase.columns):
            if k in found and k not in phase.recalled and k not in self.array:
                found.update(self.entries[k].operands)
        return Phase([k for k in phase.columns if k in found], phase.recalled)

    def has_near(self, k: int) -> bool:
        """Whether a value has a form for moderate angles."""
        entry = self.entries[k]
        return isinstance(entry, Call) and entry.dtype.kind == "f" and f"{entry.name}_near" in HELPERS

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
        return ("start", "stop") if self.nest.flat else ("0", self.column_size(len(self.nest.columns) - 1))

    def over_columns(self, phase: Phase, registers: list[int], near: bool, more: Sequence[str] = ()) -> list[str]:
        """Loops over the column axes, or over a tile, around what is computed for a column.

        Where all views that do not cover the domain have elements, loads need not ask.
        """
        first, last = ("low", "high") if self.tiled else self.column_range()
        loaded = [self.array[k] for k in phase.columns if k in self.array]
        partial = [a for a in loaded if any(self.nest.places[a].row_bounds + self.nest.places[a].column_bounds)]
        if not partial or not self.divided:
            return self.column_loops(phase, [*self.columns(phase, registers, near), *more], first, last)
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
            body = self.columns(phase, registers, near, inside)
            lines += [f"for j in range({start}, {stop}):", *indented([*body, *more])]
        return lines

    def column_loops(self, phase: Phase, lines: list[str], first: str, last: str) -> list[str]:
        """Loops over all column axes, of the last over a part, around what is computed for a column."""
        lines = [*self.column_pointers(self.arrays(phase)), *lines]
        lines = [f"for j in range({first}, {last}):", *indented(lines)]
        for axis in range(len(self.nest.columns) - 2, -1, -1):
            lines = [f"for c{axis} in range({self.column_size(axis)}):", *indented(lines)]
        return lines

    def arrays(self, phase: Phase) -> list[int]:
        """Arrays that the columns of a phase move along."""
        stores = [a for a in map(self.store_array, phase.stores) if any(self.nest.places[a].column_strides)]
        return [*(self.array[k] for k in phase.columns if k in self.array), *stores]

    def columns(self, phase: Phase, registers: list[int], near: bool, inside: bool = False) -> list[str]:
        """What is computed for one column, of which it may be known that it lies inside all views."""
        lines = []
        for k in phase.columns:
            recalled = self.recall(f"m{k}[{self.place()}]", k)
            lines.append(f"v{k} = {recalled if k in phase.recalled else self.column_value(k, near, inside)}")
        for k in phase.kept:
            lines.append(f"m{k}[{self.place()}] = v{k}")
        lines += [f"r{k} = {self.reduced(k)}" for k in phase.reductions]
        for i, store in enumerate(self.step.stores):
            if store not in phase.stores:
                continue
            if i in registers:
                assert store.combine
                lines.append(f"q{i} = {combination(store.combine, store.view.dtype, f'q{i}', f'v{store.value}')}")
            else:
                lines.append(self.stored(store, f"v{store.value}", column=True))
        return lines

    def recall(self, place: str, k: int) -> str:
        """A value in memory, as source."""
        return f"{place} != 0" if self.entries[k].dtype == np.bool_ else place

    def column_pointer(self, a: int) -> str:
        """Name of the pointer to what the last column axis runs over."""
        return f"b{a}" if len(self.nest.columns) > 1 and any(self.nest.places[a].column_strides) else f"a{a}"

    def column_pointers(self, arrays: Sequence[int]) -> list[str]:
        """Pointers to the last column axis, where there are several."""
        lines = []
        for a in dict.fromkeys(arrays) if len(self.nest.columns) > 1 else ():
            size = self.views[a].dtype.itemsize  # type: ignore[union-attr]
            strides = self.nest.places[a].column_strides[:-1]
            terms = [f"c{axis} * {self.constant(f'u{a}_{axis}', s * size)}" for axis, s in enumerate(strides) if s]
            lines.append(self.pointer(f"b{a}", a, " + ".join([f"p{a}", *terms])))
        return lines

    def linear(self) -> str:
        """Number of a column in the row."""
        text = "j"
        axes = len(self.nest.columns)
        if axes > 1:
            text = "c0"
            for axis in range(1, axes):
                text = f"({text}) * {self.column_size(axis)} + {'j' if axis == axes - 1 else f'c{axis}'}"
        return text

    def index(self, a: int) -> str:
        """Where an array has what belongs to a column."""
        stride = self.nest.places[a].column_strides[-1]
        return self.term("j", stride, f"t{a}") or "0"

    def term(self, index: str, stride: int, name: str) -> str:
        """An index times a stride, which has a name; nothing of 0."""
        if stride in (0, 1):
            return index if stride else ""
        return f"{index} * {self.constant(name, stride)}"

    def column_value(self, k: int, near: bool, inside: bool) -> str:
        """A value of a column, as source."""
        if k not in self.array:
            return self.value(k, "", "", near)
        return self.load(k, self.column_pointer(self.array[k]), self.index(self.array[k]), inside)

    def value(self, k: int, pointer: str, index: str, near: bool) -> str:
        """A loaded or computed value, as source."""
        entry = self.entries[k]
        if isinstance(entry, Scalar):
            return f"s{self.scalars.index(entry)}"
        if isinstance(entry, View):
            return self.load(k, pointer, index)
        operands = [f"v{i}" for i in entry.operands]
        if isinstance(entry, Match):
            return f"{operands[0]} == {self.linear()}"
        if entry.name == "astype":
            return f"{entry.dtype}({operands[0]})"
        name = f"{entry.name}_near" if near and self.has_near(k) else entry.name
        return f"{entry.dtype}({name}({', '.join([*operands, *map(repr, entry.statics)])}))"

    def load(self, k: int, pointer: str, index: str, inside: bool = False) -> str:
        """A loaded value, as source: outside of a view that does not cover the domain, what it is filled with."""
        view, a = self.step.loads[k], self.array[k]
        assert isinstance(view, View)
        text = f"load({pointer}, {index}, {a}, {len(self.views)})"
        if view.dtype == np.bool_:
            text = f"({text} != 0)"
        if inside or view.inside is None:
            return text
        assert view.fill is not None
        axes = len(self.nest.columns)
        names = ["j" if axis == axes - 1 else f"c{axis}" for axis in range(axes)]
        conditions = [f"in{a}"] + [
            f"({name} >= low{a}_{axis}) & ({name} < high{a}_{axis})"
            for axis, (name, b) in enumerate(zip(names, self.nest.places[a].column_bounds, strict=True))
            if b is not None
        ]
        return f"({text} if {' & '.join(conditions)} else s{self.scalars.index(view.fill)})"

    def store_array(self, store: Store) -> int:
        """The number of a store's array."""
        return len(self.loaded) + next(i for i, s in enumerate(self.step.stores) if s is store)

    def stored(self, store: Store, value: str, column: bool = False) -> str:
        """A value of the row or of a column goes where it is stored, as source."""
        dtype, a = store.view.dtype, self.store_array(store)
        pointer, index = (self.column_pointer(a), self.index(a)) if column else (f"a{a}", self.row_index(a))
        scope = f"{a}, {len(self.views)}"
        if store.combine:
            before = f"load({pointer}, {index}, {scope})"
            if dtype == np.bool_:
                before = f"({before} != 0)"
            value = combination(store.combine, dtype, before, value)
        return f"store({pointer}, {index}, {stored_name(dtype)}({value}), {scope})"

    def identity(self, combine: str, dtype: np.dtype) -> str:
        """The identity of a combination as a value of a dtype."""
        return (
            f"{dtype}({identity(combine, dtype)})" if dtype != np.bool_ else str(identity(combine, dtype) == "1")
        )
