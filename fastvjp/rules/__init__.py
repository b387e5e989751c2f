"""Derivative rules: for each primitive and operand, the cotangent of the operand composed of public ops.

A rule's parameters say what it needs: `g` is the cotangent of the result, `out` the result; the others are
the primitive's operands and parameters by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import elementwise, structural

RULES: dict[str, dict[str, Callable[..., Any]]] = {**elementwise.RULES, **structural.RULES}
NON_DIFFERENTIABLE: frozenset[str] = elementwise.NON_DIFFERENTIABLE | structural.NON_DIFFERENTIABLE
