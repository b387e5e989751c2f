"""Batching rules: how each primitive applies to operands that carry a batch axis in front.

A rule is called as `rule(primitive, operands, batched, size, **params)`; the result carries the batch axis.
Elementwise primitives share one rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..arrays.array import array
from ..arrays.emit import emit, full_like_aval, spread
from ..core.avals import aval
from ..core.primitive import Primitive
from ..core.program import Op
from ..ops.creation import arange
from ..ops.joining import stack
from ..ops.linalg import matmul
from ..recording.recorder import bind

Rule = Callable[..., array]


def batch_elementwise(op: Op, operands: Sequence[array], batched: Sequence[bool], size: int) -> array:
    """Every elementwise primitive: operands without the batch axis are repeated along it."""
    xs = [x._var for x in _all_batched(operands, batched, size)]
    return array._of(bind(op.primitive, *xs, **op.params))


def batch_kernel(op: Op, operands: Sequence[array], batched: Sequence[bool], size: int) -> array:
    """A user's array kernel, which knows no batches: once for each element of the batch."""
    rows = [[x[i] if b else x for x, b in zip(operands, batched, strict=True)] for i in range(size)]
    if not rows:
        a = op.outputs[0].aval
        return full_like_aval(aval((0, *a.shape), a.dtype), 0)
    return stack([array._of(bind(op.primitive, *[x._var for x in row], **op.params)) for row in rows])


def _all_batched(operands: Sequence[array], batched: Sequence[bool], size: int) -> list[array]:
    return [x if b else spread(x, (size, *x.shape)) for x, b in zip(operands, batched, strict=True)]


def _same(p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int) -> array:
    return emit(p.name, xs[0])


def _shaped(
    p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int, shape: tuple[int, ...]
) -> array:
    x = xs[0]
    if p.name == "broadcast_to":  # sizes are matched from the last axis: keep the batch axis first
        missing = (1,) * (len(shape) + 1 - x.ndim)
        x = emit("reshape", x, shape=(size, *missing, *x.shape[1:])) if missing else x
    return emit(p.name, x, shape=(size, *shape))


def _transpose(
    p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int, axes: tuple[int, ...]
) -> array:
    return emit(p.name, xs[0], axes=(0, *[a + 1 for a in axes]))


def _section(
    p: Primitive,
    xs: Sequence[array],
    batched: Sequence[bool],
    size: int,
    start: tuple[int, ...],
    stop: tuple[int, ...],
    step: tuple[int, ...],
) -> array:
    xs = _all_batched(xs, batched, size)
    return emit(p.name, *xs, start=(0, *start), stop=(size, *stop), step=(1, *step))


def _axes(p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int, axes: tuple[int, ...]) -> array:
    return emit(p.name, xs[0], axes=tuple([a + 1 for a in axes]))


def _axis(
    p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int, axis: int, **params: Any
) -> array:
    return emit(p.name, *_all_batched(xs, batched, size), axis=axis + 1, **params)


def _matmul(p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int) -> array:
    return matmul(*xs)  # an operand without the batch axis is broadcast against it


def _rows(p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int) -> array:
    """Gather and scatter: batches lie one behind the other, indices move along."""
    if p.name == "gather" and not batched[0]:
        x, index = xs
        found = emit("gather", x, emit("reshape", index, shape=(index.size,)))
        return emit("reshape", found, shape=(*index.shape, *x.shape[1:]))
    x, index, *rest = _all_batched(xs, batched, size)
    rows = x.shape[1]
    offsets = emit("reshape", arange(size, dtype=index.dtype) * rows, shape=(size, 1))
    flat = [_joined(x), _joined(index + offsets), *[_joined(y) for y in rest]]
    found = emit(p.name, *flat)
    shape = (*index.shape, *x.shape[2:]) if p.name == "gather" else x.shape
    return emit("reshape", found, shape=shape)


def _by_row(p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int, **params: Any) -> array:
    return emit(p.name, *_all_batched(xs, batched, size), **params)


def _joined(x: array) -> array:
    return emit("reshape", x, shape=(x.shape[0] * x.shape[1], *x.shape[2:]))


BATCHING: dict[str, Rule] = {
    **dict.fromkeys(("alias", "barrier", "stop_gradient"), _same),
    **dict.fromkeys(("reshape", "broadcast_to"), _shaped),
    "transpose": _transpose,
    **dict.fromkeys(("slice", "slice_update"), _section),
    **dict.fromkeys(("sum", "prod", "max", "min", "logsumexp", "softmax"), _axes),
    **dict.fromkeys(
        ("argmax", "argmin", "argsort", "cumsum", "cumprod", "linear_recurrence", "concatenate"), _axis
    ),
    "matmul": _matmul,
    **dict.fromkeys(("pick", "one_hot"), _by_row),
    **dict.fromkeys(
        ("gather", "scatter_set", "scatter_add", "scatter_multiply", "scatter_max", "scatter_min"), _rows
    ),
}
