"""Moving values: operands as kernels read them, concatenate."""

from __future__ import annotations

import math

from ...core.avals import aval
from ...core.layouts import Layout
from ...devices import operands
from ...devices.operands import aval_of, joined, rolled
from ...planning.plan import KernelStep, Operand, Scalar, View
from ..dispatch import Allocate, Dispatch, lowers
from .calls import ARRAYS, Call, by_threads, strides, type_of


def copy(source: Operand, target: View) -> list[Dispatch]:
    """The dispatch that writes an operand's values to a view of its shape; none if there are no values."""
    return copies([(source, target)])


def copies(pairs: list[tuple[Operand, View]]) -> list[Dispatch]:
    """Copies of operands to views that have no elements in common: one dispatch for as many as have buffers."""
    pairs = [(source, target) for source, target in pairs if 0 not in target.layout.shape]
    if len(pairs) >= ARRAYS:
        return copies(pairs[: ARRAYS - 1]) + copies(pairs[ARRAYS - 1 :])
    calls, first = [], 0
    for source, target in pairs:
        count = math.prod(target.layout.shape)
        calls.append(Call(f"copy<{type_of(target)}>", (target,), (source,), _moves(source, target, first)))
        first += count
    return [by_threads("structure", *calls, count=first)] if calls else []


def _moves(source: Operand, target: View, first: int) -> tuple[int, ...]:
    """The words of a copy by threads from the first on; axes are merged where that changes nothing."""
    axes: list[tuple[int, int, int]] = []
    for n, to, by in zip(target.layout.shape, strides(target)[1:], strides(source)[1:], strict=True):
        if n == 1:
            continue
        if axes and axes[-1][1:] == (n * to, n * by):
            axes[-1] = (axes[-1][0] * n, to, by)
        else:
            axes.append((n, to, by))
    count = math.prod(target.layout.shape)
    places = (strides(target)[0], strides(source)[0])
    return (first, count, len(axes), *places, *(number for axis in reversed(axes) for number in axis))


def shaped(o: Operand, shape: tuple[int, ...], allocate: Allocate) -> tuple[Operand, list[Dispatch]]:
    """The operand under another shape, and the dispatches that bring it there, if any must."""
    if isinstance(o, Scalar):
        return Scalar(o.leaf, aval(shape, o.aval.dtype)), []
    return operands.shaped(o, shape, allocate, copy)


def in_memory(o: Operand, allocate: Allocate) -> tuple[View, list[Dispatch]]:
    """The operand as a view: a scalar is one element, repeated along all axes."""
    if isinstance(o, View):
        return o, []
    one = allocate(aval((), o.aval.dtype))
    shape = o.aval.shape
    repeated = View(one.buffer, one.dtype, Layout(shape, (0,) * len(shape), one.layout.offset))
    return repeated, copy(Scalar(o.leaf, aval_of(one)), one)


@lowers("roll")
def roll(step: KernelStep, _: Allocate) -> list[Dispatch]:
    """Both sections to where they come to lie."""
    return copies(list(rolled(step)))


@lowers("concatenate")
def concatenate(step: KernelStep, _: Allocate) -> list[Dispatch]:
    """Each array to its section of the result, all in one go."""
    return copies(list(joined(step)))
