"""Op lists by hand, for the planner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastvjp.core import avals
from fastvjp.core.primitive import REGISTRY
from fastvjp.core.program import Op, Var, apply
from fastvjp.planning.plan import FusedStep, Operand, Plan, Step, View
from fastvjp.planning.planner import make_plan
from fastvjp.recording.ready import strides


def leaf(*shape: int) -> Var:
    """An operand of float64."""
    return Var(avals.aval(shape, avals.float64))


def fused(step: Step) -> FusedStep:
    """A step that must be a fused one."""
    assert isinstance(step, FusedStep)
    return step


def viewed(operand: Operand) -> View:
    """An operand that must lie in memory."""
    assert isinstance(operand, View)
    return operand


class Ops(list[Op]):
    """An op list under construction."""

    def __call__(self, name: str, *inputs: Var, **params: Any) -> Var:
        """Apply a primitive."""
        op = apply(REGISTRY[name], inputs, params)
        self.append(op)
        return op.outputs[0]

    def plan(self, outputs: Sequence[Var], leaves: Sequence[Var]) -> Plan:
        """The plan for these results."""
        return make_plan(self, outputs, leaves, strides(leaves))
