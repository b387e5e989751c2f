"""Loops among ops: what is done at every turn, as an op list of its own.

`rolling.py` finds them in an op list, the planner makes a `LoopStep` of each.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

from ..core import layouts
from ..core.avals import Aval, aval
from ..core.primitive import Primitive
from ..core.program import Op, Var

Starts = tuple[int, ...]


def _inferred(*_: Any, **__: Any) -> Any:
    raise AssertionError("the results of a loop are known when it is made")


def _section(x: Aval, start: Starts, stop: Starts, step: Starts) -> Aval:
    return aval(tuple([len(range(*s)) for s in zip(start, stop, step, strict=True)]), x.dtype)


# primitives that only planners see
LOOP = Primitive("loop", ("*xs",), _inferred)
"""Turns, the parameter `turns`."""
MEMORY = Primitive("memory", ("x",), lambda x: x)
"""An array in memory to which loops write."""
WINDOW = Primitive("window", ("x",), _section, view=layouts.slice_)
"""Where in such an array a section lies."""
READ = Primitive("read", ("window",), lambda x: x)
"""What a window holds at that moment."""
WRITE = Primitive("write", ("window", "y"), _inferred)
"""Puts y into a window or, if `adds`, adds it to what is there; of no results."""


@dataclass(frozen=True)
class Given:
    """An operand of a loop, which its body knows as `var`.

    Args:
        var: a variable of the body, of the shape and dtype that every turn sees.
        moves: whether each turn sees another section of an array. Two operands of the loop stand for it: what the
            first turn sees, and what the second does.
        words: by how many places it moves with every turn among what the plan is given, scalars or arrays, if each
            turn has its own: those lie one behind the other.
        carried: the result of the body that the next turn sees; the first one sees the operand.
    """

    var: Var
    moves: bool = False
    words: int = 0
    carried: int | None = None


@dataclass(frozen=True)
class Result:
    """A result of the body.

    Args:
        var: a variable of the body.
        output: the output of the loop that it becomes.
        slot: where it lies in that output at the first turn, which has a place for each turn; None if the output
            is what the last turn gives.
        slots: by how many places it moves with every turn.
    """

    var: Var
    output: int
    slot: int | None = None
    slots: int = 0


@dataclass(frozen=True)
class Memory:
    """An array that a loop writes to.

    Args:
        whole: which of the things given is the array, ...
        windows: ... and which are windows of it.
        output: the output of the loop that is the array behind the last turn.
    """

    whole: int
    windows: tuple[int, ...]
    output: int


@dataclass(frozen=True, eq=False)
class Turns:
    """What a loop does at every turn.

    Args:
        trips: how many turns there are.
        given: what each of them is given.
        ops: what it does.
        results: what it gives.
        memories: what it writes to.
    """

    trips: int
    given: tuple[Given, ...]
    ops: tuple[Op, ...]
    results: tuple[Result, ...]
    memories: tuple[Memory, ...] = ()

    @cached_property
    def key(self) -> Hashable:
        """Equal for loops that differ in nothing but their operands."""
        number = {g.var: i for i, g in enumerate(self.given)}
        key: list[Hashable] = [self.trips, self.memories]
        key += [(g.var.aval, g.moves, g.words, g.carried) for g in self.given]
        for op in self.ops:
            key.append((op.primitive, tuple([number[v] for v in op.inputs]), params_key(op)))
            number |= {v: len(number) + k for k, v in enumerate(op.outputs)}
        key += [(number[r.var], r.output, r.slot, r.slots) for r in self.results]
        return tuple(key)

    @property
    def has_own(self) -> bool:
        """Whether turns are given scalars or arrays of their own, here or in loops within it."""
        inner = [op.params["turns"] for op in self.ops if op.primitive is LOOP]
        return any(g.words for g in self.given) or any(turns.has_own for turns in inner)

    @cached_property
    def places(self) -> list[int]:
        """Of each thing given, which operand it is, or is the first of two."""
        return [*accumulate((2 if g.moves else 1 for g in self.given), initial=0)]

    def operands(self, inputs: Sequence[Any]) -> Iterator[tuple[Given, Any, Any]]:
        """Of a loop's operands, for each thing given, what the first turn sees, and the second where it moves."""
        rest = iter(inputs)
        for g in self.given:
            first = next(rest)
            yield g, first, next(rest) if g.moves else None


def params_key(op: Op) -> Hashable:
    """The parameters of an op as something hashable."""
    return op.params["turns"].key if op.primitive is LOOP else tuple(op.params.items())
