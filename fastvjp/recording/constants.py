"""Constants of long op lists: in a loop every turn brings its own, thousands of them in all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence

import numpy as np

from .. import devices
from ..core.avals import COMPUTED, Aval, aval
from ..core.program import Op, Uniform, Var
from ..core.scalars import PyScalar
from ..planning.numbering import beginning, element

LARGEST_CONSTANT = 1 << 16
"""Bytes of a constant that is compared with others."""
OFTEN = 16
"""How often a constant comes where it belongs to a loop: one that is the next turn's by chance does not."""


MANY = 64
"""Constants of one shape and dtype that are put in one array, ..."""
LARGEST_STACKED = 1 << 12
"""... of no more bytes each."""


def with_few_constants(ops: Sequence[Op], is_constant: Callable[[Var], bool]) -> list[Op]:
    """Ops that do the same with fewer constants.

    Args:
        ops: the ops.
        is_constant: whether the value of a variable is the same at every run.
    """
    return _with_arrays(_with_equal(ops, is_constant), is_constant)


def _with_equal(ops: Sequence[Op], is_constant: Callable[[Var], bool]) -> list[Op]:
    """Ops that read the first of equal constants."""
    equal: defaultdict[Hashable, list[Var]] = defaultdict(list)
    for v in dict.fromkeys([v for op in ops for v in op.inputs if v.value is not None and is_constant(v)]):
        equal[_contents(v)].append(v)
    read = {v: same[0] for same in equal.values() if len(same) >= OFTEN for v in same}
    return [Op(op.primitive, tuple([read.get(v, v) for v in op.inputs]), op.params, op.outputs) for op in ops]


def _contents(v: Var) -> Hashable:
    """Equal for variables of equal values; of a large array, only for the variable itself."""
    value = v.value
    if isinstance(value, Uniform):
        return v.aval, type(value.scalar), repr(value.scalar)
    assert value is not None
    if value.layout is not None or v.aval.size * v.aval.dtype.itemsize > LARGEST_CONSTANT:
        return v
    return v.aval, value.numpy().tobytes()


def _with_arrays(ops: Sequence[Op], is_constant: Callable[[Var], bool]) -> list[Op]:
    """Ops that read constants of one shape and dtype out of one array, where there are many of them."""
    alike: defaultdict[Aval, dict[Var, np.ndarray | PyScalar | np.generic]] = defaultdict(dict)
    for op in ops:
        for v in op.inputs:
            if v.value is not None and v not in alike[v.aval] and is_constant(v):
                value = _stackable(v)
                if value is not None:
                    alike[v.aval][v] = value
    places: dict[Var, tuple[Var, int]] = {}
    for a, found in alike.items():
        if len(found) >= MANY:
            values = np.array([*found.values()], a.dtype)
            stack = Var(aval(values.shape, a.dtype), devices.current().upload(values))
            places |= {v: (stack, place) for place, v in enumerate(found)}
    listed: list[Op] = []
    read: dict[Var, Var] = {}
    for op in ops:
        for v in op.inputs:
            if v in places and v not in read:
                stack, place = places[v]
                section, shaped = element(stack)
                listed.append(section.op(stack, beginning(stack, place)))
                listed.append(shaped.op(listed[-1].outputs[0], ()))
                read[v] = listed[-1].outputs[0]
        listed.append(Op(op.primitive, tuple([read.get(v, v) for v in op.inputs]), op.params, op.outputs))
    return listed


def _stackable(v: Var) -> np.ndarray | PyScalar | np.generic | None:
    """The value of a constant that may lie in an array with others."""
    value = v.value
    if v.aval.dtype in COMPUTED or v.aval.size * v.aval.dtype.itemsize > LARGEST_STACKED:
        return None
    if isinstance(value, Uniform):
        return None if v.aval.shape else value.scalar
    return None if value is None or value.layout is not None else value.numpy()
