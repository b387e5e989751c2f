"""The source of a fused step's kernel, and its arguments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..nest import Nest, Place
from ..phases import Phase, Schedule, schedule
from ..plan import Call, FusedStep, Match, Reduce, Scalar, Store, View
from .jit import HELPERS, parameters

SCALARS = {"f": "float64", "c": "complex128", "i": "int64", "u": "uint64", "b": "int64"}
"""How a scalar argument lies in memory, by the kind of its dtype."""
TILE = 1024
"""Columns of a flat step that are combined at once: the rounding error of a sum stays small."""

Generated = tuple[str, tuple[View, ...], tuple[Scalar, ...], tuple[int, ...]]
"""Source, and what its argument words stand for: arrays, scalars, numbers."""


def source_of(step: FusedStep, nest: Nest, grain: int, slots: dict[int, View]) -> Generated:
    """The kernel of a step; stores numbered in `slots` go to memory of each chunk's own there."""
    return _Source(step, nest, grain, slots).generate()


def row_bytes(step: FusedStep, nest: Nest) -> int:
    """Bytes of row memory that the kernel of a step takes."""
    made = _Source(step, nest, 1, {})
    kept = [made.entries[k].dtype.itemsize for phase in made.schedule.phases for k in phase.kept]
    return math.prod(nest.columns) * sum(kept)


def fill_source(dtype: np.dtype, combine: str) -> str:
    """A kernel that sets elements of an array to the identity of a combination."""
    return (
        "def fused(args, start, stop):\n"
        f"    a = pointer(args[0], {stored_name(dtype)})\n"
        "    for j in range(start, stop):\n"
        f"        store(a, j, {stored_name(dtype)}({identity(combine, dtype)}), 0, 1)\n"
        "    return 0\n"
    )


def identity(combine: str, dtype: np.dtype) -> str:
    """What changes nothing where it is combined, as source."""
    if combine in ("add", "multiply"):
        return "0" if combine == "add" else "1"
    if dtype.kind == "f":
        return "-np.inf" if combine == "maximum" else "np.inf"
    if dtype == np.bool_:
        return "0" if combine == "maximum" else "1"
    limits = np.iinfo(dtype)
    return str(limits.min if combine == "maximum" else limits.max)


def combination(combine: str, dtype: np.dtype, x: str, y: str) -> str:
    """Two values combined, as source: operators, so that the loop's leave to reorder sums applies."""
    if dtype == np.bool_:
        return f"{x} {'|' if combine in ('add', 'maximum') else '&'} {y}"
    if combine in ("add", "multiply"):
        return f"{dtype}({x} {'+' if combine == 'add' else '*'} {y})"
    if dtype.kind == "f":
        return f"{'larger' if combine == 'maximum' else 'smaller'}({x}, {y})"
    return f"({x} if {x} {'>' if combine == 'maximum' else '<'} {y} else {y})"


def stored_name(dtype: np.dtype) -> str:
    """Name of the dtype in memory: Numba has no pointers to bool."""
    return "uint8" if dtype == np.bool_ else str(dtype)


