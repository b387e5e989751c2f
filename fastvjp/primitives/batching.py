"""What batching rules share, and the two that are no family's: leading axes, and one element after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..arrays.array import array
from ..arrays.emit import emit, full_like_aval, reshaped, spread
from ..core.avals import aval
from ..core.primitive import Primitive
from ..recording.recorder import bind_multiple


def applied(p: Primitive, operands: Sequence[array], **params: Any) -> list[array]:
    """The primitive, which may be a user's, applied to arrays that fit it already: all its results."""
    return [array._of(v) for v in bind_multiple(p, *[x._var for x in operands], **params)]


def all_batched(operands: Sequence[array], batched: Sequence[bool], size: int) -> list[array]:
    """The operands, those without the batch axis repeated along it."""
    return [x if b else spread(x, (size, *x.shape)) for x, b in zip(operands, batched, strict=True)]


def leading(
    p: Primitive, operands: Sequence[array], batched: Sequence[bool], size: int, /, **params: Any
) -> list[array]:
    """Of primitives whose operands may have any leading axes."""
    return applied(p, all_batched(operands, batched, size), **params)


def one_by_one(
    p: Primitive, operands: Sequence[array], batched: Sequence[bool], size: int, /, **params: Any
) -> list[array]:
    """Of array kernels that know no batches: once for each element of the batch."""
    rows = [
        applied(p, [_row(x, i) if b else x for x, b in zip(operands, batched, strict=True)], **params)
        for i in range(size)
    ]
    if not rows:
        one = [aval(x.shape[1:], x.dtype) if b else x._aval for x, b in zip(operands, batched, strict=True)]
        inferred = p.infer(*one, **params)
        found = inferred if isinstance(inferred, tuple) else (inferred,)
        return [full_like_aval(aval((0, *a.shape), a.dtype), 0) for a in found]
    return [
        emit("concatenate", *[reshaped(x, (1, *x.shape)) for x in xs], axis=0) for xs in zip(*rows, strict=True)
    ]


def _row(x: array, i: int) -> array:
    shape = x.shape
    zeros, ones = (0,) * (len(shape) - 1), (1,) * len(shape)
    row = emit("slice", x, start=(i, *zeros), stop=(i + 1, *shape[1:]), step=ones)
    return reshaped(row, shape[1:])
