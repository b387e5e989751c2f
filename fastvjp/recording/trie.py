"""The trie of recorded calls: what is known of a recording before it is made, because one like it was.

A node stands for the calls on the way to it. Its children are found by what the next call is: the function, the
numbers of its operands within the recording, types of Python scalars, static parameters, or the signature of an
array that enters. A child knows what follows from that: the ops, the shapes and dtypes of the results.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

from ..core.avals import Aval
from ..core.primitive import Primitive
from ..core.program import Var

Ref = int | Var
"""A variable of a recording by its number, or a constant that is the same in all recordings of a node."""


class Template(NamedTuple):
    """An op in numbers."""

    primitive: Primitive
    params: dict[str, Any]
    inputs: tuple[Ref, ...]
    outputs: tuple[tuple[int, Aval], ...]


class Node:
    """One recorded call, after those of its parents.

    Args:
        parent: the call before.
        variables: how many variables come with it.
        leaves: number and aval of the variables whose values it gives; no aval where no op reads one.
        ops: what it records.
        results: what it returns.
        shared: whether it and what follows is to be found again.
    """

    __slots__ = (
        "aval",
        "end",
        "leaves",
        "leaves_end",
        "memo",
        "next",
        "number",
        "ops",
        "parent",
        "ready",
        "results",
        "size",
    )

    def __init__(
        self,
        parent: Node | None = None,
        variables: int = 0,
        leaves: tuple[tuple[int, Aval | None], ...] = (),
        ops: tuple[Template, ...] = (),
        results: tuple[tuple[Ref, Aval], ...] = (),
        shared: bool = True,
    ) -> None:
        self.parent = parent
        self.leaves = leaves
        self.ops = ops
        self.results = results
        self.end: int = variables + (parent.end if parent else 0)
        """How many variables there are after the call; `leaves_end` and `size` so for leaves and ops."""
        self.leaves_end: int = len(leaves) + (parent.leaves_end if parent else 0)
        self.size: int = len(ops) + (parent.size if parent else 0)
        last = ops and len(results) == 1 and results[0][0] == self.end - 1
        self.aval = results[0][1] if last else None
        """Of the result, where it is the one result and the last variable, as nearly always; `number` is its."""
        self.number = self.end - 1
        self.next: dict[Hashable, Node] = {} if shared else NOTHING
        self.ready: dict[Hashable, Any] = {}
        """What was made of the recording until here, ready to run."""
        self.memo: Any = None
        """What a transform remembers with it."""


NOTHING: dict[Hashable, Node] = {}
"""The children of a node that is not shared."""
MAX_OPS = 300_000
"""So many ops are remembered, at 0.5 to 1 KB each; then all are forgotten."""
OPS_OF_PLAN = 20
"""For how many ops a plan that is kept counts."""


class Trie:
    """The root, and how many ops there are below it."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew. Recordings that are open go on with what they have."""
        self.root = Node()
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

    def add(self, key: Hashable, child: Node) -> Node:
        """Give a node to its parent; returns the one to go on with, as another thread may have been faster."""
        if child.next is NOTHING or child.parent is None:
            return child
        self.weigh(len(child.ops))
        return child.parent.next.setdefault(key, child)


trie = Trie()
