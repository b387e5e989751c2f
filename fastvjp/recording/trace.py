"""`Trace`: one recording, as a path through the trie of recorded calls.

A call that the trie knows costs a look-up: neither promotion nor inference happens, no op is made. Only where a
call is new, or where a transform looks at the ops, is the op list brought up to date.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, Protocol

from .. import devices
from ..core.avals import Aval
from ..core.primitive import Primitive
from ..core.program import Abstract, Buffer, Op, Uniform, Var, apply, form_of
from ..core.scalars import place_of
from .dependence import Differentiated
from .hints import THREAD
from .listing import Leaf, Listing
from .patterns import Name, Pattern, pattern_of, single
from .reads import guard
from .ready import Ready, known, signature
from .trie import Node, trie

ENTER, READ = "enter", "read"


class Named(Protocol):
    """What an array has to tell which variable it is: its recording and its number there."""

    _trace: Any
    _number: int

    @property
    def _var(self) -> Var: ...


class Trace:
    """One recording. Its variables are numbered in the order in which they come.

    `vars` has those that were asked for; an array knows its number, and that is enough to go on recording.
    `leaves` are the values given to the recording: of inputs, captured arrays and Python scalars, in the order in
    which the calls took them, and those read on the way.
    """

    __slots__ = (
        "capturing",
        "count",
        "differentiated",
        "entered",
        "kept",
        "leaves",
        "memo",
        "node",
        "once",
        "open",
        "pending",
        "private",
        "recorded",
        "rows",
        "vars",
        "views",
    )

    def __init__(self) -> None:
        self.node = trie.root
        self.vars: dict[int, Var] = {}
        self.leaves: list[Leaf] = []
        self.entered: dict[Var, int] = {}
        """Numbers of the variables from outside."""
        self.recorded: Listing | None = None
        self.open = True
        self.differentiated: Differentiated | None = None
        """The inputs of the innermost transform whose function is running."""
        self.once: str | None = None
        """The transform, `compile` say, that calls the running function once for many results."""
        self.capturing = False
        """Whether the ops of a new call are being recorded: they make up that call."""
        self.count = 0
        """While they are: how many variables there are."""
        self.memo: Any = None
        """And what is to be remembered with the call."""
        self.private = False
        """And whether that call is not to be found again, as Python functions or values are at work in it."""
        self.views = False
        """Whether slices, transposes and the like are views, as NumPy's are: where the inputs are NumPy's."""
        self.pending: list[Any] = []
        """Results that are views, but of which nothing has yet been changed: see `arrays/views.py`."""
        self.rows = True
        """Whether all arrays would lie row by row in NumPy's memory: see `arrays/views.py`."""
        self.kept = True
        """Whether what is recorded is kept for others."""

    def leave_trie(self) -> None:
        """Let nothing of this recording, in which nothing is yet, be kept for others."""
        self.node, self.kept = Node(shared=False), False

    def close(self) -> None:
        """End the recording: let go of the variables, as those that are still held refer to it."""
        node = self.node
        while self.kept and not node.is_shared:
            assert node.parent is not None
            node = node.parent
        if self.kept:
            trie.ended(node)
        self.open = False
        if self.recorded is not None:
            self.recorded.growing.end()
        self.vars, self.entered, self.recorded, self.differentiated, self.pending = {}, {}, None, None, []

    # --- the op list -----------------------------------------------------------------------------------------

    def listing(self) -> Listing:
        """The op list, up to date."""
        if self.recorded is None:
            self.recorded = Listing(self, self.leaves, self.vars)
        if not self.capturing:
            self.recorded.extend(self.node)
        return self.recorded

    def size(self) -> int:
        """Number of ops so far."""
        return len(self.listing().ops) if self.capturing else self.node.size

    def variable(self, number: int, a: Aval) -> Var:
        """The variable of a number."""
        if not self.open:
            return Var(a, None, self, number)
        var = self.vars.get(number)
        if var is None:
            var = self.vars[number] = Var(a, None, self, number)
        return var

    # --- values ----------------------------------------------------------------------------------------------

    def read(self, var: Var) -> None:
        """Make a variable of this recording known.

        It is a call like others, after which values are leaves. All results of the ops that run are kept, so that
        a loop that reads a value at every turn stays linear.
        """
        if self.capturing:
            self.private = True
            self._evaluate(var)
            return
        key = (READ, var.number, devices.current().name)
        child = self.node.next.get(key)
        if child is None:
            listing = self.listing()
            wanted = [v for op in listing.ancestors([var]) for v in op.outputs]
            ready = Ready(listing, wanted)
            given = tuple([v.number for v in wanted])
            leaves = tuple([(r, v.aval) for r, v in enumerate(wanted)])
            child = trie.add(Node(self.node, key, Pattern((), len(given), 0, leaves), given, self.shared()))
            child.keep(READ, ready)
        values = child.ready[READ].values(self.leaves)
        self.node = child
        self.leaves.extend(values)
        for number, value in zip(child.operands, values, strict=True):
            if number in self.vars:
                self.vars[number].value = value
        if var.value is None:  # an earlier read has made it known, before anybody asked for the variable
            self.listing()

    def _evaluate(self, var: Var) -> None:
        """Make a variable known in the middle of a call."""
        listing = self.listing()
        wanted = [v for op in listing.ancestors([var]) for v in op.outputs]
        for v, value in zip(wanted, Ready(listing, wanted).values(self.leaves), strict=True):
            v.value = value

    def value(self, var: Var) -> Buffer | Uniform:
        """The value of a variable of this recording, seen from outside it: after it, or in another thread."""
        listing = Listing(self, self.leaves, {})
        listing.extend(self.node)
        (value,) = Ready(listing, [listing.vars[var.number]]).values(self.leaves)
        return value

    def depends(self, var: Var) -> bool:
        """Whether the variable depends on an input of a transform that is running, by which it differentiates."""
        level = self.differentiated if self.open else None
        more: list[Op] = []
        if level is not None and self.capturing:  # in a user's rule: what it does is not for others to find
            self.private = True
            more = self.listing().ops[self.node.size :]
        while level is not None and not level.reaches(var, self.node, more):
            level = level.outer
        return level is not None

    # --- calls -----------------------------------------------------------------------------------------------

    def shared(self) -> bool:
        """Whether calls are looked up and kept."""
        return self.node.is_shared

    def inputs(self, variables: Sequence[Var]) -> list[Var]:
        """Variables of the same values, with respect to which ops can be differentiated."""
        own = []
        number = self._enter(variables)
        for v in variables:
            if v.trace is not None:
                guard(v, THREAD)
            value = v.value or known(v)
            self.leaves.append(value)
            self.vars[number] = var = Var(v.aval, value, self, number)
            own.append(var)
            number += 1
        return own

    def enter(self, variables: Sequence[Var]) -> None:
        """Take in variables from outside: their values are leaves."""
        number = self._enter(variables)
        for v in variables:
            self.leaves.append(v.trace if v.value is None else v.value)  # type: ignore[arg-type]
            self.vars[number] = v
            self.entered[v] = number
            number += 1

    def _enter(self, variables: Sequence[Var]) -> int:
        """Go on to a node that gives variables; returns the number of the first."""
        signatures: list[Hashable] = [ENTER]
        for v in variables:
            value: Any = v.value
            signatures.append(signature(v) if value is None or value.layout is not None else v.aval)
        key = tuple(signatures)
        first = self.node.end
        child = self.node.next.get(key)
        if child is None:
            leaves = tuple([(r, v.aval) for r, v in enumerate(variables)])
            child = trie.add(Node(self.node, key, Pattern((), 0, len(leaves), leaves), (), self.shared()))
        self.node = child
        return first

    def number(self, var: Var) -> int:
        """The number of a variable; one from outside enters."""
        if var.trace is self:
            return var.number
        found = self.entered.get(var)
        if found is None:
            guard(var, THREAD)
            abstract = type(var.trace) is Abstract
            self.enter([var if abstract or var.value is not None else Var(var.aval, known(var))])
            found = self.entered[var] = self.node.end - 1
        return found

    def key(self, transform: Hashable, given: Iterable[Named]) -> Hashable:
        """The key of a call of a transform: with the numbers of the variables that it is given."""
        key = [transform]
        for x in given:
            key.append(x._number if x._trace is self else self.number(x._var))
        return tuple(key)

    def call(
        self,
        key: Hashable,
        emit: Callable[[], Sequence[Var]],
        scalars: Sequence[Any] = (),
        like: Hashable = None,
        given: Sequence[int] = (),
    ) -> Sequence[Var]:
        """The results of a call; `emit` records its ops if it is new.

        Args:
            key: what its ops depend on: the function, the numbers of operands, the types of `scalars`.
            emit: records its ops and gives the results.
            scalars: Python scalars among its operands.
            like: the same as `key` for all calls that have its pattern; None if there are none.
            given: the numbers of those operands that are arrays.
        """
        child = self.node.next.get(key) or self.again(key, like, given)
        if child is None:
            return self._first(key, emit, scalars, like, given)
        self.node = child
        self.leaves.extend(map(Uniform, scalars))
        row = child.row
        found = [(row[r], a) for r, a in child.pattern.results]
        return [self.variable(n, a) if isinstance(n, int) else n for n, a in found]

    def bind(self, primitive: Primitive, inputs: tuple[Var, ...], params: dict[str, Any]) -> Sequence[Var]:
        """The results of a call that is one op."""
        numbers = tuple(map(self.number, inputs))
        key = (primitive, *numbers, *params.items())
        form = None
        if key not in self.node.next:
            form = form_of(primitive, [v.aval for v in inputs], params)
        if form is not None:
            self.node = trie.add(Node(self.node, key, single(form, len(inputs)), numbers, self.shared()))
            first = self.node.first
            return [self.variable(n, a) for n, a in enumerate(form.outputs, first)]
        return self.call(key, lambda: self.apply(primitive, inputs, params))

    def again(self, key: Hashable, like: Hashable, given: Sequence[int]) -> Node | None:
        """The node of a call that is new here, but has the pattern of another; None if that is not known."""
        pattern = trie.patterns.get(like)
        if pattern is None:
            return None
        return trie.add(Node(self.node, key, pattern, tuple(given), self.shared()))

    def last(self, emit: Callable[[], Sequence[Var]]) -> Sequence[Var]:
        """The results of a call with which the recording ends: what it records is not kept for others."""
        return self._first(None, emit, last=True)

    def _first(
        self,
        key: Hashable,
        emit: Callable[[], Sequence[Var]],
        scalars: Sequence[Any] = (),
        like: Hashable = None,
        given: Sequence[int] = (),
        last: bool = False,
    ) -> Sequence[Var]:
        """The results of a call that is new: what `emit` records makes up the call."""
        listing = self.listing()
        start, first = len(listing.ops), self.node.end
        self.count = first + len(scalars)
        self.capturing, self.private = True, False
        try:
            results = emit()
        except BaseException:
            if self.private:  # somebody may have kept what was recorded
                self._add(key, listing.ops[start:], (), scalars)
            else:
                del listing.ops[start:]
                for number in range(first, self.count):
                    self.vars.pop(number, None)
            raise
        finally:
            self.capturing = False
        self._add(key, listing.ops[start:], results, scalars, like, given, last)
        return results

    def _add(
        self,
        key: Hashable,
        ops: list[Op],
        results: Sequence[Var],
        scalars: Sequence[Any],
        like: Hashable = None,
        given: Sequence[int] = (),
        last: bool = False,
    ) -> None:
        """Go on to a new node."""
        leaves = self._enter_scalars(ops, scalars)
        variables = range(self.node.end, self.count)
        if last and not self.private and not any(_has_users_rule(op) for op in self.listing().ops):
            # nobody has what the rules have made, as a user's rule might
            pattern, operands = Pattern(variables=len(variables)), ()
        else:
            pattern, operands = pattern_of(ops, results, self._name, given, variables, leaves)
        if like is not None and not self.private and self.memo is None and len(operands) == len(given):
            trie.learn(like, pattern)
        child = Node(self.node, key, pattern, operands, self.shared() and not (self.private or last))
        assert self.recorded is not None
        child.memo, self.memo = self.memo, None
        self.recorded.node = self.node = trie.add(child)

    def derived(self, key: Hashable, given: Sequence[Var], emit: Callable[[], Var]) -> Var:
        """What a rule gives: `emit` records its ops, which are a part of the call at hand, if they are new.

        Args:
            key: what its ops depend on, except for which variables it is given.
            given: those.
            emit: records its ops and gives the result.
        """
        listing, first = self.listing(), self.count
        pattern = trie.patterns.get(key)
        if pattern is not None:
            self.count = first + pattern.variables
            operands = [v if v.trace is self else self.inside(v) for v in given]
            found: Var = listing.repeat(pattern, operands, first)[pattern.results[0][0]]
            return found
        start, private = len(listing.ops), self.private
        self.private = False
        try:
            result = emit()
            variables = range(first, self.count)
            pattern, read = pattern_of(
                listing.ops[start:], [result], self._name, [*map(self._name, given)], variables
            )
            if len(read) == len(given) and not self.private and pattern.is_closed():
                trie.learn(key, pattern)
        finally:
            self.private = self.private or private
        return result

    def _name(self, var: Var) -> Name:
        return var.number if var.trace is self else self.entered.get(var, var)

    def _enter_scalars(self, ops: Sequence[Op], scalars: Sequence[Any]) -> tuple[tuple[int, Aval | None], ...]:
        """Find the scalars among the constants of the ops: they become leaves, given anew with each call.

        A constant that is none of them may depend on them: such a call is not to be found.
        """
        first = self.node.end
        leaves: list[tuple[int, Aval | None]] = [(first + i, None) for i in range(len(scalars))]
        self.leaves.extend(map(Uniform, scalars))
        for v in [v for op in ops for v in op.inputs] if scalars else ():
            if v.trace is self or v in self.entered:
                continue
            i = place_of(v.value.scalar) if isinstance(v.value, Uniform) else None
            if i is None or leaves[i][1] not in (None, v.aval):
                self.private = True
                continue
            leaves[i] = (first + i, v.aval)
            v.trace, v.number = self, first + i
            self.vars[v.number] = v
            assert self.recorded is not None
            self.recorded.give(v, len(self.leaves) - len(scalars) + i)
        return tuple(leaves)

    def apply(self, primitive: Primitive, inputs: tuple[Var, ...], params: dict[str, Any]) -> tuple[Var, ...]:
        """Record an op of the call that is new."""
        op = apply(primitive, tuple([self.inside(v) for v in inputs]), params)
        for v in op.outputs:
            v.trace, v.number = self, self.count
            self.vars[self.count] = v
            self.count += 1
        self.listing().append(op)
        self.private = self.private or primitive.opaque
        return op.outputs

    def inside(self, var: Var) -> Var:
        """The variable as an operand: one that another thread records is a constant here."""
        if var.trace is self or var.value is not None or type(var.trace) is Abstract:
            return var
        return self.vars[self.entered[var]] if var in self.entered else Var(var.aval, known(var))


def _has_users_rule(op: Op) -> bool:
    return op.primitive.opaque or op.primitive.definition is not None
