"""An op list in numbers: what an op is, and what may move from turn to turn of a loop.

An op is written as a number for what it is, which is the same at every turn, and as numbers that may move: the
variables that it reads, and where the sections begin that it reads and writes of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from ..core.avals import kind_of
from ..core.layouts import same
from ..core.primitive import REGISTRY, Primitive
from ..core.program import Op, Uniform, Var, apply
from .simplifying import SECTIONS
from .turns import LOOP, MEMORY, WINDOW, Starts, params_key

SCALARS = 1 << 40
"""From here on numbers are those of scalars that a plan is given, counted in words, ..."""
ARRAYS = 1 << 41
"""... here those of arrays, ..."""
STRIDED = 1 << 42
"""... and here those of arrays that do not lie in C order."""


@dataclass(frozen=True)
class View:
    """A view primitive with its parameters, without where a section begins."""

    primitive: Primitive
    params: Hashable
    axes: int
    """Of a section: in so many numbers it says where it begins."""

    def op(self, x: Var, starts: Sequence[int], out: Var | None = None) -> Op:
        """Its op, which makes a variable."""
        params = dict(self.params)  # type: ignore[call-overload]
        if self.axes:
            steps, counts = params["step"], params.pop("count")
            stops = [s + n * step for s, n, step in zip(starts, counts, steps, strict=True)]
            params = {"start": tuple(starts), "stop": tuple(stops), "step": steps}
        made = apply(self.primitive, (x,), params)
        return made if out is None else Op(self.primitive, (x,), params, (out,))


def element(stack: Var) -> tuple[View, View]:
    """The views of one place along the first axis of an array."""
    shape = stack.aval.shape[1:]
    section = (("step", (1,) * (1 + len(shape))), ("count", (1, *shape)))
    return View(REGISTRY["slice"], section, 1 + len(shape)), View(REGISTRY["reshape"], (("shape", shape),), 0)


def beginning(stack: Var, place: int) -> Starts:
    """Where that begins."""
    return (place,) + (0,) * (stack.aval.ndim - 1)


@dataclass(frozen=True)
class Operand:
    """What an op reads: a variable, by its number, through views, which begin at these places."""

    root: int
    views: tuple[View, ...] = ()
    starts: tuple[int, ...] = ()


class Node:
    """An op that is no view; or a section of an array that has been written to, which is read where it stands.

    Args:
        op: the op.
        kind: of everything that does not move, as a number.
        operands: what it reads.
        first: the number of its first result.
        start: where the section begins that it writes.
    """

    __slots__ = ("first", "kind", "numbers", "op", "operands")

    def __init__(self, op: Op, kind: int, operands: Sequence[Operand], first: int, start: Starts = ()) -> None:
        self.op = op
        self.kind = kind
        self.operands = operands
        self.first = first
        self.numbers: list[int] = [o.root for o in operands]
        """The roots of its operands, then where their sections begin, and its own."""
        for o in operands:
            self.numbers += o.starts
        self.numbers += start

    @property
    def writes(self) -> list[tuple[int, int]]:
        """Operands of which a result is the same array with parts of it changed, and that result."""
        if self.op.primitive is LOOP:
            turns = self.op.params["turns"]
            return [(turns.places[m.whole], m.output) for m in turns.memories]
        return [(0, 0)] if self.op.primitive.name in SECTIONS or self.op.primitive is MEMORY else []

    @property
    def reads(self) -> bool:
        """Whether it is a view of an array that has been written to."""
        return self.op.primitive.view is not None and not self.op.primitive.unique


Strides = tuple[int, ...]


class Numbered:
    """An op list in numbers.

    Args:
        ops: in recorded order.
        outputs: variables whose values are wanted.
        leaves: the variables whose values a plan is given.
        strides: those of the values; None for C-contiguous ones.
        repeats: whether a device can run an op in a loop.
    """

    def __init__(
        self,
        ops: Sequence[Op],
        outputs: Sequence[Var],
        leaves: Sequence[Var],
        strides: Sequence[Strides | None],
        repeats: Callable[[Op], bool],
    ) -> None:
        self.repeats = repeats
        self.operands: dict[Var, Operand] = {}
        self.variables: list[Var] = []
        """The results of nodes, by number."""
        self.leaves: dict[int, Var] = {}
        self.nodes: list[Node] = []
        self.places: list[int] = []
        """Where in the op list each node stands."""
        self.written: set[int] = set()
        """Results that are an operand with parts of it changed."""
        self.needed: dict[int, float] = {}
        """The last node that reads a variable."""
        self._kinds: dict[Hashable, int] = {}
        self._views: dict[Hashable, View] = {}
        words = scalars = 0
        for k, (v, s) in enumerate(zip(leaves, strides, strict=True)):
            number = (ARRAYS if s is None else STRIDED) + k - scalars
            if isinstance(v.value, Uniform):
                number, words, scalars = (
                    SCALARS + words,
                    words + (2 if kind_of(v.aval.dtype) == "c" else 1),
                    scalars + 1,
                )
            self.leaves[number] = v
            self.operands[v] = Operand(number)
        for place, op in enumerate(ops):
            self._add(op, place)
        self.needed |= {o.root: math.inf for v in outputs if (o := self.operands.get(v))}

    def variable(self, number: int) -> Var:
        """The variable of a number."""
        return self.leaves[number] if number >= SCALARS else self.variables[number]

    def _add(self, op: Op, place: int) -> None:
        primitive = op.primitive
        operands = [self.operands[v] for v in op.inputs]
        start: Starts = ()
        key = params_key(op)
        if primitive.view is not None and not primitive.unique:
            x = operands[0]  # of which it is a view, behind it may stand what its derivative needs
            seen = x if primitive.view is same else self._seen(x, op)
            if not (x.root in self.written and "start" in op.params and primitive is not WINDOW):
                self.operands[op.outputs[0]] = seen
                return
            operands, key = [seen], None
        elif primitive.name in SECTIONS:
            start = op.params["start"]
            key = section(op)
        made = [v for v in op.outputs if v.value is None]
        looped = len(made) == len(op.outputs) and (
            primitive in (LOOP, MEMORY) or primitive.view is not None or self.repeats(op)
        )
        kind: Hashable = place if not looped else (
            primitive,
            key,
            tuple([(self.variable(o.root).aval, o.views) for o in operands]),
            tuple([v.aval for v in op.outputs]),
        )  # fmt: skip
        first = len(self.variables)
        node = Node(op, self._kinds.setdefault(kind, len(self._kinds)), operands, first, start)
        self.nodes.append(node)
        self.places.append(place)
        self.written.update([first + result for _, result in node.writes])
        for o in operands:
            self.needed[o.root] = len(self.nodes) - 1
        for k, v in enumerate(op.outputs, first):
            self.variables.append(v)
            if v.value is None:
                self.operands[v] = Operand(k)

    def _seen(self, x: Operand, op: Op) -> Operand:
        starts: Starts = op.params.get("start", ())
        key = (op.primitive, section(op) if "start" in op.params else tuple(op.params.items()))
        view = self._views.get(key)
        if view is None:
            view = self._views[key] = View(*key, len(starts))
        return Operand(x.root, (*x.views, view), x.starts + starts)


def section(op: Op) -> Hashable:
    """The parameters of a section, without where it begins."""
    start, stop, step = (op.params[name] for name in ("start", "stop", "step"))
    counts = tuple([len(range(*s)) for s in zip(start, stop, step, strict=True)])
    return (("step", step), ("count", counts))
