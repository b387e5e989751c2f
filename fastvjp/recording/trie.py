"""The trie of recorded calls: what is known of a recording before it is made, because one like it was.

A node stands for the calls on the way to it. Its children are found by what the next call is: the function, the
numbers of its operands within the recording, types of Python scalars, static parameters, or the signature of an
array that enters. A child knows what follows from that: the ops, the shapes and dtypes of the results.
"""

from __future__ import annotations

from collections import OrderedDict
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
        key: by which its parent knows it.
        pattern: what it records.
        operands: the numbers of its operands.
        shared: whether it and what follows is to be found again.
    """

    __slots__ = (
        "aval", "end", "key", "leaves_end", "memo", "next", "operands", "parent", "pattern", "ready", "size",
    )  # fmt: skip

    def __init__(
        self,
        parent: Node | None = None,
        key: Hashable = None,
        pattern: Pattern = EMPTY,
        operands: tuple[int, ...] = (),
        shared: bool = True,
    ) -> None:
        self.parent = parent
        self.key = key if shared else None
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
        self.ready: dict[Hashable, Any] = NOTHING
        """What was made of the recording until here, ready to run."""
        self.memo: Any = None
        """What a transform remembers with it."""

    def keep(self, key: Hashable, ready: Any) -> None:
        """Keep what was made of the recording until here."""
        if self.ready is NOTHING:
            self.ready = {}
        self.ready[key] = ready

    @property
    def is_shared(self) -> bool:
        """Whether it and what follows is to be found again."""
        return self.next is not NOTHING

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


NOTHING: dict[Hashable, Any] = {}
"""The children of a node that is not shared, and what is ready where nothing is."""
MAX_OPS = 2_000_000
"""So many ops of recordings are remembered, at some 0.5 KB each: of those that were used last, and of one at most
three quarters of that."""
MAX_SINGLE = 8192
"""Calls outside of recordings that are remembered."""
MAX_PATTERNS = 4096
"""Patterns that are remembered."""
OPS_OF_PLAN = 20
"""For how many ops the plan of a recording counts."""


class Trie:
    """The root, what is known of calls outside of recordings, and of calls wherever they are."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew. Recordings that are open go on with what they have."""
        self.root = Node()
        self.ends: OrderedDict[Node, int] = OrderedDict()
        """Where recordings have ended, those of the last one at the end, and for how many ops they count."""
        self.count = 0
        """For how many they count together."""
        self.single: dict[Hashable, Any] = {}
        """What runs a single call."""
        self.patterns: dict[Hashable, Pattern] = {}
        """By what ops depend on, except for which variables the operands are."""

    def keep(self, key: Hashable, ready: Any) -> None:
        """Keep what runs a single call."""
        _limit(self.single, MAX_SINGLE)
        self.single[key] = ready

    def learn(self, key: Hashable, pattern: Pattern) -> None:
        """Keep what all calls of this key record, wherever they are made."""
        _limit(self.patterns, MAX_PATTERNS)
        self.patterns[key] = pattern

    def add(self, child: Node) -> Node:
        """Give a node to its parent; returns the one to go on with, as another thread may have been faster."""
        if not child.is_shared or child.parent is None:
            return child
        return child.parent.next.setdefault(child.key, child)

    def ended(self, node: Node) -> None:
        """A recording has ended here: it is the last of those that are remembered, but for the largest."""
        try:
            self.ends.move_to_end(node)
        except KeyError:
            ops = node.size + OPS_OF_PLAN
            if ops > MAX_OPS * 3 // 4:
                self._remove(node)
                return
            self.ends[node] = ops
            self.count += ops
            while self.count > MAX_OPS and self.ends:
                oldest, _ = self.ends.popitem(last=False)
                self._remove(oldest)
                self.count = sum(self.ends.values())

    def _remove(self, end: Node) -> None:
        """Forget a recording, up to where others go another way."""
        top, parent = end, end.parent
        if end.next:
            return
        while parent is not None and len(parent.next) == 1 and parent is not self.root and parent not in self.ends:
            top, parent = parent, parent.parent
        if parent is not None and parent.next.get(top.key) is top:
            parent.next.pop(top.key, None)


def _limit(known: dict[Hashable, Any], size: int) -> None:
    """Drop the older half of what is as much as this."""
    if len(known) >= size:
        for key in [*known][: size // 2]:
            known.pop(key, None)


trie = Trie()
