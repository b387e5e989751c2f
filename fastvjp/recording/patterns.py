"""Patterns: what a call records, whatever its operands are.

A call that is new in its place, but like one that was made elsewhere, on other operands of the same shapes and
dtypes, need not be run to know its ops. The same holds for what a derivative rule records.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

from ..core.avals import Aval
from ..core.primitive import Primitive
from ..core.program import Op, Var

Name = int | Var
"""A variable of a recording by its number, or one that is the same in every recording: a constant."""
Ref = int
"""A place in the row of a pattern: its constants, its operands, the variables that come with it."""


class Template(NamedTuple):
    """An op of a pattern."""

    primitive: Primitive
    params: dict[str, Any]
    inputs: tuple[Ref, ...]
    outputs: tuple[Aval, ...]


class Pattern:
    """What a call records. Its variables are those of Python scalars, then the results of its ops, in order.

    Args:
        constants: what its ops read beside operands and variables.
        operands: how many there are.
        variables: how many come with it.
        leaves: those, and operands, whose values it gives, with their avals; no aval where no op reads one.
        ops: what it records.
        results: what it returns.
    """

    __slots__ = ("aval", "constants", "leaves", "made", "ops", "results", "variables")

    def __init__(
        self,
        constants: tuple[Var, ...] = (),
        operands: int = 0,
        variables: int = 0,
        leaves: tuple[tuple[Ref, Aval | None], ...] = (),
        ops: tuple[Template, ...] = (),
        results: tuple[tuple[Ref, Aval], ...] = (),
    ) -> None:
        self.constants = constants
        self.variables = variables
        self.leaves = leaves
        self.ops = ops
        self.results = results
        self.made = variables - sum([len(op.outputs) for op in ops])
        """Which of its variables is the first result of an op."""
        last = len(constants) + operands + variables - 1
        self.aval = results[0][1] if ops and len(results) == 1 and results[0][0] == last else None
        """Of the result, where it is the one result and the last variable, as nearly always."""

    def row(self, operands: Sequence[int], first: int) -> list[Name]:
        """The row, where its operands have these numbers and its variables those from `first` on."""
        return [*self.constants, *operands, *range(first, first + self.variables)]


def pattern_of(
    ops: Sequence[Op],
    results: Sequence[Var],
    name: Callable[[Var], Name],
    given: Sequence[Name],
    variables: range,
    leaves: Sequence[tuple[int, Aval | None]] = (),
) -> tuple[Pattern, tuple[Any, ...]]:
    """The pattern of what a call has recorded, and its operands: those that are given, then others that it reads.

    Args:
        ops: its ops.
        results: what it returns.
        name: names of variables.
        given: names of the operands, as far as they are known.
        variables: numbers of those that come with it.
        leaves: the variables whose values it gives, by number.
    """
    operands = list(given)
    constants: list[Var] = []
    known = set(given)
    for v in [*[v for op in ops for v in op.inputs], *results]:
        n = name(v)
        if n not in known:
            known.add(n)
            if not isinstance(n, int):
                constants.append(n)
            elif n < variables.start:
                operands.append(n)
    places: dict[Name, Ref] = {}
    for place, n in enumerate((*constants, *operands, *variables)):
        places.setdefault(n, place)
    templates = [
        Template(
            op.primitive,
            # only the list of this recording needs the rules of a marker, which refer to its variables
            {} if op.primitive.opaque else op.params,
            tuple([places[name(v)] for v in op.inputs]),
            tuple([v.aval for v in op.outputs]),
        )
        for op in ops
    ]
    pattern = Pattern(
        tuple(constants),
        len(operands),
        len(variables),
        tuple([(places[n], a) for n, a in leaves]),
        tuple(templates),
        tuple([(places[name(v)], v.aval) for v in results]),
    )
    return pattern, tuple(operands)


KEPT = 4096
"""So many patterns are kept, the last ones."""
patterns: dict[Hashable, Pattern] = {}
"""By what ops depend on, except for which variables the operands are."""


def keep(key: Hashable, pattern: Pattern) -> None:
    """Keep a pattern for calls like this."""
    patterns[key] = pattern
    while len(patterns) > KEPT:
        patterns.pop(next(iter(patterns), None), None)
