"""What depends on an input of a transform that is running, so that its value is more than a constant."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.avals import is_differentiable
from ..core.primitive import Primitive
from ..core.program import Op, Var
from .patterns import Name
from .trie import Node


class Differentiated:
    """Inputs of a running transform, and the variables to which derivatives by them flow.

    These are found when somebody asks, along the path through the trie from where the last question was.

    Args:
        inputs: variables of the recording.
        node: where it stands.
        outer: the same of the transform around this one.
    """

    __slots__ = ("active", "inputs", "node", "outer")

    def __init__(self, inputs: Sequence[Var], node: Node, outer: Differentiated | None) -> None:
        self.inputs = inputs
        self.active: set[int] | None = None
        self.node = node
        self.outer = outer

    def reaches(self, var: Var, node: Node, more: Sequence[Op]) -> bool:
        """Whether a variable depends on the inputs: at a node, after which a call has recorded more ops so far."""
        if self.active is None:
            self.active = {v.number for v in self.inputs if is_differentiable(v.aval.dtype)}
        path = []
        at: Node | None = node
        while at is not None and at is not self.node:
            path.append(at)
            at = at.parent
        for step in reversed(path):
            for primitive, inputs, outputs in step.ops():
                if _passes(primitive, inputs, self.active):
                    self.active.update([n for n, a in outputs if is_differentiable(a.dtype)])
        self.node = node
        if not more:
            return var.number in self.active
        active = set(self.active)
        for op in more:
            inputs = [v.number for v in op.inputs if v.trace is var.trace]
            if _passes(op.primitive, inputs, active):
                active.update([v.number for v in op.outputs if is_differentiable(v.aval.dtype)])
        return var.number in active


def _passes(primitive: Primitive, inputs: Sequence[Name], active: set[int]) -> bool:
    return primitive.passes_cotangents and not active.isdisjoint(inputs)
