"""Ops in the dtypes in which numbers are computed with: those of 16 bits are widened before, and rounded after.

So devices do not compute with numbers of 16 bits: they load, store and cast them, and move them where a primitive
does no more. Every result is rounded, whatever it is fused with: values do not depend on what becomes one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.avals import COMPUTED, aval
from ..core.primitive import REGISTRY
from ..core.program import Op, Var


def widened(ops: Sequence[Op]) -> list[Op]:
    """The ops, with casts around those that compute with numbers that are only stored."""
    found: list[Op] = []
    for op in ops:
        if _moves(op) or not any(v.aval.dtype in COMPUTED for v in (*op.inputs, *op.outputs)):
            found.append(op)
            continue
        casts = [_cast(v, Var(_computed(v))) if v.aval.dtype in COMPUTED else None for v in op.inputs]
        inputs = [v if cast is None else cast.outputs[0] for v, cast in zip(op.inputs, casts, strict=True)]
        outputs = [Var(_computed(v)) if v.aval.dtype in COMPUTED else v for v in op.outputs]
        params = {name: _dtype(value) for name, value in op.params.items()}
        found += [cast for cast in casts if cast]
        found.append(Op(op.primitive, tuple(inputs), params, tuple(outputs)))
        found += [_cast(x, v) for x, v in zip(outputs, op.outputs, strict=True) if x is not v]
    return found


def _moves(op: Op) -> bool:
    """Whether an op takes numbers of any stored dtype as they are."""
    primitive = op.primitive
    return primitive.view is not None or primitive.opaque or primitive.moves or primitive is REGISTRY["astype"]


def _computed(v: Var) -> Any:
    return aval(v.aval.shape, COMPUTED[v.aval.dtype])


def _dtype(param: Any) -> Any:
    return COMPUTED.get(param, param) if isinstance(param, np.dtype) else param


def _cast(x: Var, y: Var) -> Op:
    return Op(REGISTRY["astype"], (x,), {"dtype": y.aval.dtype}, (y,))
