"""Fused steps that differ in nothing but their arrays and scalars are lowered once for a plan."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

from ...core.avals import Aval
from ...planning.plan import FusedStep, Operand, Scalar, Store, View
from ..loops import Allocate, Loop
from . import codegen


class EqualSteps:
    """The loops of fused steps, in terms of the first such step."""

    def __init__(self) -> None:
        self.known: dict[Hashable, list[Loop] | None] = {}
        """Loops with numbers of operands in the place of buffers and leaves; None where a step needs memory."""

    def lower(self, step: FusedStep, allocate: Allocate) -> list[Loop]:
        """What `codegen.lower` makes of a step."""
        if step.then:
            return [*self.lower(replace(step, then=None), allocate), *self.lower(step.then, allocate)]
        operands = list(dict.fromkeys(_operands(step)))
        numbers = {o: _numbered(o, i) for i, o in enumerate(operands)}
        loads = [_filled(numbers[o], numbers) for o in step.loads]
        stores = [Store(s.value, numbers[s.view], s.combine, s.row) for s in step.stores]  # type: ignore[arg-type]
        key = (step.shape, step.rows, tuple(loads), tuple(step.body), tuple(stores))
        if key not in self.known:
            self.known[key] = self._lowered(FusedStep(step.shape, step.rows, loads, step.body, stores))
        loops = self.known[key]
        if loops is None:
            return codegen.lower(step, allocate)
        return [_on(loop, operands) for loop in loops]

    def _lowered(self, step: FusedStep) -> list[Loop] | None:
        def none(a: Aval) -> View:
            raise _NeedsMemory

        try:
            return codegen.lower(step, none)
        except _NeedsMemory:
            return None


class _NeedsMemory(Exception):
    """A step needs memory of its own."""


def _operands(step: FusedStep) -> list[Operand]:
    fills = [o.fill for o in step.loads if isinstance(o, View) and o.fill]
    return [*step.loads, *fills, *(store.view for store in step.stores)]


def _numbered(o: Operand, number: int) -> Operand:
    """An operand by a number: views of one buffer are different ones, wherever they begin."""
    if isinstance(o, Scalar):
        return Scalar(number, o.aval)
    return View(number, o.dtype, o.layout._replace(offset=0), o.inside, o.fill)


def _filled(o: Operand, numbers: dict[Operand, Operand]) -> Operand:
    """An operand with a numbered scalar around it."""
    if not isinstance(o, View) or o.fill is None:
        return o
    fill = numbers[o.fill]
    assert isinstance(fill, Scalar)
    return replace(o, fill=fill)


def _on(loop: Loop, operands: Sequence[Operand]) -> Loop:
    """The loop on these operands."""
    arrays = []
    for view in loop.arrays:
        o = operands[view.buffer]
        assert isinstance(o, View)
        layout = view.layout._replace(offset=view.layout.offset + o.layout.offset)
        arrays.append(View(o.buffer, view.dtype, layout, view.inside, o.fill if view.fill else None))
    scalars = [o for scalar in loop.scalars if isinstance(o := operands[scalar.leaf], Scalar)]
    return replace(loop, arrays=tuple(arrays), scalars=tuple(scalars))
