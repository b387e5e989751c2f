"""Where the arrays of a fused step have their elements, as source: pointers, indices, loads and stores."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ...devices.nest import Nest
from ...devices.phases import Phase
from ...planning.plan import FusedStep, Scalar, Store, View
from .arguments import Arguments
from .row_memory import RowMemory
from .text import combination, from_memory, identity_value, stored_name, to_memory


class Arrays:
    """The arrays of a step by number, those of its loads before those of its stores.

    Stores numbered in `slots` go to memory of each chunk's own there.
    """

    def __init__(self, step: FusedStep, nest: Nest, grain: int, slots: Mapping[int, View]) -> None:
        self.step, self.nest, self.grain, self.slots = step, nest, grain, slots
        loads = {k: o for k, o in enumerate(step.loads) if isinstance(o, View)}
        self.loaded = list(loads)
        """For every array that is loaded the number of the load."""
        self.array = {k: a for a, k in enumerate(loads)}
        """Number of a load's array."""
        places = {o: self.array[k] for k, o in loads.items()}
        self.overwritten = {
            i: places[store.view]
            for i, store in enumerate(step.stores)
            if not store.combine and store.view in places
        }
        """Numbers of stores to where a load is, and of its array."""
        self.views = [*loads.values(), *(slots.get(i, store.view) for i, store in enumerate(step.stores))]
        scalars = [o for o in step.loads if isinstance(o, Scalar)] + [o.fill for o in loads.values() if o.fill]
        self.arguments = Arguments(self.views, list(dict.fromkeys(scalars)))
        self.memory = RowMemory(nest, self.arguments)

    def varies(self, a: int) -> bool:
        """Whether an array moves along the columns, or ends among them."""
        place = self.nest.places[a]
        return any(place.column_strides) or any(place.column_bounds)

    def is_fixed(self, a: int) -> bool:
        """Whether an array has one element, for all rows and columns."""
        return self.views[a].inside is None and not (self.varies(a) or any(self.nest.places[a].row_strides))

    def store_of(self, a: int) -> Store:
        """The store whose array has this number."""
        return self.step.stores[a - len(self.loaded)]

    def array_of(self, store: Store) -> int:
        """The number of a store's array: that of a load, where it overwrites what this has loaded."""
        i = next(i for i, s in enumerate(self.step.stores) if s is store)
        return self.overwritten.get(i, len(self.loaded) + i)

    def along_columns(self, phase: Phase) -> list[int]:
        """Arrays that the columns of a phase move along."""
        stores = [a for a in map(self.array_of, phase.stores) if any(self.nest.places[a].column_strides)]
        return [*(self.array[k] for k in phase.columns if k in self.array), *stores]

    # --- pointers ----------------------------------------------------------------------------------------

    def base(self, a: int, row: Mapping[int, str]) -> list[str]:
        """The pointer to what an array has in a row, given by indices along axes."""
        place, size, store = self.nest.places[a], self.views[a].dtype.itemsize, a - len(self.loaded)
        number = self.arguments.number
        begin = self.arguments.word(a)
        if store >= 0 and self.store_of(a).combine and self.nest.unit(place) > 1:
            slot = self._slot_size(store) * size if store in self.slots else 0
            begin = f"{begin} + start // {number(self.grain)} * {number(slot)}"
        self.arguments.set(f"w{a}", begin)
        strides = [(index, place.row_strides[axis]) for axis, index in row.items()]
        terms = [f"w{a}", *(f"{index} * {number(stride * size)}" for index, stride in strides if stride)]
        return [f"p{a} = {' + '.join(terms)}", f"a{a} = {self.pointer(a, f'p{a}')}"]

    def _slot_size(self, store: int) -> int:
        """Elements of what each chunk has of its own."""
        layout = self.step.stores[store].view.layout
        return math.prod(n for n, s in zip(layout.shape, layout.strides, strict=True) if s)

    def pointer(self, a: int, address: str) -> str:
        """An address as a pointer into an array."""
        return f"pointer({address}, {stored_name(self.views[a].dtype)})"

    def bounds(self, a: int) -> list[str]:
        """Whether a row lies inside a view, if this does not cover the domain."""
        if self.views[a].inside is None:
            return []
        place, number = self.nest.places[a], self.arguments.number
        conditions = [
            f"(i{axis} >= {number(b[0])}) & (i{axis} < {number(b[1])})"
            for axis, b in enumerate(place.row_bounds)
            if b is not None
        ]
        for axis, b in enumerate(place.column_bounds):
            if b is not None:
                self.arguments.constant(f"low{a}_{axis}", b[0])
                self.arguments.constant(f"high{a}_{axis}", b[1])
        return [f"in{a} = {' & '.join(conditions) or 'True'}"]

    def column_pointer(self, a: int) -> str:
        """Name of the pointer to what the last column axis runs over."""
        return f"b{a}" if len(self.nest.columns) > 1 and any(self.nest.places[a].column_strides) else f"a{a}"

    def column_pointers(self, arrays: Sequence[int]) -> list[str]:
        """Pointers to the last column axis, where there are several."""
        lines = []
        for a in dict.fromkeys(arrays) if len(self.nest.columns) > 1 else ():
            size, strides = self.views[a].dtype.itemsize, self.nest.places[a].column_strides[:-1]
            constant = self.arguments.constant
            terms = [f"c{axis} * {constant(f'u{a}_{axis}', s * size)}" for axis, s in enumerate(strides) if s]
            lines.append(f"b{a} = {self.pointer(a, ' + '.join([f'p{a}', *terms]))}")
        return lines

    # --- indices -----------------------------------------------------------------------------------------

    def row_index(self, a: int) -> str:
        """Where an array has what belongs to a row."""
        return "0"

    def index(self, a: int) -> str:
        """Where an array has what belongs to a column."""
        stride = self.nest.places[a].column_strides[-1]
        return self.term("j", stride, f"t{a}") or "0"

    def term(self, index: str, stride: int, name: str) -> str:
        """An index times a stride, which has a name; nothing of 0."""
        if stride in (0, 1):
            return index if stride else ""
        return f"{index} * {self.arguments.constant(name, stride)}"

    # --- loads and stores --------------------------------------------------------------------------------

    def load(self, a: int, pointer: str, index: str, inside: bool = False) -> str:
        """A loaded value: outside of a view that does not cover the domain, what it is filled with."""
        view = self.views[a]
        text = from_memory(view.dtype, f"load({pointer}, {index}, {a}, {len(self.views)})")
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
        return f"({text} if {' & '.join(conditions)} else {self.arguments.scalar(view.fill)})"

    def stored(self, store: Store, value: str, column: bool = False) -> str:
        """A value of the row or of a column goes where it is stored."""
        dtype, a = store.view.dtype, self.array_of(store)
        pointer, index = (self.column_pointer(a), self.index(a)) if column else (f"a{a}", self.row_index(a))
        scope = f"{a}, {len(self.views)}"
        if store.combine:
            before = from_memory(dtype, f"load({pointer}, {index}, {scope})")
            value = combination(store.combine, dtype, before, value)
        return f"store({pointer}, {index}, {to_memory(dtype, value)}, {scope})"

    def is_register(self, store: Store) -> bool:
        """Whether a store combines all columns into one place."""
        strides = self.nest.places[self.array_of(store)].column_strides
        return bool(store.combine) and not store.row and not any(strides)

    def changes(self, store: Store) -> bool:
        """Whether a store puts in a place what follows from what has been there."""
        return bool(store.combine and not self.is_register(store)) or bool(self.overwritten)

    def register(self, store: Store) -> str:
        """The name of what a store combines, before it is stored."""
        return f"q{self.array_of(store) - len(self.loaded)}"

    def cleared(self, store: Store) -> str:
        """What the combination of a store begins with."""
        assert store.combine
        return f"{self.register(store)} = {identity_value(store.combine, store.view.dtype)}"

    def combined(self, store: Store, value: str) -> str:
        """It with one more value."""
        assert store.combine
        name = self.register(store)
        return f"{name} = {combination(store.combine, store.view.dtype, name, value)}"
