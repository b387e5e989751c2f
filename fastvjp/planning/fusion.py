"""A fused step under construction: which values it holds, what may join it, and how a large one is split."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import numpy as np

from ..core.avals import aval
from ..core.layouts import Layout, contiguous_strides
from ..kernels.elements import registry
from .ordering import Ordered
from .plan import Call, Entry, FusedStep, Match, Operand, Reduce, Scalar, Store, View

MAX_BODY = 64
"""Element functions in one fused step: compile time grows with it, gain does not."""
MAX_ARRAYS = 28
"""Arrays that one fused step reads and writes: Metal binds at most 31 buffers."""
MAX_COLUMNS = 8192
"""Elements of a row that is reduced inside a step: a few such rows stay in the second cache."""
SINGLE_ROW = 2048
"""The same where there are only a few rows, which threads could not share."""
FEW_ROWS = 8
SMALL = 4096
"""Elements up to which a step rather takes nothing than to come after more steps, or to hold up what it takes.
How so few are computed matters little."""
CHEAP = 6
"""Calls that are rather computed again by a later step than stored and loaded."""


def is_cheap(name: str) -> bool:
    """Whether an entry of this name is rather computed again than stored and loaded."""
    return name == Match.name or registry.is_cheap(name)


def arrays(operands: Iterable[Operand]) -> int:
    """How many of them are arrays: scalars are arguments of another kind."""
    return sum(isinstance(o, View) for o in operands)


def fits(rows: tuple[int, ...], columns: tuple[int, ...]) -> bool:
    """Whether rows are short enough, and many enough, to be gone through one by one."""
    return math.prod(columns) <= (SINGLE_ROW if math.prod(rows) < FEW_ROWS else MAX_COLUMNS)


class Number(NamedTuple):
    """A value of a step while the number of its loads is not known yet."""

    loaded: bool
    at: int


class Pending(NamedTuple):
    """An entry of this kind."""

    name: str
    dtype: np.dtype
    operands: tuple[Number, ...]
    statics: tuple[Any, ...] = ()
    kind: type[Entry] = Call


class ScalarCall:
    """A call of an element function on scalars, views of one element and the results of such calls."""

    __slots__ = ("dtype", "name", "operands", "size", "statics", "views")

    def __init__(
        self, name: str, dtype: np.dtype, operands: list[Operand | ScalarCall], statics: tuple[Any, ...]
    ) -> None:
        self.name = name
        self.dtype = dtype
        self.operands = operands
        self.statics = statics
        self.size: int = 1 + sum(o.size for o in operands if isinstance(o, ScalarCall))
        self.views: list[View] = []
        """What it reads."""
        for o in operands:
            self.views += o.views if isinstance(o, ScalarCall) else [o] if isinstance(o, View) else []


class Builder(Ordered):
    """A fused step under construction."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape
        self.rows: int | None = None
        self.loads: dict[Operand, int] = {}
        self.body: list[Pending] = []
        self.stores: list[tuple[Number, View, str | None, bool]] = []
        self.memory: dict[int, int] = {}
        """Buffers of the values that are stored."""
        self.copies: dict[tuple[Builder, int] | ScalarCall, Number] = {}
        """Values of other steps and calls on scalars that are computed here again."""

    def load(self, operand: Operand) -> Number:
        """Number of an operand in the layout of the domain."""
        return Number(True, self.loads.setdefault(operand, len(self.loads)))

    def reads(self, buffer: int) -> bool:
        """Whether it loads from a buffer."""
        return any(isinstance(o, View) and o.buffer == buffer for o in self.loads)

    def append(self, pending: Pending) -> int:
        """Position of a new value in the body."""
        self.body.append(pending)
        return len(self.body) - 1

    def scalar(self, x: Operand | ScalarCall) -> Number:
        """Number of what is the same for all elements."""
        if isinstance(x, Scalar):
            return self.load(Scalar(x.leaf, aval((), x.aval.dtype)))
        if isinstance(x, View):
            strides = (0,) * len(self.shape)
            return self.load(View(x.buffer, x.dtype, Layout(self.shape, strides, x.layout.offset)))
        if x not in self.copies:
            operands = tuple([self.scalar(o) for o in x.operands])
            self.copies[x] = Number(False, self.append(Pending(x.name, x.dtype, operands, x.statics)))
        return self.copies[x]

    # --- rows and columns --------------------------------------------------------------------------------

    def is_row(self, shape: tuple[int, ...]) -> bool:
        """Whether a value of this shape has one element for each row: columns gone, or kept with size 1."""
        k = self.rows
        if k is None:
            return False
        return shape == self.shape[:k] or shape == self.shape[:k] + (1,) * (len(self.shape) - k)

    def can_reduce(self, axes: tuple[int, ...]) -> bool:
        """Whether these axes can be the columns."""
        k = len(self.shape) - len(axes)
        if axes != tuple(range(k, len(self.shape))) or 0 in self.shape or not axes:
            return False
        if self.rows is not None:
            return self.rows == k
        return fits(self.shape[:k], self.shape[k:])

    def layout(self, layout: Layout) -> Layout:
        """The layout over the domain of an operand of the domain's shape, or with one element for each row."""
        strides = layout.strides
        if layout.shape != self.shape and self.rows is not None:
            strides = strides[: self.rows]
            strides += (0,) * (len(self.shape) - len(strides))
        return Layout(self.shape, strides, layout.offset)

    # --- what may join -----------------------------------------------------------------------------------

    def has_room(self, operands: int) -> bool:
        """Whether one more call fits."""
        return len(self.body) < MAX_BODY and arrays(self.loads) + len(self.stores) + operands < MAX_ARRAYS

    def closure(self, value: int) -> list[int] | None:
        """The calls of which a value consists, in order; None where they are not cheap."""
        found: set[int] = set()
        todo = [value]
        while todo:
            k = todo.pop()
            if k in found:
                continue
            call = self.body[k]
            if call.kind is not Call or not is_cheap(call.name) or len(found) == CHEAP:
                return None
            found.add(k)
            todo += [o.at for o in call.operands if not o.loaded]
        return sorted(found)

    def again(self, other: Builder, value: int, past: Collection[int] = ()) -> Number | None:
        """Compute a value of another step over the same domain again, if that is cheaper than to load it.

        Buffers that are `past` have other values by now.
        """
        known = self.copies.get((other, value))
        if known is not None or other.shape != self.shape or value in other.memory:
            return known
        calls = other.closure(value)
        if calls is None or len(self.body) + len(calls) > MAX_BODY:
            return None
        sources = list(other.loads)
        loads = {sources[o.at] for k in calls for o in other.body[k].operands if o.loaded}
        if any(isinstance(o, View) and o.buffer in past for o in loads):
            return None
        new = loads - self.loads.keys()
        read = {o.buffer for o in self.loads if isinstance(o, View)}
        large = {o.buffer for o in new if isinstance(o, View) and self._is_large(o)}
        if len(large - read) > 1 or not self.has_room(len(new)):
            return None
        for k in calls:
            if (other, k) not in self.copies:
                call = other.body[k]
                operands = [
                    self.load(sources[o.at]) if o.loaded else self.copies[other, o.at] for o in call.operands
                ]
                self.copies[other, k] = Number(False, self.append(call._replace(operands=tuple(operands))))
        return self.copies[other, value]

    def _is_large(self, view: View) -> bool:
        """Whether loading it moves about as much memory as a value of the domain would."""
        layout = view.layout
        elements = math.prod(n for n, s in zip(layout.shape, layout.strides, strict=True) if s)
        return 8 * elements > math.prod(self.shape)

    # --- the finished step -------------------------------------------------------------------------------

    def steps(self) -> list[FusedStep]:
        """The step with what its results need; several that share these out, if there are many; none without."""
        whole = self._step()
        room = max(MAX_ARRAYS - arrays(whole.loads), 1)
        return [part(whole, whole.stores[i : i + room]) for i in range(0, len(whole.stores), room)]

    def _step(self) -> FusedStep:
        n = len(self.loads)

        def number(o: Number) -> int:
            return o.at if o.loaded else n + o.at

        body: list[Entry] = []
        for c in self.body:
            operands = tuple(map(number, c.operands))
            if c.kind is Call:
                body.append(Call(c.name, c.dtype, operands, c.statics))
            else:
                body.append(Reduce(c.name, c.dtype, *operands) if c.kind is Reduce else Match(*operands))
        stores = [Store(number(value), view, combine, row) for value, view, combine, row in self.stores]
        rows = len(self.shape) if self.rows is None else self.rows
        return FusedStep(self.shape, rows, list(self.loads), body, stores)


def part(step: FusedStep, stores: list[Store]) -> FusedStep:
    """What of a fused step these stores need."""
    n = len(step.loads)
    needed = {store.value for store in stores}
    for k in range(n + len(step.body) - 1, n - 1, -1):
        if k in needed:
            needed.update(step.body[k - n].operands)
    number = {k: i for i, k in enumerate(sorted(needed))}

    return FusedStep(
        step.shape,
        step.rows,
        [o for k, o in enumerate(step.loads) if k in needed],
        [entry.renumbered(number) for k, entry in enumerate(step.body, n) if k in needed],
        [Store(number[s.value], s.view, s.combine, s.row) for s in stores],
        then=step.then,
    )


def reduced_layout(shape: tuple[int, ...], axes: Iterable[int]) -> Layout:
    """Over the domain `shape`, where the elements of a contiguous result reduced over `axes` lie."""
    gone = set(axes)
    kept = iter(contiguous_strides(tuple(n for i, n in enumerate(shape) if i not in gone)))
    return Layout(shape, tuple(0 if i in gone else next(kept) for i in range(len(shape))))
