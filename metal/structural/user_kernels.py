"""Array kernels of users as dispatches: a thread for each element of what is written."""

from __future__ import annotations

from dataclasses import replace

from ...core.layouts import contiguous_strides
from ...devices.operands import aval_of
from ...planning.plan import KernelStep, Operand, View
from ..dispatch import Allocate, Dispatch
from ..elements.library import closure
from .calls import LIBRARY, Call, by_threads
from .structure import copy


def lower(step: KernelStep, allocate: Allocate) -> list[Dispatch]:
    """The dispatch of a kernel, behind copies of operands that are not C-contiguous."""
    primitive, count = step.primitive, aval_of(step.output).size
    if count == 0:
        return []
    assert primitive.definition is not None
    arrays, work = [step.output], []
    for o in step.inputs:
        view, copies = _contiguous(o, allocate)
        arrays.append(view)
        work += copies
    statics = [step.params[name] for name in primitive.statics]
    places, at = [], 1 + 2 * len(arrays) + len(statics)
    for view in arrays:
        places.append(at)
        at += len(view.layout.shape)
    sizes = [n for view in arrays for n in view.layout.shape]
    numbers = (count, *(view.layout.offset for view in arrays), *places, *statics, *sizes)
    file = primitive.definition.name
    call = Call(primitive.element, (arrays[0],), tuple(arrays[1:]), numbers)
    dispatch = by_threads(file, call, count=count)
    library = tuple(dict.fromkeys((*LIBRARY, *closure(file))))  # with what the user's text needs
    return [*work, replace(dispatch, library=library)]


def _contiguous(o: Operand, allocate: Allocate) -> tuple[View, list[Dispatch]]:
    if isinstance(o, View) and o.layout.strides == contiguous_strides(o.layout.shape):
        return o, []
    made = allocate(aval_of(o))
    return made, copy(o, made)
