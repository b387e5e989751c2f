"""Random bits: Threefry-2x32 of counters."""

from __future__ import annotations

from ...devices.operands import around
from ...planning.plan import KernelStep
from ..dispatch import Allocate, Dispatch, lowers
from .calls import Call, by_threads, strides
from .structure import shaped


@lowers("random_bits")
def random_bits(step: KernelStep, allocate: Allocate) -> list[Dispatch]:
    """One thread for each pair of words of each key."""
    shape = step.output.layout.shape
    if 0 in shape:
        return []
    rows, words, _ = around(shape, (len(shape) - 1,))
    key, copies = shaped(step.inputs[0], (rows, 2), allocate)
    pairs = (words + 1) // 2
    call = Call("random_bits", (step.output,), (key,), (rows * pairs, words, pairs, *strides(key)))
    return [*copies, by_threads("random", call, count=rows * pairs)]
