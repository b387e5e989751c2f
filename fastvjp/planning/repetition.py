"""Repetition in an op list: stretches in which the same ops follow each other over and over.

Where all numbers of the ops (numbering.py) move by the same step from turn to turn, the stretch is a loop.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .numbering import ARRAYS, SCALARS, STRIDED, Node, Numbered
from .turns import LOOP, WINDOW

LONG = 256
"""Ops of an op list in which loops are looked for: what a shorter one repeats becomes a few fused steps."""
LEAST_TRIPS = 4
LEAST_OPS = 32
"""Turns, and ops in all, that make a loop."""
ALIKE = 6
"""Ops that are equal where a stretch may begin anew."""
TRIED = 12
"""Places where a stretch may begin anew that are looked at, ..."""
FAILED = 3
"""... unless so many have turned out to be none."""
BODY = 48
"""Ops up to which a body takes several turns: they become fewer steps, which move less memory, ..."""
FEW = 16
"""... if there are more elements than stay in registers from turn to turn anyway."""
LOOKED_AT = 64
"""Turns that are looked at first: those of an inner loop are repeated by the one around it, but do not go on."""


class Written(NamedTuple):
    """An array that the nodes of a turn write to: for each its place in the turn, the operand, and the result's
    place among those of a turn."""

    writes: tuple[tuple[int, int, int], ...]

    def latest(self, node: int) -> tuple[int, int]:
        """What the array is before a node of a turn: by which result, and how many turns before."""
        before = [result for k, _, result in self.writes if k < node]
        return (before[-1], 0) if before else (self.writes[-1][2], 1)


@dataclass(frozen=True, eq=False)
class Run:
    """A stretch of nodes in which `period` of them are repeated `trips` times.

    Args:
        start: the first node.
        period: how many nodes make a turn.
        trips: how many turns there are.
        first: the number of the first result.
        results: how many results a turn has.
        numbers: for each node of a turn its numbers, a row for each turn.
        together: how many turns are one of the body, of which the number of turns is a multiple.
        memories: arrays that turns write to, one after the other.
    """

    start: int
    period: int
    trips: int
    first: int
    results: int
    numbers: tuple[np.ndarray, ...]
    together: int = 1
    memories: tuple[Written, ...] = ()

    @property
    def stop(self) -> int:
        """The node behind the last."""
        return self.start + self.period * self.trips

    @cached_property
    def end(self) -> int:
        """The number behind that of the last result."""
        return self.first + self.results * self.trips

    def source(self, place: int, operand: int) -> tuple[int, int] | None:
        """Which result of a turn a node reads, and how many turns before; None for what no turn makes."""
        column = self.numbers[place][:, operand]
        turn, result = divmod(int(column[-1]) - self.first, self.results)
        return (result, self.trips - 1 - turn) if self.has(int(column[-1])) else None

    def has(self, number: int) -> bool:
        """Whether a variable is a result of one of its turns."""
        return self.first <= number < self.end


def runs(listed: Numbered) -> list[Run]:
    """The stretches, in order; of loops within loops the inner ones."""
    search = _Search(listed)
    i = 0
    while (k := bisect_left(search.places, i)) < len(search.places):
        i = search.at(search.places[k])
    return search.found


class _Search:
    """The search for stretches, from the first node on."""

    def __init__(self, listed: Numbered) -> None:
        self.listed = listed
        self.found: list[Run] = []
        self.kinds = np.array([node.kind for node in listed.nodes], np.int64)
        self.again, self.repeats = _repeats(self.kinds)
        self.places: list[int] = np.flatnonzero(self.repeats.any(0)).tolist()
        """The nodes at which a stretch may begin."""

    def at(self, i: int) -> int:
        """Look for a stretch that begins at a node; returns the node at which to go on."""
        beyond, failed = i + 1, 0
        for k in np.flatnonzero(self.repeats[:, i]):
            period = int(self.again[k, i]) - i
            trips = self.trips(i, period)
            if trips:
                run = self.within(i, period) or _steady(self.listed, i, period, trips, self.found)
                if run is not None:
                    self.found.append(run)
                    return run.stop
                beyond, failed = max(beyond, i + (trips - 2) * period), failed + 1
                if failed == FAILED:
                    break
        return beyond

    def trips(self, i: int, period: int) -> int:
        """How often what so many nodes from one on do is done; 0 for too few times."""
        trips = _equal(self.kinds, i, i + period) // period + 1
        return trips if trips >= LEAST_TRIPS and trips * period >= LEAST_OPS else 0

    def within(self, i: int, period: int) -> Run | None:
        """A stretch within a turn."""
        failed, first = 0, i + 1
        for k in (first + np.flatnonzero(self.repeats[0, first : i + period - LEAST_OPS])).tolist():
            j = int(self.again[0, k])
            if k + LEAST_TRIPS * (j - k) <= i + period and (trips := self.trips(k, j - k)):
                run = _steady(self.listed, k, j - k, trips, self.found)
                failed += 1
                if run is not None or failed == FAILED:
                    return run
        return None


def _repeats(kinds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each node the next ones from which the same ops follow, and whether what lies between is repeated there.

    The second is by hashes, which may be equal by chance.
    """
    n = len(kinds)
    hashes = np.random.default_rng(0).integers(1 << 62, size=kinds.max(initial=0) + 1).astype(np.uint64)[kinds]
    powers = np.full(n + 1, 0x9E3779B97F4A7C15, np.uint64)
    powers[0] = 1
    powers = np.cumprod(powers)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(hashes * powers[:n])])
    windows = max(n + 1 - ALIKE, 0)
    window = (sums[ALIKE:] - sums[:windows]) * powers[windows - 1 :: -1][:windows]
    order = np.argsort(window, kind="stable")
    equal = window[order[:-1]] == window[order[1:]]
    following = np.full(n + 1, n)
    following[order[:-1][equal]] = order[1:][equal]
    again, repeats = np.empty((TRIED, n), np.int64), np.zeros((TRIED, n), bool)
    i, j = np.arange(n), np.arange(n)
    for k in range(TRIED):
        again[k] = j = following[j]
        period = np.maximum(j - i, 1)
        needed = (np.maximum(LEAST_TRIPS, -(-LEAST_OPS // period)) - 1) * period
        at = np.flatnonzero(j + needed <= n)
        first, period, needed = i[at], period[at], needed[at]
        second = first + period
        one, other = sums[first + needed] - sums[first], sums[second + needed] - sums[second]
        repeats[k, at] = one * powers[period] == other
    return again, repeats


def _equal(kinds: np.ndarray, i: int, j: int) -> int:
    """How many nodes from j on are like those from i on."""
    at, size = 0, 64
    while True:
        a, b = kinds[i + at : i + at + size], kinds[j + at : j + at + size]
        different = np.flatnonzero(a[: len(b)] != b)
        if different.size:
            return at + int(different[0])
        at += len(b)
        if len(b) < size:
            return at
        size *= 2


def _steady(listed: Numbered, start: int, period: int, trips: int, before: Sequence[Run]) -> Run | None:
    """The first stretch among these turns in which all numbers move by steps."""
    nodes, looked_at = listed.nodes, LOOKED_AT
    enough = max(LEAST_TRIPS, -(-LEAST_OPS // period))
    while trips >= enough:
        seen = min(trips, looked_at)
        run = _numbered(nodes, start, period, seen)
        good = np.ones(seen - 1, bool)
        """For each turn but the last whether all numbers of the next are a step further."""
        for node, moving in zip(nodes[start:], run.numbers, strict=False):
            for c, column in enumerate(moving.T):
                good &= _moves_on(column) | (c < len(node.operands) and _begins(run, column))
        if good.all() and seen == trips:
            return _checked(listed, run, before)
        bad = [-1, *np.flatnonzero(~good).tolist(), seen - 1]
        stretches = [(i + 1, j - i) for i, j in pairwise(bad)]
        skipped, n = next(((turn, n) for turn, n in stretches if n >= enough), (0, 0))
        if skipped + n == seen < trips:  # it goes on
            looked_at *= 4
            n = trips - skipped
        start, trips = start + skipped * period, n
    return None


def _numbered(nodes: Sequence[Node], start: int, period: int, trips: int) -> Run:
    stop = start + trips * period
    numbers = [np.array([n.numbers for n in nodes[start + k : stop : period]], np.int64) for k in range(period)]
    first = nodes[start].first
    return Run(start, period, trips, first, nodes[start + period].first - first, tuple(numbers))


def _moves_on(column: np.ndarray) -> np.ndarray:
    """For each turn but the last whether the next has a number that is a step further: the most usual one."""
    steps = np.diff(column)
    found: np.ndarray = steps == np.sort(steps)[len(steps) // 2]
    return found


def _begins(run: Run, column: np.ndarray) -> np.ndarray:
    """For each turn but the last whether it reads what no turn has made yet, as the first ones do."""
    inside = (run.first <= column) & (column < run.end)
    carried = column[-1] - column[-2] == run.results and inside[-1]
    back = run.trips - 1 - int(column[-1] - run.first) // run.results
    found: np.ndarray = (np.arange(run.trips - 1) < back) & ~inside[:-1] & carried
    return found


def _checked(listed: Numbered, run: Run, before: Sequence[Run], begins: bool = True) -> Run | None:
    """The stretch, if its operands are such as a loop can have.

    Args:
        listed: the op list.
        run: the stretch, of which all numbers move by steps.
        before: the stretches before it.
        begins: whether its turns may begin elsewhere.
    """
    nodes = listed.nodes[run.start : run.start + run.period]
    for node, moving in zip(nodes, run.numbers, strict=True):
        for column in moving[:, : len(node.operands)].T:
            if not _is_operand(run, column, before):
                return None
    several = _as_turns_write(listed, run)
    if several > 1:
        longer = _longer(listed, run, several, before)
        if longer is not None:
            return longer
    run = replace(run, memories=_memories(listed, run))
    if not all(_sections_stand(run, k, node) for k, node in enumerate(nodes)):
        return None
    later = _best_begin(listed, run) if begins else 0
    if later:
        shifted = _numbered(listed.nodes, run.start + later, run.period, run.trips - 1)
        found = _checked(listed, shifted, before, begins=False)
        if found is not None and len(found.memories) == len(run.memories):
            return found
    return _together(run, nodes)


def _best_begin(listed: Numbered, run: Run) -> int:
    """At which node turns that write to arrays should begin, so that least is carried from one to the next."""
    if not run.memories or run.trips <= LEAST_TRIPS:
        return 0
    nodes = listed.nodes[run.start : run.start + run.period]
    states = {result for memory in run.memories for _, _, result in memory.writes}
    makers = {
        node.first - run.first + k: (place, v.aval.size)
        for place, node in enumerate(nodes)
        for k, v in enumerate(node.op.outputs)
    }
    costs = np.zeros(run.period, np.int64)
    """For each node what is carried where turns begin with it."""
    last = defaultdict[int, int](int)
    """For each result up to which place it is needed, counted from the turn that makes it."""
    for place, node in enumerate(nodes):
        for operand in range(len(node.operands)):
            source = run.source(place, operand)
            if source is not None and source[0] not in states:
                result, back = source
                last[result] = max(last[result], place + back * run.period)
    for result, end in last.items():
        place, size = makers[result]
        for begin in range(place + 1, end + 1):
            costs[begin % run.period] += size
    return int(np.argmin(costs))


def _together(run: Run, nodes: Sequence[Node]) -> Run:
    """The stretch with as many turns in one as a body takes, without those that are left over at its end."""
    sizes = [v.aval.size for node in nodes for v in node.op.outputs]
    if max(sizes) <= FEW or not all(node.op.primitive.elementwise for node in nodes):
        return run
    together = max(1, min(BODY // run.period, run.trips // LEAST_TRIPS))
    trips = run.trips - run.trips % together
    numbers = tuple([moving[:trips] for moving in run.numbers])
    return replace(run, trips=trips, numbers=numbers, together=together)


def _is_operand(run: Run, column: np.ndarray, before: Sequence[Run]) -> bool:
    """Whether a loop can read these variables, one at each turn."""
    value, step = int(column[-1]), int(column[-1] - column[-2])
    inside = (run.first <= column) & (column < run.end)
    if step == 0:
        return not inside.any()
    if value >= SCALARS:
        return value < STRIDED
    if run.has(value):
        back = run.trips - 1 - (value - run.first) // run.results
        # so that turns in the middle, and the last of those that are kept, read what turns have made
        return step == run.results and 2 * back < run.trips
    of = next((other for other in before if other.has(value)), None)
    return of is not None and step % of.results == 0 and of.has(int(column[0]))


def _sections_stand(run: Run, place: int, node: Node) -> bool:
    """Whether sections lie where they lay at the turn before, of what turns make or have of their own.

    Those of arrays that turns write to may move.
    """
    numbers = run.numbers[place]
    at, middle = len(node.operands), len(numbers) // 2
    moves = numbers[middle + 1] - numbers[middle]
    written = {result for memory in run.memories for _, _, result in memory.writes}
    for k, o in enumerate(node.operands):
        root, moved = int(numbers[middle, k]), moves[at : at + len(o.starts)].any()
        at += len(o.starts)
        inside = run.has(root)
        own = (inside and (root - run.first) % run.results not in written) or (root >= SCALARS and moves[k])
        if own and moved:
            return False
        if node.op.primitive is LOOP and root >= ARRAYS and moves[k]:  # there are no arrays of a turn's own in it
            return False
    own_result = any((node.first - run.first + r) in written for _, r in node.writes)
    return own_result or not moves[at:].any()


def _longer(listed: Numbered, run: Run, several: int, before: Sequence[Run]) -> Run | None:
    """The same stretch with several turns in one, if turns write to arrays in memory then."""
    trips = run.trips // several
    if trips < LEAST_TRIPS:
        return None
    longer = _checked(listed, _numbered(listed.nodes, run.start, run.period * several, trips), before)
    return longer if longer is not None and longer.memories else None


def _memories(listed: Numbered, run: Run) -> tuple[Written, ...]:
    """The arrays that turns write to in memory: all that is read of them are sections, of their latest state."""
    found = []
    for chain, before in _written(listed, run):
        if before == 1:
            memory = Written(tuple(chain))
            if _is_in_place(listed, run, memory):
                found.append(memory)
    return tuple(found)


def _as_turns_write(listed: Numbered, run: Run) -> int:
    """After how many turns one writes again to the array that a turn writes to."""
    return max([before for _, before in _written(listed, run)], default=1)


def _written(listed: Numbered, run: Run) -> Iterator[tuple[list[tuple[int, int, int]], int]]:
    """What a turn writes to an array, one after the other, and how many turns before it was written to."""
    nodes = listed.nodes[run.start : run.start + run.period]
    writes = {
        node.first - run.first + result: (k, operand, node.first - run.first + result)
        for k, node in enumerate(nodes)
        for operand, result in node.writes
        if not node.operands[operand].views
    }
    before = {result: run.source(k, operand) for result, (k, operand, _) in writes.items()}
    for last in writes:
        chain, at = [last], before[last]
        while at is not None and at[1] == 0 and at[0] in writes and at[0] not in chain:
            chain.append(at[0])
            at = before[at[0]]
        if at is not None and at[0] == last:
            yield [writes[result] for result in reversed(chain)], at[1]


def _is_in_place(listed: Numbered, run: Run, memory: Written) -> bool:
    """Whether all that is read of an array are sections of its latest state, and what the last turn leaves."""
    results = {result for _, _, result in memory.writes}
    writers = {k: operand for k, operand, _ in memory.writes}
    for k, node in enumerate(listed.nodes[run.start : run.start + run.period]):
        for operand, o in enumerate(node.operands):
            source = run.source(k, operand)
            if source is None or source[0] not in results or writers.get(k) == operand:
                continue
            window = bool(o.views) and o.views[-1].primitive is WINDOW and k in writers
            if not (node.reads or window) or source != memory.latest(k):
                return False
    final = run.end - run.results + memory.writes[-1][2]
    numbers = [run.first + run.results * turn + result for turn in range(run.trips) for result in results]
    return all(listed.needed.get(number, -1) < run.stop for number in numbers if number != final)
