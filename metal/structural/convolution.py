"""Convolutions: of image, filter and result the third, an element by each thread."""

from __future__ import annotations

import math

from ...devices.operands import aval_of
from ...planning.plan import KernelStep, Operand
from ..dispatch import Allocate, Dispatch, Lowering, lowers
from .calls import Call, by_threads, strides, type_of
from .structure import shaped

SPACE = 3
"""Axes of space; where there are fewer, those in front are of size 1."""


def convolution(name: str, written: int) -> Lowering:
    """Lowering of the primitive that makes, of image, filter and result, the one of this number."""

    def lower(step: KernelStep, allocate: Allocate) -> list[Dispatch]:
        out = step.output
        if 0 in out.layout.shape:
            return []
        arrays: list[Operand] = list(step.inputs)
        arrays.insert(written, out)
        axes = len(step.params["strides"])
        ahead = (1,) * (SPACE - axes)
        shapes = [aval_of(o).shape for o in arrays]
        sizes = [ahead + shape[-1 - axes : -1] for shape in shapes]
        given = [step.params[key] for key in ("strides", "low", "dilation")]
        form = [(n,) * len(ahead) + g for n, g in zip((1, 0, 1), given, strict=True)]
        dispatches, views = [], []
        for o, shape, size in zip(arrays, shapes, sizes, strict=True):
            *lead, first = shape[: -1 - axes]
            view, copies = shaped(o, (math.prod(lead), first, *size, shape[-1]), allocate)
            dispatches += copies
            views.append(view)
        x, _, y = shapes
        count = math.prod(out.layout.shape)
        numbers = (
            count, x[-1], y[-1], x[-2 - axes], *[n for axis in zip(*sizes, *form, strict=True) for n in axis],
            *[n for view in views for n in strides(view)],
        )  # fmt: skip
        inputs = tuple([view for i, view in enumerate(views) if i != written])
        call = Call(f"{name}<{type_of(out)}>", (out,), inputs, numbers)
        # every element of x meets every one of the filter that has its channel, or fewer
        work = -(-math.prod(shapes[0]) * math.prod(shapes[1]) // (shapes[0][-1] * count))
        return [*dispatches, by_threads("convolution", call, count=count, work=work)]

    return lower


for _written, _name in enumerate(("conv_x", "conv_w", "conv")):
    lowers(_name)(convolution(_name, _written))
