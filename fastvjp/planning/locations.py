"""Where the planner finds the value of a variable: in memory, among the scalars, inside a step or nowhere yet."""

from __future__ import annotations

import numpy as np

from .fusion import Builder, ScalarCall
from .plan import Operand, Scalar, View


class Register:
    """A value inside a fused step, under a shape of its own. With `row` it has one element for each row."""

    __slots__ = ("builder", "row", "shape", "value")

    def __init__(self, builder: Builder, value: int, shape: tuple[int, ...], row: bool) -> None:
        self.builder = builder
        self.value = value
        self.shape = shape
        self.row = row

    @property
    def dtype(self) -> np.dtype:
        """Its dtype."""
        return self.builder.body[self.value].dtype


class Expression:
    """A value that follows from scalars and arrays of one element alone, under a shape of its own."""

    __slots__ = ("call", "shape")

    def __init__(self, call: ScalarCall, shape: tuple[int, ...]) -> None:
        self.call = call
        self.shape = shape

    @property
    def dtype(self) -> np.dtype:
        """Its dtype."""
        return self.call.dtype


Location = Operand | Register | Expression


def shape_of(location: Location) -> tuple[int, ...]:
    """Its shape."""
    if isinstance(location, Register | Expression):
        return location.shape
    return location.aval.shape if isinstance(location, Scalar) else location.layout.shape


def views_of(location: Location) -> list[View]:
    """What of memory it is read or computed from, when it is asked for; a register has been."""
    if isinstance(location, Expression):
        return location.call.views
    return [location] if isinstance(location, View) else []


def one_of(location: Location) -> Operand | ScalarCall | None:
    """The one number, maybe repeated, that a step can read or compute for itself; None for anything else."""
    if isinstance(location, Expression):
        return location.call
    if not isinstance(location, View):
        return location if isinstance(location, Scalar) else None
    shape, strides, _ = location.layout
    one = location.inside is None and all(n == 1 or (n and not s) for n, s in zip(shape, strides, strict=True))
    return location if one else None


def dtype_of(location: Location) -> np.dtype:
    """Its dtype."""
    return location.aval.dtype if isinstance(location, Scalar) else location.dtype
