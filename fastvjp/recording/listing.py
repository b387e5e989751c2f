"""`Listing`: the op list of a recording, made from its path through the trie as far as it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..core.avals import Aval
from ..core.garbage import Growing
from ..core.program import Abstract, Buffer, Op, Source, Uniform, Var
from .patterns import Pattern
from .trie import Node

Leaf = Buffer | Uniform | Abstract


class Listing:
    """The ops, which op makes a variable, and which leaf is its value.

    Args:
        trace: the recording.
        leaves: the values given to it.
        variables: its variables by number, which become operands; the missing ones are made.
    """

    def __init__(self, trace: Source, leaves: Sequence[Leaf], variables: dict[int, Var]) -> None:
        self.trace = trace
        self.vars = variables
        self.leaves = leaves
        self.node: Node | None = None
        self.ops: list[Op] = []
        self.makers: dict[Var, Op] = {}
        self.sources: dict[Var, int] = {}
        self.growing = Growing()

    def extend(self, node: Node) -> None:
        """Bring it up to date with a node."""
        path = []
        at: Node | None = node
        while at is not None and at is not self.node:
            path.append(at)
            at = at.parent
        for step in reversed(path):
            self._replay(step)
        self.node = node

    def _replay(self, node: Node) -> None:
        pattern, first = node.pattern, node.first
        row = pattern.row(node.operands, first)
        for leaf, (r, a) in enumerate(pattern.leaves, node.leaves_end - len(pattern.leaves)):
            number = row[r]
            if a is not None and isinstance(number, int):
                self.give(self._var(number, a), leaf)
        if pattern.ops:
            self.repeat(pattern, [self.vars[n] for n in node.operands], first)

    def repeat(self, pattern: Pattern, operands: Sequence[Var], first: int) -> list[Any]:
        """Add the ops of a pattern on these operands, where its variables are those from `first` on; its row."""
        number = first + pattern.made
        row: list[Any] = [*pattern.constants, *operands, *map(self.vars.get, range(first, number))]
        known, trace = self.vars, self.trace
        for form, refs in pattern.ops:
            outputs = []
            for a in form.outputs:
                var = known.get(number)
                if var is None:
                    var = known[number] = Var(a, None, trace, number)
                outputs.append(var)
                number += 1
            row += outputs
            self.append(Op(form.primitive, tuple([row[r] for r in refs]), form.params, tuple(outputs), form))
        return row

    def _var(self, number: int, a: Aval) -> Var:
        var = self.vars.get(number)
        if var is None:
            var = self.vars[number] = Var(a, None, self.trace, number)
        return var

    def give(self, var: Var, leaf: int) -> None:
        """Let a leaf be the value of a variable."""
        self.sources[var] = leaf
        value = self.leaves[leaf]
        if isinstance(value, Abstract):
            var.trace = value
        else:
            var.value = value

    def append(self, op: Op) -> None:
        """Add an op."""
        self.ops.append(op)
        for v in op.outputs:
            self.makers[v] = op

    def ancestors(self, outputs: Iterable[Var]) -> list[Op]:
        """The ops that must run to know `outputs`, in recorded order; stops at known and abstract variables."""
        found: set[Op] = set()
        todo = [v for v in outputs if v.value is None]
        while todo:
            op = self.makers.get(todo.pop())
            if op is not None and op not in found:
                found.add(op)
                todo.extend([v for v in op.inputs if v.value is None])
        return sorted(found, key=lambda op: op.index)
