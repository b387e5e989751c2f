"""Memory on the stack of a kernel: for values of a row, or of a tile of rows, that another loop reads."""

from __future__ import annotations

import numpy as np

from ...core.avals import COMPUTED
from ...devices.nest import Nest
from .arguments import Arguments
from .text import from_memory, stored_name


class RowMemory:
    """Memory by name: for a value of every column or, in a tile, for one of every row."""

    def __init__(self, nest: Nest, arguments: Arguments) -> None:
        self.nest, self.arguments = nest, arguments
        self.dtypes: dict[str, np.dtype] = {}
        self.of_columns: set[str] = set()

    def column_size(self, axis: int) -> str:
        """Size of a column axis."""
        return self.arguments.constant(f"n{axis}", self.nest.columns[axis])

    def linear(self) -> str:
        """Number of a column in the row."""
        text = "j"
        axes = len(self.nest.columns)
        if axes > 1:
            text = "c0"
            for axis in range(1, axes):
                text = f"({text}) * {self.column_size(axis)} + {'j' if axis == axes - 1 else f'c{axis}'}"
        return text

    def reserve(self, name: str, dtype: np.dtype, columns: bool = True) -> None:
        """Have memory of this name, for all columns or for one value of every row."""
        self.dtypes[name] = dtype = COMPUTED.get(dtype, dtype)
        if columns:
            self.of_columns.add(name)
            if "columns" not in self.arguments.names:
                sizes = [self.column_size(axis) for axis in range(len(self.nest.columns))]
                self.arguments.set("columns", " * ".join([*sizes, *(["lanes"] if self.nest.lanes else [])]))
        size = "columns" if columns else "lanes"
        self.arguments.set(name, f"row_memory({size}, {stored_name(dtype)})")

    def place(self, name: str) -> str:
        """Where the column, or the row, at hand has its value."""
        if name not in self.of_columns:
            return f"{name}[lane]"
        return f"{name}[({self.linear()}) * lanes + lane]" if self.nest.lanes else f"{name}[{self.linear()}]"

    def value(self, name: str) -> str:
        """The value there."""
        return from_memory(self.dtypes[name], self.place(name))