class _Source:
    """Lines of source, and the numbers that they take as arguments."""

    def __init__(self, step: FusedStep, nest: Nest, grain: int, slots: dict[int, View]) -> None:
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
        return any(place.column_strides) or any(place.column_bounds)

    def generate(self) -> Generated:
        for i, s in enumerate(self.scalars):
            dtype = s.aval.dtype
            self.head.append(
                f"s{i} = {dtype}(pointer({self.word(len(self.views) + i)}, {SCALARS[dtype.kind]})[0])"
            )
        if any(phase.kept for phase in self.schedule.phases):
            self.head.append(f"columns = {' * '.join(map(self.column_size, range(len(self.nest.columns))))}")
        for phase in self.schedule.phases:
            for k in phase.kept:
                self.head.append(f"m{k} = row_memory(columns, {stored_name(self.entries[k].dtype)})")
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
        return f"args[{i}]"

    def number(self, value: int) -> str:
        """An argument of this value, read at the beginning: loops cannot know that it stays."""
        return self.named(f"k{len(self.numbers)}", value)

    def named(self, name: str, value: int) -> str:
        """The same under a name of its own."""
        self.head.append(f"{name} = {self.word(self.first_number + len(self.numbers))}")
        self.numbers.append(value)
        return name

    def column_size(self, axis: int) -> str:
        """Size of a column axis: a constant where columns are written out."""
        if self.nest.static:
            return str(self.nest.columns[axis])
        name = f"n{axis}"
        if not any(line.startswith(f"{name} = ") for line in self.head):
            self.named(name, self.nest.columns[axis])
        return name

    # --- rows --------------------------------------------------------------------------------------------

    def rows(self, inside: list[str]) -> list[str]:
        """The loop over rows, or over groups of them with a loop over the rows of a group inside."""
        sizes = self.nest.rows
        if not sizes:
            return inside
        shared = sizes[:-1] if self.nest.inner > 1 else sizes
        if self.nest.inner > 1:
            inside = [f"for i{len(sizes) - 1} in range({self.named('inner', sizes[-1])}):", *indented(inside)]
        if len(shared) == 1:
            return ["for i0 in range(start, stop):", *indented(inside)]
        decode = ["rest = row"]
        for axis in range(len(shared) - 1, 0, -1):
            size = self.named(f"size{axis}", sizes[axis])
            decode += [f"i{axis} = rest % {size}", f"rest = rest // {size}"]
        return ["for row in range(start, stop):", *indented([*decode, "i0 = rest", *inside])]

    def bases(self) -> list[str]:
        """Pointers to the first column of a row, and the bounds of views that do not cover it."""
        lines = []
        for a, (view, place) in enumerate(zip(self.views, self.nest.places, strict=True)):
            assert isinstance(view, View)
            terms = [f"w{a}"]
            size = view.dtype.itemsize
            begin, store = self.word(a), a - len(self.loaded)
            if store >= 0 and self.step.stores[store].combine and self.nest.unit(place) > 1:
                slot = self.slot_size(store) * size if store in self.slots else 0
                begin = f"{self.word(a)} + start // {self.number(self.grain)} * {self.number(slot)}"
            self.head.append(f"w{a} = {begin}")
            for axis, stride in enumerate(place.row_strides):
                if stride:
                    terms.append(f"i{axis} * {self.number(stride * size)}")
            address = " + ".join(terms)
            lines += [f"p{a} = {address}", self.pointer(f"a{a}", a, f"p{a}")]
            if store < 0 and view.inside is not None:
                lines += self.bounds(a, place)
        return lines

    def slot_size(self, store: int) -> int:
        layout = self.step.stores[store].view.layout
        return int(np.prod([n for n, s in zip(layout.shape, layout.strides, strict=True) if s], dtype=np.int64))

    def pointer(self, name: str, a: int, address: str) -> str:
        return f"{name} = pointer({address}, {stored_name(self.views[a].dtype)})"  # type: ignore[union-attr]

    def bounds(self, a: int, place: Place) -> list[str]:
        """Whether a row lies inside a view that does not cover the domain."""
        conditions = [
            f"(i{axis} >= {self.number(b[0])}) & (i{axis} < {self.number(b[1])})"
            for axis, b in enumerate(place.row_bounds)
            if b is not None
        ]
        lines = [f"in{a} = {' & '.join(conditions) or 'True'}"]
        for axis, b in enumerate(place.column_bounds):
            if b is not None:
                self.named(f"low{a}_{axis}", b[0])
                self.named(f"high{a}_{axis}", b[1])
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
            lines.append(self.stored(store, f"a{self.store_array(store)}", "0", f"v{store.value}"))
        return lines

    def row_number(self) -> str:
        """Number of the row among all."""
        sizes = self.nest.rows
        if not sizes:
            return "0"
        shared = sizes[:-1] if self.nest.inner > 1 else sizes
        text = "i0" if len(shared) == 1 else "row"
        return f"{text} * {self.number(self.nest.inner)} + i{len(sizes) - 1}" if self.nest.inner > 1 else text

    def row_value(self, k: int) -> str:
        entry = self.entries[k]
        if isinstance(entry, Reduce):
            return f"r{k}"
        return self.value(k, f"a{self.array.get(k)}", "0", False)

    # --- columns -----------------------------------------------------------------------------------------

    def phase(self, phase: Phase) -> list[str]:
        """The loop over columns, and the work for the row behind it."""
        registers = [i for i, s in enumerate(self.step.stores) if s in phase.stores and self.is_register(s)]
        lines = [f"r{k} = {self.identity(self.entries[k].name, self.entries[k].dtype)}" for k in phase.reductions]
        lines += [f"q{i} = {self.identity(s.combine or '', s.view.dtype)}"
                  for i in registers for s in [self.step.stores[i]]]  # fmt: skip
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
            store = self.step.stores[i]
            a = self.store_array(store)
            full.append(self.stored(store, f"a{a}", "0", f"q{i}"))
        return full + self.row(phase)

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
        entry = self.entries[k]
        return isinstance(entry, Call) and entry.dtype.kind == "f" and f"{entry.name}_near" in HELPERS

    @property
    def tiled(self) -> bool:
        """Whether columns, of which there is one axis, are combined a tile at a time."""
        return any(s.combine for s in self.step.stores) and not self.step.has_rows and not self.nest.static

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
        if not partial or self.nest.static or len(self.nest.columns) > 1:
            lines = [
                f"for j in range({first}, {last}):",
                *indented([*self.columns(phase, registers, near), *more]),
            ]
            for axis in range(len(self.nest.columns) - 2, -1, -1):
                lines = [f"for c{axis} in range({self.column_size(axis)}):", *indented(lines)]
            return lines
        bounds = [a for a in partial if self.nest.places[a].column_bounds[0] is not None]
        begin, end = [f"low{a}_0" for a in bounds], [f"high{a}_0" for a in bounds]
        lines = [
            f"whole = {' & '.join(f'in{a}' for a in partial)}",
            f"begin = min(max({', '.join([first, *begin])}), {last}) if whole else {last}"
            if begin
            else f"begin = {first} if whole else {last}",
            f"end = max(begin, min({', '.join([last, *end])}))" if end else f"end = {last}",
        ]
        for start, stop, inside in ((first, "begin", False), ("begin", "end", True), ("end", last, False)):
            body = self.columns(phase, registers, near, inside)
            lines += [f"for j in range({start}, {stop}):", *indented([*body, *more])]
        return lines

    def columns(self, phase: Phase, registers: list[int], near: bool, inside: bool = False) -> list[str]:
        """What is computed for one column, of which it may be known that it lies inside all views."""
        stores = [i for i, s in enumerate(self.step.stores) if s in phase.stores]
        arrays = [self.array[k] for k in phase.columns if k in self.array]
        arrays += [len(self.loaded) + i for i in stores if i not in registers]
        lines = self.column_pointers(arrays)
        for k in phase.columns:
            recalled = f"m{k}[{self.linear()}]" + (" != 0" if self.entries[k].dtype == np.bool_ else "")
            lines.append(f"v{k} = {recalled if k in phase.recalled else self.column_value(k, near, inside)}")
        for k in phase.kept:
            lines.append(f"m{k}[{self.linear()}] = v{k}")
        for k in phase.reductions:
            entry = self.entries[k]
            value = combination(entry.name, entry.dtype, f"r{k}", f"v{entry.operand}")
            lines.append(f"r{k} = {value if entry.where is None else f'{value} if v{entry.where} else r{k}'}")
        for i in stores:
            store = self.step.stores[i]
            if i in registers:
                assert store.combine
                lines.append(f"q{i} = {combination(store.combine, store.view.dtype, f'q{i}', f'v{store.value}')}")
            else:
                a = self.store_array(store)
                lines.append(self.stored(store, self.column_pointer(a), self.index(a), f"v{store.value}"))
        return lines

    def column_pointer(self, a: int) -> str:
        """Name of the pointer to what the last column axis runs over."""
        return f"b{a}" if len(self.nest.columns) > 1 else f"a{a}"

    def column_pointers(self, arrays: Sequence[int]) -> list[str]:
        """Pointers to the last column axis, where there are several."""
        lines = []
        for a in dict.fromkeys(arrays) if len(self.nest.columns) > 1 else ():
            size = self.views[a].dtype.itemsize  # type: ignore[union-attr]
            strides = self.nest.places[a].column_strides[:-1]
            terms = [f"c{axis} * {self.named(f'u{a}_{axis}', s * size)}" for axis, s in enumerate(strides) if s]
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
        stride = self.nest.places[a].column_strides[-1]
        if stride in (0, 1):
            return "j" if stride else "0"
        if self.nest.static:
            return f"j * {self.number(stride)}"
        name = f"t{a}"
        return f"j * {name if any(x.startswith(f'{name} = ') for x in self.head) else self.named(name, stride)}"

    def column_value(self, k: int, near: bool, inside: bool) -> str:
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
        return len(self.loaded) + next(i for i, s in enumerate(self.step.stores) if s is store)

    def stored(self, store: Store, pointer: str, index: str, value: str) -> str:
        dtype, scope = store.view.dtype, f"{self.store_array(store)}, {len(self.views)}"
        if store.combine:
            before = f"load({pointer}, {index}, {scope})"
            if dtype == np.bool_:
                before = f"({before} != 0)"
            value = combination(store.combine, dtype, before, value)
        return f"store({pointer}, {index}, {stored_name(dtype)}({value}), {scope})"

    def identity(self, combine: str, dtype: np.dtype) -> str:
        return (
            f"{dtype}({identity(combine, dtype)})" if dtype != np.bool_ else str(identity(combine, dtype) == "1")
        )


def indented(lines: Sequence[str]) -> list[str]:
    """One level deeper."""
    return ["    " + line for line in lines]
