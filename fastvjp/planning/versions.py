"""Memory that several steps write to: each state of it, a version, is a buffer by a number of its own.

So every buffer has one writer until all steps are known. Then all versions get the number of the first, the root.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..core.layouts import disjoint
from .plan import FusedStep, KernelStep, LoopStep, Operand, Step, Store, View


class Versions:
    """Which buffers are later states of others."""

    def __init__(self) -> None:
        self.older: dict[int, int] = {}
        """What each was before."""
        self.past: set[int] = set()
        """Those of which there is a later one."""
        self._roots: dict[int, int] = {}

    def __bool__(self) -> bool:
        return bool(self.older)

    def add(self, newer: int, older: int) -> None:
        """A new state of a buffer that has no later one."""
        assert older not in self.past
        self.older[newer] = older
        self.past.add(older)
        self._roots[newer] = self.root(older)

    def root(self, buffer: int) -> int:
        """The first state."""
        return self._roots.get(buffer, buffer)

    def meet(self, x: View, y: View) -> bool:
        """Whether two views may have a place in common."""
        return self.root(x.buffer) == self.root(y.buffer) and not disjoint(x.layout, y.layout)

    def with_older(self, buffers: Iterable[int]) -> set[int]:
        """Buffers with all that they were before."""
        found = set()
        for buffer in buffers:
            now: int | None = buffer
            while now is not None and now not in found:
                found.add(now)
                now = self.older.get(now)
        return found

    # --- fused steps -------------------------------------------------------------------------------------

    def rewrites(self, step: Step) -> list[int]:
        """What the buffers that a step writes were before."""
        return [self.older[view.buffer] for view in step.writes if view.buffer in self.older]

    def can_be_one(self, loads: Iterable[Operand], stores: Sequence[Store], in_rows: bool) -> bool:
        """Whether one step may load and store all this: for each element it loads what it needs, then it stores.

        What one element overwrites, none may load but this one; with rows, memory is read several times.
        """
        if not self.older:
            return True
        views = [o for o in loads if isinstance(o, View)]
        for store in stores:
            if store.view.buffer not in self.older:
                continue
            if any(other is not store and self.meet(other.view, store.view) for other in stores):
                return False
            for o in views:
                own = o.layout == store.view.layout and o.inside is None and not (in_rows or store.combine)
                if not own and self.meet(o, store.view):
                    return False
        return True

    # --- the finished plan -------------------------------------------------------------------------------

    def united(self, steps: Sequence[Step], outputs: Sequence[Operand]) -> tuple[list[Step], list[Operand]]:
        """Steps and outputs with one number for all states of a buffer."""
        if not self.older:
            return list(steps), list(outputs)
        return [self._step(step) for step in steps], [self._operand(o) for o in outputs]

    def _step(self, step: Step) -> Step:
        if isinstance(step, KernelStep):
            return replace(
                step, inputs=[self._operand(o) for o in step.inputs], outputs=[self._view(v) for v in step.outputs]
            )
        if isinstance(step, LoopStep):
            return replace(
                step,
                inputs=[self._operand(o) for o in step.inputs],
                outputs=[self._view(v) for v in step.outputs],
                spares={k: self._view(v) for k, v in step.spares.items()},
                memories=[self._view(v) for v in step.memories],
                given=[self._operand(o) for o in step.given],
            )
        return self._fused(step)

    def _fused(self, step: FusedStep) -> FusedStep:
        loads = [self._operand(o) for o in step.loads]
        stores = [replace(store, view=self._view(store.view)) for store in step.stores]
        return replace(step, loads=loads, stores=stores, then=step.then and self._fused(step.then))

    def _operand(self, o: Operand) -> Operand:
        return self._view(o) if isinstance(o, View) else o

    def _view(self, view: View) -> View:
        return replace(view, buffer=self.root(view.buffer)) if view.buffer in self.older else view
