"""The trie of recorded calls: what is known of a recording before it is made, because one like it was.

A node stands for the calls on the way to it. Its children are found by what the next call is: the function, the
numbers of its operands within the recording, types of Python scalars, static parameters, or the signature of an
array that enters. A child knows what follows from that: the ops, the shapes and dtypes of the results.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from ..core.avals import Aval
from ..core.primitive import Primitive
from .patterns import Name, Pattern

EMPTY = Pattern()


class Node:
    """One recorded call, after those of its parents.

    Args:
        parent: the call before.
        pattern: what it records.
        operands: the numbers of its operands.
        shared: whether it and what follows is to be found again.
    """

    __slots__ = ("aval", "end", "leaves_end", "memo", "next", "operands", "parent", "pattern", "ready", "size")

    def __init__(
        self,
        parent: Node | None = None,
        pattern: Pattern = EMPTY,
        operands: tuple[int, ...] = (),
        shared: bool = True,
    ) -> None:
        self.parent = parent
        self.pattern = pattern
        self.operands = operands
        self.end: int = pattern.variables
        """How many variables there are after the call; `leaves_end` and `size` so for leaves and ops."""
        self.leaves_end: int = len(pattern.leaves)
        self.size: int = len(pattern.ops)
        if parent is not None:
            self.end += parent.end
            self.leaves_end += parent.leaves_end
            self.size += parent.size
        self.aval = pattern.aval
        """Of the result, where it is the one result and the last variable, as nearly always."""
        self.next: dict[Hashable, Node] = {} if shared else NOTHING
        self.ready: dict[Hashable, Any] = {}
        """What was made of the recording until here, ready to run."""
        self.memo: Any = None
        """What a transform remembers with it."""

    @property
    def first(self) -> int:
        """The number of the first variable that comes with the call."""
        return self.end - self.pattern.variables

    @property
    def row(self) -> list[Name]:
        """What stands in the row of its pattern."""
        return self.pattern.row(self.operands, self.first)

    def ops(self) -> Iterator[tuple[Primitive, list[Name], list[tuple[int, Aval]]]]:
        """The ops: the primitive, what it reads, and numbers and avals of its results."""
        row, number = self.row, self.first + self.pattern.made
        for form, inputs in self.pattern.ops:
            yield form.primitive, [row[r] for r in inputs], list(enumerate(form.outputs, number))
            number += len(form.outputs)


NOTHING: dict[Hashable, Node] = {}
"""The children of a node that is not shared."""
MAX_OPS = 300_000
"""So many ops are remembered, at 0.5 to 1 KB each; then all are forgotten."""
MAX_PATTERNS = 4096
"""So many patterns are remembered, the last ones."""
OPS_OF_PLAN = 20
"""For how many ops a plan that is kept counts."""


class Trie:
    """The root, and how many ops there are below it."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew. Recordings that are open go on with what they have."""
        self.root = Node()
        self.patterns: dict[Hashable, Pattern] = {}
        """By what ops depend on, except for which variables the operands are."""
        self.count = 0

    def weigh(self, ops: int) -> None:
        """Count what is kept."""
        self.count += max(ops, 1)
        if self.count > MAX_OPS:
            self.forget()

    def keep(self, key: Hashable, ready: Any) -> None:
        """Keep what runs a single call."""
        self.weigh(OPS_OF_PLAN)
        self.root.ready[key] = ready

    def learn(self, key: Hashable, pattern: Pattern) -> None:
        """Keep what all calls of this key record, wherever they are made."""
        self.patterns[key] = pattern
        while len(self.patterns) > MAX_PATTERNS:
            self.patterns.pop(next(iter(self.patterns), None), None)

    def add(self, key: Hashable, child: Node) -> Node:
        """Give a node to its parent; returns the one to go on with, as another thread may have been faster."""
        if child.next is NOTHING or child.parent is None:
            return child
        self.weigh(len(child.pattern.ops))
        return child.parent.next.setdefault(key, child)


trie = Trie()
