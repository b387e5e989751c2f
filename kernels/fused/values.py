"""How and when the values of a fused step are loaded or computed, as source."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...devices.phases import Phase, schedule
from ...planning.plan import Call, Entry, FusedStep, Match, Operand, Reduce, Scalar, View
from ..elements.registry import HELPERS, parameters
from .arrays import Arrays
from .text import combination, identity_value, name_of


def has_near(call: Call) -> bool:
    """Whether an element function has a form for moderate angles."""
    return call.dtype.kind == "f" and f"{call.name}_near" in HELPERS


def computed(call: Call, operands: Sequence[str], near: bool = False) -> str:
    """What an element function makes of these names, as source."""
    if call.name == "astype":
        return f"{name_of(call.dtype)}({operands[0]})"
    name = f"{call.name}_near" if near and has_near(call) else call.name
    return f"{name_of(call.dtype)}({name}({', '.join([*operands, *map(repr, call.statics)])}))"


class Values:
    """The values of a step by number: what it loads, then what it computes."""

    def __init__(self, step: FusedStep, arrays: Arrays) -> None:
        self.step, self.arrays = step, arrays
        self.entries: list[Operand | Entry] = [*step.loads, *step.body]
        self.reductions = {k: entry for k, entry in enumerate(self.entries) if isinstance(entry, Reduce)}
        vary = [k in arrays.array and arrays.varies(arrays.array[k]) for k in range(len(step.loads))]
        self.schedule = schedule(step, vary)
        self.fixed: set[int] = set()
        """Those that are the same for all rows, too."""
        for k, entry in enumerate(self.entries):
            if (
                isinstance(entry, Scalar)
                or (isinstance(entry, View) and arrays.is_fixed(arrays.array[k]))
                or (isinstance(entry, Call) and self.fixed.issuperset(entry.operands))
            ):
                self.fixed.add(k)

    def dtype(self, k: int) -> np.dtype:
        """Of a value."""
        entry = self.entries[k]
        return entry.aval.dtype if isinstance(entry, Scalar) else entry.dtype

    def operands(self, k: int) -> tuple[int, ...]:
        """What a value is computed of."""
        entry = self.entries[k]
        return () if isinstance(entry, View | Scalar) else entry.operands

    def row_bytes(self) -> int:
        """Bytes of row memory that keep values for later loops."""
        nest = self.arrays.nest
        kept = sum(self.dtype(k).itemsize for phase in self.schedule.phases for k in phase.kept)
        return math.prod(nest.columns) * max(nest.lanes, 1) * kept

    # --- what a loop takes from others -------------------------------------------------------------------

    def row_reads(self, phase: Phase) -> set[int]:
        """Values that what is computed for a row takes from other loops."""
        values = {i for k in phase.row if k not in self.reductions for i in self.operands(k)}
        values |= {store.value for store in phase.row_stores}
        return values - set(phase.row) - self.fixed

    def column_reads(self, phase: Phase) -> set[int]:
        """Values of the row that what is computed for a column takes."""
        made = [k for k in phase.columns if k not in phase.recalled]
        values = {i for k in [*made, *phase.reductions] for i in self.operands(k)}
        values |= {store.value for store in phase.stores}
        return {k for k in values if not self.schedule.varies[k]} - self.fixed

    def angles(self, phase: Phase) -> list[int]:
        """Values that are angles, of which near forms of element functions take only moderate ones."""
        entries = [self.entries[k] for k in phase.columns if k not in phase.recalled]
        calls = [entry for entry in entries if isinstance(entry, Call) and has_near(entry)]
        return list(dict.fromkeys([call.operands[parameters(call.name).index("x")] for call in calls]))

    def needed(self, phase: Phase, values: Sequence[int]) -> Phase:
        """What of the columns of a phase these values need."""
        found = set(values)
        for k in reversed(phase.columns):
            if k in found and k not in phase.recalled:
                found.update(self.operands(k))
        return Phase([k for k in phase.columns if k in found], phase.recalled)

    # --- values ------------------------------------------------------------------------------------------

    def value(self, k: int, pointer: str, index: str, near: bool = False) -> str:
        """A loaded or computed value."""
        entry = self.entries[k]
        if isinstance(entry, Scalar):
            return self.arrays.arguments.scalar(entry)
        if isinstance(entry, View):
            return self.arrays.load(self.arrays.array[k], pointer, index)
        operands = [f"v{i}" for i in entry.operands]
        if isinstance(entry, Match):
            return f"{operands[0]} == {self.arrays.memory.linear()}"
        assert isinstance(entry, Call)
        return computed(entry, operands, near)

    def row_value(self, k: int) -> str:
        """A value of the row."""
        if k in self.reductions:
            return f"r{k}"
        a = self.arrays.array.get(k)
        return self.value(k, "", "") if a is None else self.value(k, f"a{a}", self.arrays.row_index(a))

    def column_value(self, k: int, near: bool, inside: bool) -> str:
        """A value of a column."""
        a = self.arrays.array.get(k)
        if a is None:
            return self.value(k, "", "", near)
        return self.arrays.load(a, self.arrays.column_pointer(a), self.arrays.index(a), inside)

    def set_fixed(self) -> None:
        """Set the names of those that are the same everywhere, at the kernel's beginning."""
        arguments = self.arrays.arguments
        for k in sorted(self.fixed):
            a = self.arrays.array.get(k)
            if a is None:
                arguments.set(f"v{k}", self.value(k, "", ""))
            else:
                pointer = arguments.set(f"f{a}", self.arrays.pointer(a, f"w{a}"))
                arguments.set(f"v{k}", self.value(k, pointer, "0"))

    # --- reductions --------------------------------------------------------------------------------------

    def begins(self, k: int) -> str:
        """What a reduction of nothing is."""
        entry = self.reductions[k]
        if entry.where is not None and entry.dtype.kind == "f":
            return f"{entry.dtype}(-0.0)"  # which changes no number that is added
        return identity_value("add" if entry.where is not None else entry.name, entry.dtype)

    def reduced(self, k: int) -> str:
        """A reduction with one more column.

        Of columns with a condition there is one at most: to add it to nothing is vectorised, a choice is not.
        """
        entry = self.reductions[k]
        value = f"v{entry.operand}"
        if entry.where is None:
            return combination(entry.name, entry.dtype, f"r{k}", value)
        return combination("add", entry.dtype, f"r{k}", f"({value} if v{entry.where} else {self.begins(k)})")
