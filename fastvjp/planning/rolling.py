"""Rolling: loops of Python, which a recording has turn by turn, become loops again.

A stretch of ops that repeats itself (repetition.py) becomes one op with a body (turns.py). What a turn takes from
the one before is carried; what others read of each turn lies in one array, with a place for each turn. Loops
within loops are found from the inside out.
"""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..core.avals import aval
from ..core.program import Op, Var
from .numbering import SCALARS, Node, Numbered, Strides, View, beginning, element, section
from .repetition import LONG, Run, runs
from .simplifying import live
from .turns import LOOP, MEMORY, READ, WINDOW, WRITE, Given, Memory, Result, Starts, Turns


def rolled(
    ops: Sequence[Op],
    outputs: Sequence[Var],
    leaves: Sequence[Var],
    strides: Sequence[Strides | None],
    repeats: Callable[[Op], bool],
) -> Sequence[Op]:
    """The ops with loops for what is repeated.

    Args:
        ops: in recorded order.
        outputs: variables whose values are wanted.
        leaves: the variables whose values the plan will be given.
        strides: those of the values, in elements; None for C-contiguous ones.
        repeats: whether a device can run an op in a loop.
    """
    while len(ops) >= LONG:
        listed = Numbered(ops, outputs, leaves, strides, repeats)
        found = runs(listed)
        if not found:
            break
        ops = live(_Rolling(listed, found, outputs).ops(ops), outputs)
    return ops


class _Rolling:
    """One pass: every stretch becomes an op."""

    def __init__(self, listed: Numbered, found: Sequence[Run], outputs: Sequence[Var]) -> None:
        self.listed = listed
        self.runs = found
        self.firsts = [run.first for run in found]
        self.wanted: defaultdict[Run, set[int]] = defaultdict(set)
        """Results of turns that others read one by one."""
        self.stacked: defaultdict[Run, set[int]] = defaultdict(set)
        """Which results of a turn have a place for each turn."""
        self.stacks: dict[tuple[Run, int], Var] = {}
        self._find_wanted(outputs)

    def run_of(self, number: int) -> Run | None:
        """The stretch of which a variable is a result."""
        at = bisect(self.firsts, number) - 1
        return self.runs[at] if at >= 0 and self.runs[at].has(number) else None

    def _find_wanted(self, outputs: Sequence[Var]) -> None:
        listed = self.listed
        others = np.ones(len(listed.nodes), bool)
        for run in self.runs:
            others[run.start : run.stop] = False
        wanted = {o.root for i in np.flatnonzero(others) for o in listed.nodes[i].operands}
        wanted |= {o.root for v in outputs if (o := listed.operands.get(v))}
        for run in self.runs:
            for node, numbers in zip(listed.nodes[run.start :], run.numbers, strict=False):
                for column in numbers[:, : len(node.operands)].T:
                    outside = column[((column < run.first) | (column >= run.end)) & (column < SCALARS)]
                    other = self.run_of(int(outside[-1])) if outside.size == run.trips else None
                    if other is not None and outside[0] != outside[-1]:  # every turn reads another one's
                        self.stacked[other].add(int(outside[0] - other.first) % other.results)
                    else:
                        wanted.update(outside.tolist())
        for number in wanted:
            of = self.run_of(number)
            if of is not None:
                self.wanted[of].add(number)
        for run, results in self.wanted.items():
            last = run.end - run.results
            self.stacked[run] |= {(n - run.first) % run.results for n in results if n < last}

    def stack(self, run: Run, result: int) -> Var:
        """The array that has a result of every turn."""
        found = self.stacks.get((run, result))
        if found is None:
            a = self.listed.variables[run.first + result].aval
            found = self.stacks[run, result] = Var(aval((run.trips, *a.shape), a.dtype))
        return found

    def ops(self, ops: Sequence[Op]) -> list[Op]:
        """The op list with the loops."""
        places, found, at = self.listed.places, list[Op](), 0
        for run in self.runs:
            start, stop = places[run.start], places[run.stop - 1] + 1
            repeated = set(places[run.start : run.stop])
            found += ops[at:start]
            found += _Loop(self, run).ops()
            found += self._elements(run)
            found += [op for i, op in enumerate(ops[start:stop], start) if i not in repeated]  # views
            at = stop
        return [*found, *ops[at:]]

    def _elements(self, run: Run) -> list[Op]:
        """What others read one by one, out of the arrays that have it of all turns."""
        found = []
        for number in sorted(self.wanted[run]):
            turn, result = divmod(number - run.first, run.results)
            if result in self.stacked[run]:
                stack, var = self.stack(run, result), self.listed.variables[number]
                section, shaped = element(stack)
                one = Var(aval((1, *var.aval.shape), var.aval.dtype))
                found += [section.op(stack, beginning(stack, turn), one), shaped.op(one, (), var)]
        return found


