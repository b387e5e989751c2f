"""Patterns: what a call records, whatever its operands are.

A call that is new in its place, but like one that was made elsewhere, on other operands of the same shapes and
dtypes, need not be run to know its ops. The same holds for what a derivative rule records.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

from ..core.avals import Aval
from ..core.program import Form, Op, Var

Name = int | Var
"""A variable of a recording by its number, or one that is the same in every recording: a constant."""
Ref = int
"""A place in the row of a pattern: its constants, its operands, the variables that come with it."""


class Template(NamedTuple):
    """An op of a pattern."""

    form: Form
    inputs: tuple[Ref, ...]


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
        self.made = variables - sum([len(op.form.outputs) for op in ops])
        """Which of its variables is the first result of an op."""
        last = len(constants) + operands + variables - 1
        self.aval = results[0][1] if ops and len(results) == 1 and results[0][0] == last else None
        """Of the result, where it is the one result and the last variable, as nearly always."""

    def is_closed(self) -> bool:
        """Whether all that it reads beside its operands are values."""
        return all(v.value is not None for v in self.constants)

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
    read = [[name(v) for v in op.inputs] for op in ops]
    returned = [name(v) for v in results]
    known = set(given)
    for names in (*read, returned):
        for n in names:
            if n not in known:
                known.add(n)
                if not isinstance(n, int):
                    constants.append(n)
                elif n < variables.start:
                    operands.append(n)
    places: dict[Name, Ref] = {}
    for place, n in enumerate((*constants, *operands, *variables)):
        places.setdefault(n, place)
    templates = []
    for op, names in zip(ops, read, strict=True):
        if op.form is None:
            # only the list of this recording needs the rules of a marker, which refer to its variables
            params = {} if op.primitive.opaque else op.params
            op.form = Form(op.primitive, params, tuple([v.aval for v in op.outputs]))
        templates.append(Template(op.form, tuple([places[n] for n in names])))
    pattern = Pattern(
        tuple(constants),
        len(operands),
        len(variables),
        tuple([(places[n], a) for n, a in leaves]),
        tuple(templates),
        tuple([(places[n], v.aval) for n, v in zip(returned, results, strict=True)]),
    )
    return pattern, tuple(operands)


def single(form: Form, operands: int) -> Pattern:
    """The pattern of a call that is one op of so many operands."""
    results = tuple([(r, a) for r, a in enumerate(form.outputs, operands)])
    return Pattern((), operands, len(results), (), (Template(form, tuple(range(operands))),), results)


def like(var: Var) -> Hashable:
    """What of an operand a call may depend on: shape, dtype, and whether its value is known."""
    return var.aval if var.value is None else (var.aval, type(var.value))
