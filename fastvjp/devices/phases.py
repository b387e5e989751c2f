"""When a fused step computes what: one loop over the columns of a row after another.

A value varies from column to column or is the same for all of a row. A reduction is known once the loop that
it runs over is done; what follows from it is computed behind that loop or in the next. A value that a later
loop needs again is computed again if that is cheap, else kept in row memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..planning.fusion import CHEAP, is_cheap
from ..planning.plan import FusedStep, Match, Reduce, Store

BEFORE = -1
"""Phase of what is known before the first loop."""


@dataclass
class Phase:
    """One loop over the columns, and what is computed for the row behind it."""

    columns: list[int] = field(default_factory=list)
    """Values that are loaded, computed or recalled for every column, in order."""
    recalled: set[int] = field(default_factory=set)
    """Those that are read from row memory."""
    kept: list[int] = field(default_factory=list)
    """Those that are written to row memory."""
    reductions: list[int] = field(default_factory=list)
    stores: list[Store] = field(default_factory=list)
    row: list[int] = field(default_factory=list)
    """Values of the row that are computed behind the loop."""
    row_stores: list[Store] = field(default_factory=list)


@dataclass
class Schedule:
    """What is computed for a row: `before` has values and stores before the first loop."""

    before: Phase
    phases: list[Phase]
    varies: list[bool]


def schedule(step: FusedStep, loads_vary: Sequence[bool], row_memory: bool = True) -> Schedule:
    """Order the work of a step, of whose loads it is known which vary along the columns.

    Without row memory all that a loop needs again is computed again.
    """
    return _Scheduler(step, loads_vary, row_memory).schedule()


class _Scheduler:
    def __init__(self, step: FusedStep, loads_vary: Sequence[bool], row_memory: bool) -> None:
        self.step = step
        self.row_memory = row_memory
        self.n = len(step.loads)
        self.varies = list(loads_vary)
        self.ready = [0 if v else BEFORE for v in loads_vary]  # the phase that computes it, for columns or behind
        for entry in step.body:
            reduces = isinstance(entry, Reduce)
            varies = isinstance(entry, Match) or (not reduces and any(self.varies[k] for k in entry.operands))
            at = self.at if reduces or varies else self.ready.__getitem__
            self.ready.append(max(map(at, entry.operands), default=BEFORE))
            self.varies.append(varies)

    def at(self, k: int) -> int:
        """The first phase in which a value can serve for the columns."""
        return self.ready[k] if self.varies[k] else self.ready[k] + 1

    def schedule(self) -> Schedule:
        stores = self.step.stores
        reductions = {k: e.operands for k, e in enumerate(self.step.body, self.n) if isinstance(e, Reduce)}
        rows = [k for k in range(len(self.varies)) if not self.varies[k]]
        count = 1 + max(
            [BEFORE, *(self.ready[k] for k in reductions), *(self.at(s.value) for s in stores if not s.row)]
        )
        before, *phases = [
            Phase(
                row=[k for k in rows if self.ready[k] == p],
                row_stores=[s for s in stores if s.row and self.ready[s.value] == p],
                reductions=[k for k in reductions if self.ready[k] == p],
                stores=[s for s in stores if not s.row and self.at(s.value) == p],
            )
            for p in range(BEFORE, count)
        ]
        computed: dict[int, Phase] = {}
        for phase in phases:
            self._fill(
                phase,
                [*(i for k in phase.reductions for i in reductions[k]), *(s.value for s in phase.stores)],
                computed,
            )
        return Schedule(before, phases, self.varies)

    def _fill(self, phase: Phase, roots: list[int], computed: dict[int, Phase]) -> None:
        """Find what a loop computes, and what it takes from loops before it."""
        found: set[int] = set()
        todo = roots
        while todo:
            k = todo.pop()
            if k in found or not self.varies[k]:
                continue
            found.add(k)
            if k < self.n:
                continue
            if self.row_memory and k in computed and not self._is_cheap(k):
                phase.recalled.add(k)
                if k not in computed[k].kept:
                    computed[k].kept.append(k)
                continue
            computed.setdefault(k, phase)
            todo += self.step.body[k - self.n].operands
        phase.columns = sorted(found)

    def _is_cheap(self, value: int) -> bool:
        found: set[int] = set()
        todo = [value]
        while todo:
            k = todo.pop()
            if k < self.n or k in found or not self.varies[k]:
                continue
            entry = self.step.body[k - self.n]
            if not is_cheap(entry.name) or len(found) == CHEAP:
                return False
            found.add(k)
            todo += entry.operands
        return True
