"""Windows that may overlap, added up: elements of an array go to places of another by strides."""

from __future__ import annotations

import math

from ...devices.operands import aval_of
from ...planning.plan import KernelStep, View
from ..elements.registry import kernel
from ..loops import Allocate, Loop, calling, grain, lowers
from ..native.pointers import pointer
from .structure import copy, shaped

# argument words, behind those of the result and of what is added: axes are from the inside, each with its size and
# its strides in both; those whose iterations never meet come first, then the others but for two that are loops
APART, ROWS, MIDDLE, LINES, FIRST_AXIS = 2, 3, 4, 5, 11
Axis = tuple[int, int, int]


@kernel
def strided_add(args, start, stop, dtype):
    out, y = pointer(args[0], dtype), pointer(args[1], dtype)
    lines, line_to, line_from = args[LINES], args[LINES + 1], args[LINES + 2]
    n, step_to, step_from = args[LINES + 3], args[LINES + 4], args[LINES + 5]
    for i in range(start, stop):
        for row in range(args[ROWS]):
            to, at, rest = 0, 0, i
            for axis in range(args[APART] + args[MIDDLE]):
                word = FIRST_AXIS + 3 * axis
                if axis == args[APART]:
                    rest = row
                k, rest = rest % args[word], rest // args[word]
                to, at = to + k * args[word + 1], at + k * args[word + 2]
            for _ in range(lines):
                if step_to == 1 and step_from == 1:
                    for k in range(n):
                        out[to + k] = dtype(out[to + k] + y[at + k])
                else:
                    for k in range(n):
                        out[to + k * step_to] = dtype(out[to + k * step_to] + y[at + k * step_from])
                to, at = to + line_to, at + line_from
    return 0


@lowers("strided_add")
def lower_strided_add(step: KernelStep, allocate: Allocate) -> list[Loop]:
    """Copy x and add y, axis by axis from that of the longest stride."""
    (x, y), out, offset = step.inputs, step.output, step.params["offset"]
    shape = aval_of(y).shape
    copies = copy(x, out)
    if 0 in shape:
        return copies
    y, more = shaped(y, shape, allocate)
    axes = _from_long_to_short(shape, step.params["strides"], y.layout.strides)
    apart = _apart(axes)
    middle, (lines, line) = axes[apart:-2], [(1, 0, 0), (1, 0, 0), *axes[apart:]][-2:]
    words = [n for axis in (lines, line, *reversed(axes[:apart]), *reversed(middle)) for n in axis]
    rows = math.prod(n for n, _, _ in middle)
    target = View(out.buffer, out.dtype, out.layout._replace(offset=out.layout.offset + offset))
    count = math.prod(n for n, _, _ in axes[:apart])
    numbers = (apart, rows, len(middle), *words)
    loop = Loop(
        calling("strided_add", out.dtype), (target, y), (), numbers, count, grain(rows * lines[0] * line[0])
    )
    return [*copies, *more, loop]


def _from_long_to_short(shape: tuple[int, ...], to: tuple[int, ...], at: tuple[int, ...]) -> list[Axis]:
    """Axes in the order of their strides in the result, those that are one as one."""
    axes = sorted(
        [axis for axis in zip(shape, to, at, strict=True) if axis[0] > 1], key=lambda axis: -abs(axis[1])
    )
    joined: list[Axis] = []
    for n, s, t in axes:
        if joined and joined[-1][1:] == (s * n, t * n):
            joined[-1] = (joined[-1][0] * n, s, t)
        else:
            joined.append((n, s, t))
    return joined


def _apart(axes: list[Axis]) -> int:
    """How many axes at the front have strides beyond what those behind them reach; the last stays a loop."""
    reach = [1 + sum((n - 1) * abs(s) for n, s, _ in axes[i + 1 :]) for i in range(len(axes))]
    apart = [abs(s) >= r for (_, s, _), r in zip(axes, reach, strict=True)]
    return min([*[i for i, is_apart in enumerate(apart) if not is_apart], max(len(axes) - 1, 0)])
