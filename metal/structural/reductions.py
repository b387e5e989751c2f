"""Reductions on their own, where no fused kernel makes them on its way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...core.avals import aval
from ...core.layouts import Layout
from ...devices.operands import combination, number, seen_as
from ...planning.plan import View
from ..dispatch import Allocate, Dispatch, type_name
from .calls import Call, by_groups, by_threads, strides

SIMDGROUPS = 32
"""Of a threadgroup, at most: places in memory to combine them."""
SERIAL = 64
"""Elements that one thread combines by itself at most, if there are not many results."""
MANY = 4096
"""Results from which on a thread makes each."""
DENSE = 32
"""Columns that make it worth that neighbouring threads read neighbouring columns."""
SHARE = 8192
"""Elements that a threadgroup combines at least before others share in."""
GROUPS = 128
"""Threadgroups that make a result together, at most, and all of them."""


def operation(name: str) -> str:
    """The operation in reductions.metal for the element function by which values combine."""
    return f"helper::{name.capitalize()}"


def wide(dtype: np.dtype) -> str:
    """The type as which kernels combine values of this dtype."""
    return f"helper::Wide<{type_name(number(dtype))}>::type"


def held(combine: str, dtype: np.dtype) -> str:
    """The type of reductions.metal that says how values are held while an element function combines them."""
    if dtype == np.bool_:
        return f"helper::Held<bool, helper::{'Or' if combine in ('add', 'maximum') else 'And'}>"
    return f"helper::Held<{type_name(dtype)}, {operation(combine)}>"


def reduce_dispatches(combine: str, source: View, target: View, allocate: Allocate) -> list[Dispatch]:
    """Combine (outer, n, inner) over n into (outer, inner), by an element function, in one or two dispatches."""
    outer, n, inner = source.layout.shape
    combine, dtype = combination(combine, source.dtype), number(source.dtype)
    source, target = seen_as(dtype, source), seen_as(number(target.dtype), target)
    results = outer * inner
    if results == 0:
        return []
    parts = 1
    if n > SERIAL and results < MANY:
        if inner >= DENSE:
            parts = min(-(-n // SERIAL), -(-MANY // results))
        else:
            parts = min(-(-n // SHARE), -(-GROUPS // results))
    size = max(-(-n // parts), 1)
    parts = max(-(-n // size), 1)
    layout = target.layout
    apart = Layout((outer, parts, inner), (layout.strides[0], 0, layout.strides[1]), layout.offset)
    made = replace(target, layout=apart) if parts == 1 else allocate(aval(apart.shape, dtype))
    count = results * parts
    numbers = (count, n, inner, parts, size, *strides(source), *strides(made))
    if n <= SERIAL or results >= MANY or inner >= DENSE:
        call = Call(f"reduce_by_threads<{operation(combine)}>", (made,), (source,), numbers)
        dispatches = [by_threads("reductions", call, count=count)]
    else:
        call = Call(f"reduce_by_groups<{operation(combine)}>", (made,), (source,), numbers)
        memory = [(f"{held(combine, dtype)}::type", SIMDGROUPS)]
        dispatches = [by_groups("reductions", call, count, memory)]
    if parts > 1:
        dispatches += reduce_dispatches(combine, made, target, allocate)
    return dispatches
