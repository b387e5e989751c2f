"""Derivative rules: for each primitive and operand, the cotangent of the operand composed of public ops.

A rule's parameters say what it needs: `g` is the cotangent of the result, `out` the result; the others are
the primitive's operands and parameters by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..primitives import Primitive
from . import elementwise, structural

RULES: dict[str, dict[str, Callable[..., Any]]] = {**elementwise.RULES, **structural.RULES}
NON_DIFFERENTIABLE: frozenset[str] = elementwise.NON_DIFFERENTIABLE | structural.NON_DIFFERENTIABLE


def rules_of(primitive: Primitive) -> Mapping[str, Callable[..., Any]]:
    """The rules of a primitive by operand: a user's own, or the table's."""
    return RULES.get(primitive.name, {}) if primitive.rules is None else primitive.rules


def is_differentiable(primitive: Primitive) -> bool:
    """Whether cotangents pass through a primitive; a user's that says nothing about them is asked all the same."""
    base = primitive if primitive.of is None else primitive.of[0]
    return base.opaque or base.rules is not None or base.name in RULES
