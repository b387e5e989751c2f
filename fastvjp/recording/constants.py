"""Constants of long op lists: in a loop every turn brings its own, thousands of them in all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence, Set

import numpy as np

from .. import devices
from ..core.avals import COMPUTED, Aval, aval
from ..core.primitive import REGISTRY
from ..core.program import Op, Uniform, Var, apply
from ..core.scalars import PyScalar
from ..planning.numbering import beginning, element
from ..planning.turns import params_key

LARGEST_CONSTANT = 1 << 16
"""Bytes of a constant that is compared with others."""
OFTEN = 16
"""How often a constant comes where it belongs to a loop: one that is the next turn's by chance does not."""
PLACES = 64
"""Of a turn of a loop, at most, at which ops alike read constants, ..."""
CHANGES = 4
"""... each the same one at every turn, or changing at so many: others are data, which happen to be equal."""
STRAY = 16
"""One of so many may be read elsewhere than in the loop."""
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
    constants = dict.fromkeys([v for op in ops for v in op.inputs if v.value is not None and is_constant(v)])
    contents = {v: _contents(v) for v in constants}
    equal: defaultdict[Hashable, list[Var]] = defaultdict(list)
    for v, of in contents.items():
        equal[of].append(v)
    numbers = {of: k for k, of in enumerate(equal)}
    often = {v for same in equal.values() if len(same) >= OFTEN for v in same}
    often -= _data(ops, {v: numbers[of] for v, of in contents.items()}, often)
    first: dict[Hashable, Var] = {}
    read = {v: first.setdefault(of, v) for v, of in contents.items() if v in often}
    return [Op(op.primitive, tuple([read.get(v, v) for v in op.inputs]), op.params, op.outputs) for op in ops]


def _data(ops: Sequence[Op], numbers: Mapping[Var, int], often: Set[Var]) -> set[Var]:
    """Constants of which every turn of a loop has one of its own, though some of them are equal.

    Args:
        ops: the ops.
        numbers: of constants, of equal ones the same.
        often: those that are equal to many others.
    """
    read: dict[Var, tuple[int, int]] = {}
    """By which op a variable is read first, as which operand."""
    for place, op in enumerate(ops):
        for k, v in enumerate(op.inputs):
            read.setdefault(v, (place, k))

    def reader(v: Var) -> Hashable:
        if v not in read:
            return None
        place, k = read[v]
        return ops[place].primitive, k, params_key(ops[place])

    alike: defaultdict[Hashable, list[Var]] = defaultdict(list)
    for v in numbers:
        alike[v.aval, reader(v), reader(ops[read[v][0]].outputs[0])].append(v)
    found = set[Var]()
    for same in alike.values():
        places, values = np.array([(read[v][0], numbers[v]) for v in same]).T
        if not often.isdisjoint(same) and _changes(places, values):
            found.update(same)
    return found


def _changes(places: np.ndarray, numbers: np.ndarray) -> bool:
    """Whether numbers at places that lie as they lay at the turn before change with the turns."""
    distances = np.diff(places)
    for period in range(1, min(PLACES, len(distances) // 4) + 1):
        if np.count_nonzero(distances[period:] != distances[:-period]) * STRAY <= len(distances):
            return bool(np.count_nonzero(numbers[period:] != numbers[:-period]) > CHANGES * period)
    return False


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
    seen = set[Var]()
    for op in ops:
        for v in op.inputs:
            if v.value is not None and v not in seen and is_constant(v):
                seen.add(v)
                value = _stackable(v)
                if value is not None:
                    alike[aval(np.shape(value), v.aval.dtype)][v] = value
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
                read[v] = _read(listed, v, *places[v])
        listed.append(Op(op.primitive, tuple([read.get(v, v) for v in op.inputs]), op.params, op.outputs))
    return listed


def _read(ops: list[Op], v: Var, stack: Var, place: int) -> Var:
    """A variable like this one, read out of an array."""
    section, shaped = element(stack)
    ops.append(section.op(stack, beginning(stack, place)))
    ops.append(shaped.op(ops[-1].outputs[0], ()))
    if v.aval.shape != ops[-1].outputs[0].aval.shape:
        ops.append(apply(REGISTRY["broadcast_to"], ops[-1].outputs, {"shape": v.aval.shape}))
    return ops[-1].outputs[0]


def _stackable(v: Var) -> np.ndarray | PyScalar | np.generic | None:
    """The value of a constant that may lie in an array with others; of one number everywhere, that number."""
    value = v.value
    if v.aval.dtype in COMPUTED:
        return None
    if isinstance(value, Uniform):
        return value.scalar
    large = v.aval.size * v.aval.dtype.itemsize > LARGEST_STACKED
    return None if value is None or large or value.layout is not None else value.numpy()
