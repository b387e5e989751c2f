"""The steps of a plan as they grow: the memory that they write, and which fused step takes a call.

What follows from scalars and arrays of one element alone is computed in every step that needs it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from ..core.avals import Aval, aval
from ..core.layouts import Layout, contiguous_strides
from .fusion import SMALL, Builder, Number, Pending, ScalarCall, reduced_layout
from .locations import Expression, Location, Register, dtype_of, one_of, shape_of, views_of
from .ordering import Ordered, Segment
from .plan import Operand, Reduce, Scalar, View, dense
from .versions import Versions

SCALAR_CALLS = 8
"""Calls on scalars that are rather made again by every step than stored."""


class Steps:
    """The steps so far.

    Args:
        given: how many buffers the plan is given; those that it allocates come behind them.
    """

    def __init__(self, given: int) -> None:
        self.buffers: list[Aval] = []
        self.segment = Segment()
        self.written: list[Ordered | None] = [None] * given  # the step that writes each buffer
        self.open: dict[tuple[int, ...], Builder] = {}
        self.kept: dict[ScalarCall, View] = {}
        self.versions = Versions()
        self.readers: defaultdict[int, dict[Ordered, None]] = defaultdict(dict)
        """Steps of the open segment that read memory, since it was written last; by the root of its versions."""

    def add_step(self, step: Ordered) -> None:
        """Append a step to the open segment."""
        if self.segment.is_full():
            self.close()
        self.segment.add(step)

    def close(self) -> None:
        """Let the steps so far take nothing more."""
        self.open.clear()
        self.readers.clear()
        self.segment.close()

    def makers(self, location: Location) -> list[Ordered]:
        """The steps that make what it is read or computed from."""
        if isinstance(location, Register):
            return [location.builder]
        found = [self.written[v.buffer] for v in views_of(location)]
        return [maker for maker in found if maker is not None]

    def require(self, step: Ordered, location: Location) -> None:
        """Let a step come after those that make what it takes."""
        for maker in self.makers(location):
            self.segment.require(step, maker)
        for v in views_of(location):
            self.readers[self.versions.root(v.buffer)][step] = None

    # --- memory ------------------------------------------------------------------------------------------

    def allocate(self, a: Aval, writer: Ordered | None) -> View:
        """All of a new buffer."""
        self.buffers.append(a)
        self.written.append(writer)
        return dense(len(self.written) - 1, a)

    def stored(self, location: Location) -> Operand:
        """The location in memory; a value inside a fused step is stored by that step from now on."""
        if isinstance(location, Scalar):
            return location
        if isinstance(location, Expression):
            return self.repeated(location)
        if isinstance(location, View):
            if location.inside is None:
                return location
            return self.stored(self.fuse("copy", aval(location.layout.shape, location.dtype), [location]))
        builder, value = location.builder, location.value
        shape = builder.shape[: builder.rows] if location.row else builder.shape
        buffer = builder.memory.get(value)
        if buffer is None:
            made = self.allocate(aval(shape, location.dtype), builder)
            buffer = builder.memory[value] = made.buffer
            view = View(buffer, made.dtype, builder.layout(made.layout))
            builder.stores.append((Number(False, value), view, None, location.row))
        strides = contiguous_strides(location.shape)
        if location.row and location.shape == builder.shape:  # repeated along the columns
            strides = contiguous_strides(shape) + (0,) * (len(location.shape) - len(shape))
        return View(buffer, location.dtype, Layout(location.shape, strides))

    def repeated(self, x: Expression) -> View:
        """The value stored once, seen as an array."""
        one = self.kept.get(x.call)
        if one is None:
            builder = self.builder_for((), [x])
            stored = self.stored(Register(builder, self.place(builder, x).at, (), row=False))
            assert isinstance(stored, View)
            one = self.kept[x.call] = stored
        return View(one.buffer, one.dtype, Layout(x.shape, (0,) * len(x.shape), one.layout.offset))

    # --- fused steps -------------------------------------------------------------------------------------

    def builder_for(self, shape: tuple[int, ...], operands: Sequence[Location]) -> Builder:
        """The step to which a call of this shape goes: one that holds an operand, the open one, or a new one.

        It joins a large step to save memory traffic; any step if that delays neither the step nor the call.
        """
        holders = {o.builder for o in operands if isinstance(o, Register)}
        candidates = sorted(holders, key=lambda b: -b.number)
        if shape in self.open:
            candidates.append(self.open[shape])
        for b in candidates:
            if (b.shape == shape or b.is_row(shape)) and self.can_join(b, operands):
                saves = b in holders or any(isinstance(o, View) and b.reads(o.buffer) for o in operands)
                if (saves and math.prod(b.shape) > SMALL) or self.needed(b, operands) == b.after:
                    return b
        return self.new_builder(shape)

    def new_builder(self, shape: tuple[int, ...]) -> Builder:
        """A new step, which is open to calls of its shape."""
        b = Builder(shape)
        self.add_step(b)
        self.open[shape] = b
        return b

    def needed(self, builder: Builder, operands: Sequence[Location]) -> int:
        """The bits of all steps behind which a call in this step would come anyway."""
        bits = 0
        for maker in (m for o in operands for m in self.makers(o)):
            if maker is builder:
                bits |= maker.after
            elif not maker.is_closed():
                bits |= maker.after | 1 << maker.number
        return bits

    def can_join(self, builder: Builder, operands: Sequence[Location]) -> bool:
        """Whether the step has room, and no operand depends on what it writes."""
        if builder.is_closed() or not builder.has_room(len(operands)):
            return False
        for o in operands:
            for maker in self.makers(o):
                if (maker is builder and not isinstance(o, Register)) or maker.comes_after(builder):
                    return False
        return True

    def place(self, builder: Builder, location: Location) -> Number:
        """The number of a location in a step that can take it."""
        if isinstance(location, Scalar | Expression):
            self.require(builder, location)
            return builder.scalar(location.call if isinstance(location, Expression) else location)
        if isinstance(location, Register):
            if location.builder is builder:
                return Number(False, location.value)
            again = builder.again(location.builder, location.value, self.versions.past)
            if again is not None:
                for o in builder.loads:
                    self.require(builder, o)
                return again
            operand = self.stored(location)
            assert isinstance(operand, View)
            location = operand
        self.require(builder, location)
        inside, shape = location.inside, location.layout.shape
        if inside is not None and shape != builder.shape:  # one element for each row
            inside = inside[: builder.rows] + tuple((0, n) for n in builder.shape[builder.rows :])
        layout = builder.layout(location.layout)
        return builder.load(View(location.buffer, location.dtype, layout, inside, location.fill))

    def fuse(self, name: str, out: Aval, operands: Sequence[Location], statics: tuple[Any, ...] = ()) -> Location:
        """Append a call to a fused step."""
        ones = [one_of(o) for o in operands]
        if None not in ones:
            call = ScalarCall(name, out.dtype, [x for x in ones if x is not None], statics)
            if call.size <= SCALAR_CALLS:
                return Expression(call, out.shape)
        builder = self.builder_for(out.shape, operands)
        numbers = tuple([self.place(builder, o) for o in operands])
        value = builder.append(Pending(name, out.dtype, numbers, statics))
        return Register(builder, value, out.shape, out.shape != builder.shape)

    def reduce(self, combine: str, x: Location, axes: tuple[int, ...]) -> Location:
        """Combine over axes: inside a step where they can be its columns, else at its edge, into memory."""
        shape, dtype = shape_of(x), dtype_of(x)
        if not axes:
            return x
        builder = self.builder_for(shape, [x])
        number = self.place(builder, x)
        kept = tuple(n for i, n in enumerate(shape) if i not in axes)
        if shape == builder.shape and builder.can_reduce(axes):
            builder.rows = len(shape) - len(axes)
            value = builder.append(Pending(combine, dtype, (number,), kind=Reduce))
            return Register(builder, value, kept, row=True)
        target = self.allocate(aval(kept, dtype), builder)
        view = View(target.buffer, dtype, builder.layout(reduced_layout(shape, axes)))
        builder.stores.append((number, view, combine, shape != builder.shape))
        return target

    def spread(self, x: Location, axes: tuple[int, ...], shape: tuple[int, ...]) -> Location:
        """A reduced value repeated over the axes that it was reduced over."""
        if not axes:
            return x
        if isinstance(x, Register) and x.builder.shape == shape and x.row:
            return Register(x.builder, x.value, shape, row=True)
        if isinstance(x, Expression):
            return Expression(x.call, shape)
        view = self.stored(x)
        assert isinstance(view, View)
        strides = iter(view.layout.strides)
        repeated = tuple(0 if i in axes else next(strides) for i in range(len(shape)))
        return View(view.buffer, view.dtype, Layout(shape, repeated, view.layout.offset))
