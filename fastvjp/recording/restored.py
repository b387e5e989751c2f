"""Cotangents of arrays of which a section is read and then replaced, as by `x[s] += f(x)`.

The section of the cotangent goes to what is put there, and zeros take its place; as what is put there is a sum
with what was there, the section comes back. Op by op a whole array is copied for a section that stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from ..core.program import Op, Uniform, Var

LONGEST = 64
"""Sums of so many terms are looked through."""

Section = tuple[Var, Any, Any, Any]
"""An array, and where in it."""


def with_restored(ops: Sequence[Op], results: Collection[Var], is_constant: Callable[[Var], bool]) -> Sequence[Op]:
    """The ops, in which an array with a section of zeros, plus that section among zeros, is the array.

    Args:
        ops: in recorded order.
        results: variables whose values are wanted.
        is_constant: whether the value of a variable is the same at every run.
    """
    pairs = _pairs(ops, is_constant)
    if not pairs:
        return ops
    uses = Counter([v for op in ops for v in op.inputs])
    uses.update(results)
    reader = {v: i for i, op in enumerate(ops) for v in op.inputs if uses[v] == 1}
    listed: list[Op | None] = list(ops)
    same: dict[Var, Var] = {}
    for cut, whole, section in pairs:
        terms = list(_sum(listed, reader, cut, section))
        if not terms:
            continue
        (out,) = _op(listed, terms[-1]).outputs
        if len(terms) > 1:  # the sum without its last term, and with the whole array for its first
            listed[terms[0]] = _reading(_op(listed, terms[0]), {cut: whole})
            op = _op(listed, terms[-2])
            listed[terms[-2]] = Op(op.primitive, op.inputs, op.params, (out,))
        elif out in results:
            continue
        else:
            same[out] = same.get(whole, whole)
        listed[terms[-1]] = None
    return [_reading(op, same) for op in listed if op is not None]


def _pairs(ops: Sequence[Op], is_constant: Callable[[Var], bool]) -> list[tuple[Var, Var, Var]]:
    """Arrays with a section of zeros, the arrays that they were made of, and the sections among zeros."""

    def is_zero(v: Var) -> bool:
        return isinstance(v.value, Uniform) and v.value.scalar == 0 and is_constant(v)

    read: dict[Var, Section] = {}
    zeroed, among_zeros = list[tuple[Var, Section]](), dict[Section, Var]()
    for op in ops:
        if op.primitive.name == "slice":
            read[op.outputs[0]] = _section(op.inputs[0], op)
        elif op.primitive.name == "slice_update":
            x, y = op.inputs
            if is_zero(y):
                zeroed.append((op.outputs[0], _section(x, op)))
            elif is_zero(x) and y in read and _section(read[y][0], op) == read[y]:
                among_zeros[read[y]] = op.outputs[0]
    return [(cut, of[0], among_zeros[of]) for cut, of in zeroed if of in among_zeros]


def _section(x: Var, op: Op) -> Section:
    return x, op.params["start"], op.params["stop"], op.params["step"]


def _sum(ops: Sequence[Op | None], reader: Mapping[Var, int], first: Var, last: Var) -> Iterator[int]:
    """The additions from one term of a sum to another, if nobody else reads what is between."""
    found = list[int]()
    x = first
    while x in reader and last in reader and len(found) < LONGEST:
        found.append(reader[x])
        op = _op(ops, reader[x])
        if op.primitive.name != "add":
            return
        if last in op.inputs:
            yield from found
            return
        x = op.outputs[0]


def _op(ops: Sequence[Op | None], place: int) -> Op:
    op = ops[place]
    assert op is not None
    return op


def _reading(op: Op, instead: Mapping[Var, Var]) -> Op:
    """The op with others of its operands."""
    if instead.keys().isdisjoint(op.inputs):
        return op
    return Op(op.primitive, tuple([instead.get(v, v) for v in op.inputs]), op.params, op.outputs)
