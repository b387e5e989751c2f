"""Op lists without what need not be computed, and with updates of arrays behind what reads the arrays before."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from ..core.program import Op, Var

SECTIONS = ("slice_update", "slice_add")
SCATTERS = ("scatter_set", "scatter_add", "scatter_multiply", "scatter_max", "scatter_min")
"""Primitives of which the result is the first operand with parts of it changed."""


def without_equals(ops: Sequence[Op]) -> tuple[list[Op], dict[Var, Var]]:
    """The ops without markers and those that equal an earlier one, and what is read instead of their results."""
    seen: dict[Hashable, tuple[Var, ...]] = {}
    equals: dict[Var, Var] = {}
    found = []
    for op in ops:
        inputs = tuple([equals.get(v, v) for v in op.inputs])
        if op.primitive.opaque:  # a marker: its outputs are, in order, its last inputs
            marked = zip(op.outputs, inputs[-len(op.outputs) :], strict=True)
            equals.update((v, x) for v, x in marked if v.value is None)
            continue
        if not op.primitive.unique:
            key = (op.primitive, inputs, tuple(op.params.items()))
            equal = seen.setdefault(key, op.outputs)
            if equal is not op.outputs:
                equals.update(zip(op.outputs, equal, strict=True))
                continue
        found.append(op if inputs == op.inputs else Op(op.primitive, inputs, op.params, op.outputs))
    return found, equals


def live(ops: Sequence[Op], outputs: Sequence[Var]) -> list[Op]:
    """The ops that `outputs` need."""
    wanted = {v for v in outputs if v.value is None}
    live = []
    for op in reversed(ops):
        if not wanted.isdisjoint(op.outputs):
            live.append(op)
            wanted.update(v for v in op.inputs if v.value is None)
    return live[::-1]


def late(ops: Sequence[Op]) -> Sequence[Op]:
    """The ops, of which an update comes later, where its result is needed, if its operand is read behind it."""
    roots: dict[Var, Var] = {}
    needed: dict[Var, int] = {}
    for i, op in enumerate(ops):
        for v in op.inputs:
            needed[roots.get(v, v)] = i
        if op.primitive.view is not None:
            roots[op.outputs[0]] = roots.get(op.inputs[0], op.inputs[0])
    waiting: dict[Var, Op] = {}
    found: list[Op] = []

    def add(op: Op) -> None:
        todo = [op]
        while todo:
            first = next((waiting.pop(v) for v in todo[-1].inputs if v in waiting), None)
            if first is None:
                found.append(todo.pop())
            else:
                todo.append(first)

    for i, op in enumerate(ops):
        if op.primitive.name in SECTIONS + SCATTERS and needed[roots.get(op.inputs[0], op.inputs[0])] > i:
            waiting[op.outputs[0]] = op
        else:
            add(op)
    for v in [*waiting]:
        if v in waiting:
            add(waiting.pop(v))
    return found
