"""`Trace`: one recording, as a path through the trie of recorded calls, and the op list it stands for.

A call that the trie knows costs a look-up: neither promotion nor inference happens, no op is made. Only where it
does not, or where a transform looks at the ops, is the op list brought up to date (`Listing`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from . import devices
from .avals import Aval
from .execution import Ready, known, signature
from .primitives import Primitive
from .program import Abstract, Buffer, Op, Uniform, Var, apply
from .trie import NOTHING, Node, Ref, Template, trie

Leaf = Buffer | Uniform | Abstract
ENTER, READ = "enter", "read"


class Listing:
    """The op list of a recording, as far as it was asked for."""

    def __init__(self, variables: list[Var | None], leaves: Sequence[Leaf], trace: Trace) -> None:
        self.vars = variables
        self.leaves = leaves
        self.trace = trace
        self.node: Node | None = None
        self.ops: list[Op] = []
        self.makers: dict[Var, Op] = {}
        self.sources: dict[Var, int] = {}
        """Which leaf is the value of a variable."""

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
        for leaf, (number, a) in enumerate(node.leaves, node.leaves_end - len(node.leaves)):
            if a is not None:
                var, value = self._var(number, a), self.leaves[leaf]
                self.sources[var] = leaf
                if isinstance(value, Abstract):
                    var.trace = value
                else:
                    var.value = value
        for primitive, params, inputs, outputs in node.ops:
            operands: Any = tuple([self.vars[r] if type(r) is int else r for r in inputs])
            self.append(Op(primitive, operands, params, tuple([self._var(n, a) for n, a in outputs])))

    def _var(self, number: int, a: Aval) -> Var:
        var = self.vars[number]
        if var is None:
            var = self.vars[number] = self.trace.variable(number, a)
        return var

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


class Trace:
    """One recording. Its variables are numbered in the order in which they come; `vars` has those that were seen.

    `leaves` are the values given to it: of inputs, captured arrays and Python scalars, in the order in which the
    calls took them, and those read on the way.
    """

    __slots__ = ("capturing", "entered", "leaves", "node", "open", "private", "recorded", "vars")

    def __init__(self) -> None:
        self.open = True
        self.node = trie.root
        self.vars: list[Var | None] = []
        self.leaves: list[Leaf] = []
        self.entered: dict[Var, int] = {}
        """Numbers of the variables from outside."""
        self.recorded: Listing | None = None
        self.capturing = False
        """Whether the ops of a new call are being recorded, which make up that call."""
        self.private = False
        """Whether that call is not to be found again, because Python functions or values were at work in it."""

    def close(self) -> None:
        """End the recording: let go of the variables, as those that are still held refer to it."""
        self.open = False
        self.vars, self.entered, self.recorded = [], {}, None

    # --- the op list -----------------------------------------------------------------------------------------

    def listing(self) -> Listing:
        """The op list, up to date."""
        if self.recorded is None:
            self.recorded = Listing(self.vars, self.leaves, self)
        if not self.capturing:
            self.recorded.extend(self.node)
        return self.recorded

    def replayed(self) -> Listing:
        """The op list on variables of its own, for use after the recording or in another thread."""
        node = self.node
        listing = Listing([None] * node.end, self.leaves, self)
        listing.extend(node)
        return listing

    def size(self) -> int:
        """Number of ops so far."""
        return len(self.recorded.ops) if self.capturing and self.recorded else self.node.size

    def variable(self, number: int, a: Aval) -> Var:
        """A new traced variable."""
        var = Var(a)
        var.trace = self
        var.number = number
        return var

    # --- values ----------------------------------------------------------------------------------------------

    def read(self, var: Var) -> None:
        """Make a variable of this recording known, as a call like others: from here on values are leaves.

        All results of the ops that run are kept, so that a loop that reads a value at every turn stays linear.
        """
        listing = self.listing() if self.capturing else None
        if listing:
            self.private = True  # what is recorded next may depend on the value
            wanted = [v for op in listing.ancestors([var]) for v in op.outputs]
            for v, value in zip(wanted, Ready(listing, wanted).values(self.leaves), strict=True):
                v.value = value
            return
        key = (READ, var.number, devices.current().name)
        child = self.node.next.get(key)
        if child is None:
            listing = self.listing()
            wanted = [v for op in listing.ancestors([var]) for v in op.outputs]
            ready = Ready(listing, wanted)
            leaves = tuple([(v.number, v.aval) for v in wanted])
            child = trie.add(key, Node(self.node, 0, leaves, shared=self.shared()))
            child.ready[READ] = ready
        values = child.ready[READ].values(self.leaves)
        self.node = child
        self.leaves.extend(values)
        for (number, _), value in zip(child.leaves, values, strict=True):
            seen = self.vars[number]
            if seen is not None:
                seen.value = value

    def value(self, var: Var) -> Buffer | Uniform:
        """The value of a variable of this recording, seen from outside it."""
        listing = self.replayed()
        (value,) = Ready(listing, [listing.vars[var.number]]).values(self.leaves)  # type: ignore[list-item]
        return value

    # --- calls -----------------------------------------------------------------------------------------------

    def enter(self, variables: Sequence[Var]) -> None:
        """Take in variables from outside: their values are leaves."""
        key = (ENTER, *[signature(v) for v in variables])
        child = self.node.next.get(key)
        if child is None:
            leaves = tuple([(n, v.aval) for n, v in enumerate(variables, len(self.vars))])
            child = trie.add(key, Node(self.node, len(leaves), leaves, shared=self.shared()))
        self.node = child
        for v in variables:
            self.entered[v] = len(self.vars)
            self.vars.append(v)
            self.leaves.append(v.trace if v.value is None else v.value)  # type: ignore[arg-type]

    def inputs(self, variables: list[Var]) -> list[Var]:
        """Take in variables that are of this recording alone."""
        first = len(self.vars)
        self.enter(variables)
        for number, v in enumerate(variables, first):
            v.trace, v.number = self, number
        return variables

    def number(self, var: Var) -> int:
        """The number of a variable; one from outside enters."""
        if var.trace is self:
            return var.number
        found = self.entered.get(var)
        if found is None:
            abstract = type(var.trace) is Abstract
            self.enter([var if abstract or var.value is not None else Var(var.aval, known(var))])
            found = self.entered[var] = len(self.vars) - 1
        return found

    def shared(self) -> bool:
        """Whether calls are looked up and kept."""
        return self.node.next is not NOTHING

    def call(self, key: Hashable, emit: Callable[[], Sequence[Var]], scalars: Sequence[Any] = ()) -> Sequence[Var]:
        """The results of a call; `emit` records its ops if it is new.

        `key` is what its ops depend on: the function, the numbers of operands, the types of `scalars`.
        """
        child = self.node.next.get(key)
        return self.first(key, emit, scalars) if child is None else self.again(child, scalars)

    def again(self, child: Node, scalars: Sequence[Any] = ()) -> Sequence[Var]:
        """The results of a call that is known."""
        self.node = child
        self.leaves.extend(map(Uniform, scalars))
        self.vars.extend(child.unseen)
        if child.aval is not None:
            var = self.variable(len(self.vars), child.aval)
            self.vars.append(var)
            return (var,)
        return [self._seen(r, a) if type(r) is int else r for r, a in child.results]  # type: ignore[misc]

    def _seen(self, number: int, a: Aval) -> Var:
        var = self.vars[number]
        if var is None:
            var = self.vars[number] = self.variable(number, a)
        return var

    def first(
        self, key: Hashable, emit: Callable[[], Sequence[Var]], scalars: Sequence[Any] = ()
    ) -> Sequence[Var]:
        """The results of a call that is new: what `emit` records makes up the call."""
        listing = self.listing()
        start, begin, given = len(listing.ops), len(self.vars), len(self.leaves)
        self.vars.extend([None] * len(scalars))
        self.leaves.extend(map(Uniform, scalars))
        self.capturing, self.private = True, not self.shared()
        try:
            results = emit()
        except BaseException:
            if self.shared():
                del listing.ops[start:], self.vars[begin:], self.leaves[given:]
            else:  # a user's rule may have kept what it recorded
                self._add(key, listing.ops[start:], (), scalars, begin)
            raise
        finally:
            self.capturing = False
        self._add(key, listing.ops[start:], results, scalars, begin)
        return results

    def _add(
        self, key: Hashable, ops: list[Op], results: Sequence[Var], scalars: Sequence[Any], begin: int
    ) -> None:
        listing = self.listing()
        leaves = self._scalars_among(ops, scalars, begin)
        templates = [
            Template(
                op.primitive, op.params, self._refs(op.inputs), tuple([(v.number, v.aval) for v in op.outputs])
            )
            for op in ops
        ]
        ends = tuple([(r, v.aval) for r, v in zip(self._refs(results), results, strict=True)])
        child = Node(self.node, len(self.vars) - begin, leaves, tuple(templates), ends, not self.private)
        listing.node = self.node = trie.add(key, child)

    def _refs(self, variables: Iterable[Var]) -> tuple[Ref, ...]:
        return tuple([v.number if v.trace is self else self.entered.get(v, v) for v in variables])

    def _scalars_among(
        self, ops: Sequence[Op], scalars: Sequence[Any], begin: int
    ) -> tuple[tuple[int, Aval | None], ...]:
        """Number the constants of the ops that are the scalars, in their order: their values come with each call.

        A constant that is none of them may depend on them, so that the call is not to be found again.
        """
        leaves: list[tuple[int, Aval | None]] = [(begin + i, None) for i in range(len(scalars))]
        left = list(range(len(scalars)))
        first_leaf = len(self.leaves) - len(scalars)
        for v in [v for op in ops for v in op.inputs] if scalars else ():
            if v.trace is self or v in self.entered:
                continue
            held = v.value.scalar if isinstance(v.value, Uniform) else None
            i = next((i for i in left if scalars[i] is held or scalars[i] == held), None)
            if i is None:
                self.private = True
                continue
            left.remove(i)
            leaves[i] = (begin + i, v.aval)
            v.trace, v.number = self, begin + i
            self.vars[v.number] = v
            self.listing().sources[v] = first_leaf + i
        return tuple(leaves)

    def apply(self, primitive: Primitive, inputs: tuple[Var, ...], params: dict[str, Any]) -> tuple[Var, ...]:
        """Record an op of the call that is new."""
        op = apply(primitive, tuple([self.inside(v) for v in inputs]), params)
        for v in op.outputs:
            v.trace, v.number = self, len(self.vars)
            self.vars.append(v)
        self.listing().append(op)
        self.private = self.private or primitive.opaque
        return op.outputs

    def inside(self, var: Var) -> Var:
        """The variable as an operand: one that another thread records is a constant here."""
        if var.trace is self or var.value is not None or type(var.trace) is Abstract:
            return var
        return self.vars[self.entered[var]] if var in self.entered else Var(var.aval, known(var))  # type: ignore[return-value]
