"""Updates of arrays: sections replaced or added to, rows scattered. They write into the array itself where nobody
reads it any more, else into a copy.

A view that somebody still reads does no harm if no place of it is written, or if it is so small that it is rather
copied than the array.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence

from ..core.avals import Aval, aval
from ..core.layouts import Layout, contiguous_strides, is_distinct, slice_
from ..core.program import Op, Var
from .fusion import Builder, Number, Pending
from .locations import Expression, Location, Register, dtype_of, one_of, shape_of, views_of
from .ordering import Ordered
from .plan import Operand, Scalar, View
from .steps import Steps

LOOKED_AT = 256
"""Living views of an array, up to which it is asked whether an update writes what they read."""


class Updates(Steps):
    """The steps so far, and where they have the values of variables.

    Args:
        leaves: avals of the values that the plan is given.
        overwritable: numbers of those that it may write to.
    """

    def __init__(self, leaves: Sequence[Aval], overwritable: Collection[int] = ()) -> None:
        super().__init__(len(leaves))
        self.leaves, self.given = list(leaves), len(leaves)
        self.overwritable = frozenset(overwritable)
        self.where: dict[Var, Location] = {}
        self.holders: defaultdict[int, list[Var]] = defaultdict(list)
        """Variables with values in memory, or that are read from there when they are needed; by its root."""
        self.last: dict[Var, float] = {}
        """When each is needed last, ..."""
        self.now = 0
        """... and the number of the op at hand."""

    def locate(self, var: Var, location: Location) -> None:
        """Say where a value is."""
        self.where[var] = location
        for view in views_of(location):
            self.holders[self.versions.root(view.buffer)].append(var)

    def in_turn(self, ops: Sequence[Op], outputs: Collection[Var]) -> Iterator[Op]:
        """The ops one by one, where `last` and `now` say what is needed later."""
        self.last = {v: i for i, op in enumerate(ops) for v in op.inputs}
        self.last |= dict.fromkeys(outputs, math.inf)
        for self.now, op in enumerate(ops):
            yield op

    # --- what is written ---------------------------------------------------------------------------------

    def update(self, op: Op, x: Location, y: Location) -> Location:
        """A section replaced, or added to."""
        start, stop, step = (op.params[name] for name in ("start", "stop", "step"))
        if 0 in shape_of(y):
            return x
        if isinstance(x, Scalar) and op.primitive.name == "slice_update" and all(s == 1 for s in step):
            framed = self._framed(x, y, start)
            if framed is not None:
                return framed
        whole = op.outputs[0].aval
        y = y if isinstance(y, Expression) else self.stored(y)

        def section(layout: Layout) -> Layout:
            return slice_(layout, start, stop, step)

        target = self.overwritten(x, section) or self.copied(x, whole)
        part = View(target.buffer, target.dtype, section(target.layout))
        y = self._apart(y, part)
        builder = Builder(self._domain(part.layout.shape, y))
        place = _over(builder.shape, part.layout)
        self.add_step(builder)
        self.require(builder, y)
        self.require(builder, target)
        one = one_of(y)
        if one is None:
            assert isinstance(y, View)
            number = builder.load(View(y.buffer, y.dtype, _over(builder.shape, y.layout)))
        else:
            number = builder.scalar(one)
        if op.primitive.name == "slice_add":
            before = builder.load(View(target.buffer, target.dtype, place))
            number = Number(False, builder.append(Pending("add", target.dtype, (before, number))))
        new = self.version(target, builder)
        builder.stores.append((number, View(new.buffer, new.dtype, place), None, False))
        return new

    def _framed(self, x: Scalar, y: Location, start: tuple[int, ...]) -> View | None:
        """A section of an array of one value replaced by y: a view of y that does not cover its shape."""
        source = self.stored(y)
        if isinstance(source, Scalar):
            return None
        strides = source.layout.strides
        offset = source.layout.offset - sum(s * i for s, i in zip(strides, start, strict=True))
        inside = tuple((i, i + n) for i, n in zip(start, source.layout.shape, strict=True))
        return View(source.buffer, source.dtype, Layout(x.aval.shape, strides, offset), inside, x)

    def scatter(self, op: Op, operands: Sequence[Location]) -> tuple[list[Location], View | None]:
        """The operands of a scatter, and the array that it writes into, if there is one that it can."""
        x, *others = operands
        target = self.overwritten(x, lambda layout: layout)
        if target is None or target.layout != self._whole(target.buffer):
            return [x, *others], None
        kept = [o if isinstance(o, Register) else self._apart(o, target) for o in others]
        return [target, *kept], target

    def _whole(self, buffer: int) -> Layout:
        """All of a buffer."""
        root = self.versions.root(buffer)
        shape = self.leaves[root].shape if root < self.given else self.buffers[root - self.given].shape
        return Layout(shape, contiguous_strides(shape))

    def _apart(self, y: Location, written: View) -> Location:
        """A value that does not change while a view is written to."""
        met = [view for view in views_of(y) if self.versions.meet(view, written)]
        if not met or (math.prod(written.layout.shape) == 1 and isinstance(y, Expression)):
            return y  # one element is read before it is written
        return self._kept(y)

    def _domain(self, shape: tuple[int, ...], y: Location) -> tuple[int, ...]:
        """The shape over which a section is written: that of the step that makes what is written, if it can be."""
        long = _long(shape)
        maker = self.written[y.buffer] if isinstance(y, View) else None
        if isinstance(maker, Builder):
            for domain in (maker.shape, maker.shape[: maker.rows]):
                if _long(domain) == long:
                    return domain
        return long

    # --- memory ------------------------------------------------------------------------------------------

    def overwritten(self, x: Location, touched: Callable[[Layout], Layout]) -> View | None:
        """Where the array may be written to in the places that `touched` makes of a layout; None for nowhere."""
        if isinstance(x, Register):
            memory = x.builder.memory
            known = x.value in memory
            view = self.stored(x)
            assert isinstance(view, View)
            if known and self.is_read(view, touched(view.layout)):
                del memory[x.value]
                stored = self.stored(x)
                assert isinstance(stored, View)
                view = stored
            return view if is_distinct(view.layout) else None
        if not isinstance(x, View) or x.inside is not None or not is_distinct(x.layout):
            return None
        if math.prod(x.layout.shape) == 1 or (x.buffer < self.given and x.buffer not in self.overwritable):
            return None  # a single value may be kept for others
        return None if self.is_read(x, touched(x.layout)) else x

    def is_read(self, x: View, touched: Layout) -> bool:
        """Whether places of an array are read later; what is small beside it, and is, is copied first."""
        root = self.versions.root(x.buffer)
        if x.buffer in self.versions.past:
            return True
        holders = [v for v in dict.fromkeys(self.holders[root]) if self.last.get(v, -1) > self.now]
        self.holders[root] = holders
        if len(holders) > LOOKED_AT:
            return True
        written = View(x.buffer, x.dtype, touched)
        found = [v for v in holders if any(self.versions.meet(view, written) for view in views_of(self.where[v]))]
        if 2 * sum(_elements(self.where[v]) for v in found) > math.prod(x.layout.shape):
            return True
        for v in found:
            self.locate(v, self._kept(self.where[v]))
        return False

    def _kept(self, x: Location) -> Operand:
        """What is read from memory in memory that is not written to any more."""
        return self.stored(x) if isinstance(x, Expression) else self.copied(x, aval(shape_of(x), dtype_of(x)))

    def copied(self, x: Location, a: Aval) -> View:
        """The values in memory of their own."""
        builder = self.builder_for(a.shape, [x])
        number = self.place(builder, x)
        copy = self.allocate(a, builder)
        view = View(copy.buffer, copy.dtype, builder.layout(copy.layout))
        builder.stores.append((number, view, None, a.shape != builder.shape))
        return copy

    def version(self, x: View, writer: Ordered) -> View:
        """The array after a step has written to it."""
        self.buffers.append(aval((0,), x.dtype))
        self.written.append(writer)
        newer = len(self.written) - 1
        for reader in self.readers.pop(self.versions.root(x.buffer), {}):
            self.segment.require(writer, reader)
        self.versions.add(newer, x.buffer)
        maker = self.written[x.buffer]
        if isinstance(maker, Builder):  # whoever needs the value besides has it stored once more
            maker.memory = {value: b for value, b in maker.memory.items() if b != x.buffer}
        return View(newer, x.dtype, x.layout)


def _elements(location: Location) -> int:
    return 1 if isinstance(location, Expression) else math.prod(shape_of(location))


def _long(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The sizes of axes with several elements."""
    return tuple([n for n in shape if n != 1])


def _over(domain: tuple[int, ...], layout: Layout) -> Layout:
    """The layout over a domain that differs in axes of one element alone."""
    strides = iter([s for n, s in zip(layout.shape, layout.strides, strict=True) if n != 1])
    return Layout(domain, tuple([next(strides) if n != 1 else 0 for n in domain]), layout.offset)