@dataclass
class _Entered:
    """An array that turns write to, before the loop and as its body knows it; see `turns.Memory`."""

    array: Var
    inner: Var
    whole: int
    windows: list[int] = field(default_factory=list)
    output: int = -1


def _first_two(starts: np.ndarray) -> tuple[Starts, Starts]:
    first, second = starts[:2].tolist()
    return tuple(first), tuple(second)


class _Loop:
    """The op that a stretch becomes."""

    def __init__(self, rolling: _Rolling, run: Run) -> None:
        self.rolling = rolling
        self.run = run
        self.before: list[Op] = []
        """Views of what the loop is given."""
        self.given: list[Given] = []
        self.inputs: list[Var] = []
        self.body: list[Op] = []
        self.made: dict[tuple[int, int], Var] = {}
        """The variables of the body: results of one of its turns."""
        self.carried: dict[tuple[int, int, Starts], tuple[int, Var]] = {}
        """What is carried: its place among what is given, and its variable."""
        self.seen: dict[tuple[Var, tuple[View, ...], Starts], Var] = {}
        self.known: dict[tuple[Var, Var | None, int], Var] = {}
        self.memories: list[_Entered] = []
        self.written: dict[tuple[int, int], _Entered] = {}
        """The arrays that nodes write to, by their place in a turn and the operand, ..."""
        self.states: dict[int, _Entered] = {}
        """... and by the results that are a state of one."""
        self.results: list[Result] = []
        self.outputs: list[Var] = []

    def ops(self) -> list[Op]:
        """The op, behind the views of its operands."""
        run, nodes = self.run, self.rolling.listed.nodes
        self._enter_memories()
        turn = nodes[run.start : run.start + run.period]
        for copy in range(run.together):
            for k, node in enumerate(turn):
                self._add(copy, k, node)
        self._give_results()
        self._carry()
        trips = run.trips // run.together
        memories = [Memory(m.whole, tuple(m.windows), m.output) for m in self.memories]
        turns = Turns(trips, tuple(self.given), tuple(self.body), tuple(self.results), tuple(memories))
        return [*self.before, Op(LOOP, tuple(self.inputs), {"turns": turns}, tuple(self.outputs))]

    def _add(self, copy: int, place: int, node: Node) -> None:
        """Add to the body what a node does."""
        primitive, first = node.op.primitive, node.first - self.run.first
        memory = self.written.get((place, node.writes[0][0])) if node.writes else None
        if primitive is MEMORY and memory is not None:
            return
        inputs = self._operands(copy, place, node)
        if node.reads:
            (window,) = inputs
            if self._memory_read(place, 0) is None:
                self.made[copy, first] = window
                return
            primitive, params = READ, {}
        elif memory is not None and primitive is not LOOP:
            self.body.append(Op(WRITE, tuple(inputs), {"adds": primitive.name == "slice_add"}, ()))
            return
        else:
            params = node.op.params
        outputs = tuple([Var(v.aval) for v in node.op.outputs])
        self.body.append(Op(primitive, tuple(inputs), params, outputs))
        self.made.update({(copy, first + k): v for k, v in enumerate(outputs)})

    # --- memories ------------------------------------------------------------------------------------------

    def _enter_memories(self) -> None:
        """Take in the arrays that turns write to, as they are before the first one."""
        for memory in self.run.memories:
            k, operand, _ = memory.writes[0]
            array = self.rolling.listed.variable(int(self.run.numbers[k][0, operand]))
            whole = Var(array.aval)
            self.before.append(Op(MEMORY, (array,), {}, (whole,)))
            inner = Var(array.aval)
            entered = _Entered(whole, inner, len(self.given))
            self.given.append(Given(inner))
            self.inputs.append(whole)
            self.memories.append(entered)
            self.written.update({(k, operand): entered for k, operand, _ in memory.writes})
            self.states.update({result: entered for _, _, result in memory.writes})

    def _memory_read(self, place: int, operand: int) -> _Entered | None:
        """The array of which a node reads a section, or in which it has a window."""
        source = self.run.source(place, operand)
        return None if source is None else self.states.get(source[0])

    def _window(self, memory: _Entered, views: tuple[View, ...], first: Starts, second: Starts) -> Var:
        """Where a section lies in an array at each turn."""
        views = tuple([replace(v, primitive=WINDOW) if v.axes else v for v in views])
        x = self._viewed(self.before, memory.array, views, first)
        y = None if first == second else self._viewed(self.before, memory.array, views, second)
        number = len(self.given)
        var = self._give(x, y)
        if number < len(self.given):
            memory.windows.append(number)
        return var

    # --- what it is given ----------------------------------------------------------------------------------

    def _operands(self, copy: int, place: int, node: Node) -> list[Var]:
        numbers = self.run.numbers[place]
        at, found = len(node.operands), []
        own = numbers[:, at + sum(len(o.starts) for o in node.operands) :]
        for k, o in enumerate(node.operands):
            starts = numbers[:, at : at + len(o.starts)]
            at += len(o.starts)
            memory = self.written.get((place, k))
            if memory is not None and own.size:
                view = View(WINDOW, section(node.op), own.shape[1])
                found.append(self._window(memory, (view,), *_first_two(own)))
            elif memory is not None:
                found.append(memory.inner)
            elif (memory := self._memory_read(place, k)) is not None:
                found.append(self._window(memory, o.views, *_first_two(starts)))
            else:
                found.append(self._operand(copy, numbers[:, k], o.views, starts))
        return found

    def _operand(self, copy: int, roots: np.ndarray, views: tuple[View, ...], starts: np.ndarray) -> Var:
        """What an operand is at the first turn of the body, and how it moves on."""
        run, together = self.run, self.run.together
        first, second = (tuple(starts[turn].tolist()) for turn in (copy, copy + together))
        root, last = int(roots[copy]), int(roots[-1])
        step = int(roots[copy + together]) - root
        if run.has(last):
            back = run.trips - 1 - (last - run.first) // run.results
            of, result = copy - back, (last - run.first) % run.results
            if of >= 0:
                return self._inside(self.made[of, result], views, first)
            inits = tuple(roots[copy : copy + together * -(of // together) : together].tolist())
            return self._inside(self._carried(of % together, result, inits), views, first)
        if root >= SCALARS and step:
            return self._inside(self._give(self.rolling.listed.leaves[root], words=step), views, first)
        other = self.rolling.run_of(root) if step else None
        if other is None:
            var = self.rolling.listed.variable(root)
        else:
            turn, result = divmod(root - other.first, other.results)
            var = self.rolling.stack(other, result)
            views = (*element(var), *views)
            first = beginning(var, turn) + first
            second = beginning(var, turn + step // other.results) + second
        outer = 1 + max([i for i, view in enumerate(views) if view.axes], default=-1)
        x = self._viewed(self.before, var, views[:outer], first)
        y = self._viewed(self.before, var, views[:outer], second)
        return self._inside(self._give(x, None if first == second else y), views[outer:], ())

    def _give(self, first: Var, second: Var | None = None, words: int = 0) -> Var:
        """An operand of the loop, as its body knows it."""
        found = self.known.get((first, second, words))
        if found is None:
            found = self.known[first, second, words] = Var(first.aval)
            self.given.append(Given(found, second is not None, words))
            self.inputs += [first] if second is None else [first, second]
        return found

    def _carried(self, copy: int, result: int, inits: Starts) -> Var:
        """What a result of a turn before is, that at the first turns is one of these variables."""
        key = copy, result, inits
        if key not in self.carried:
            init = self.rolling.listed.variable(inits[0])
            self.carried[key] = len(self.given), Var(init.aval)
            self.given.append(Given(self.carried[key][1]))
            self.inputs.append(init)
            if len(inits) > 1:
                self._carried(copy, result, inits[1:])
        return self.carried[key][1]

    def _inside(self, x: Var, views: tuple[View, ...], starts: Starts) -> Var:
        return self._viewed(self.body, x, views, starts)

    def _viewed(self, ops: list[Op], x: Var, views: tuple[View, ...], starts: Starts) -> Var:
        """A variable through views."""
        for view in views:
            key = (x, (view,), starts[: view.axes])
            starts = starts[view.axes :]
            if key not in self.seen:
                op = view.op(x, key[2])
                ops.append(op)
                self.seen[key] = op.outputs[0]
            x = self.seen[key]
        return x

    # --- what it gives -------------------------------------------------------------------------------------

    def _give_results(self) -> None:
        rolling, run = self.rolling, self.run
        for result in sorted(rolling.stacked[run]):
            stack = rolling.stack(run, result)
            for copy in range(run.together):
                var = self.made[copy, result]
                self.results.append(Result(var, len(self.outputs), copy, run.together))
            self.outputs.append(stack)
        for number in sorted(rolling.wanted[run]):
            result = (number - run.first) % run.results
            if result in self.states:
                self.states[result].output = len(self.outputs)
                self.outputs.append(rolling.listed.variables[number])
            elif result not in rolling.stacked[run]:
                self._give_last(self.made[run.together - 1, result], rolling.listed.variables[number])

        for memory in self.memories:
            if memory.output < 0:
                memory.output = len(self.outputs)
                self.outputs.append(Var(memory.array.aval))

    def _give_last(self, var: Var, output: Var) -> int:
        self.results.append(Result(var, len(self.outputs)))
        self.outputs.append(output)
        return len(self.results) - 1

    def _carry(self) -> None:
        """Let turns see results of the turn before."""
        for (copy, result, inits), (place, var) in self.carried.items():
            source = self.made[copy, result] if len(inits) == 1 else self.carried[copy, result, inits[1:]][1]
            found = [i for i, r in enumerate(self.results) if r.var is source]
            carried = found[0] if found else self._give_last(source, Var(source.aval))
            self.given[place] = Given(var, carried=carried)
