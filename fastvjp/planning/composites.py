"""Structural primitives that become parts of fused steps, where they can.

Each function takes the steps so far, the op and where its operands are, and answers where the result is, or None
where the op takes a step of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from ..core.avals import Aval, aval
from ..core.declared import Declared
from ..core.layouts import Layout, broadcast_to
from ..core.program import Op
from .fusion import Builder, Number, Pending, ScalarCall, fits
from .locations import Expression, Location, Register, dtype_of, one_of, shape_of
from .plan import Match, Operand, Reduce, Scalar, View
from .steps import Steps
from .updates import Updates

Composite = Callable[..., Location | None]
fused = Declared[Composite]("planning.fused")
"""Primitives that are parts of fused steps always, but for the largest and least of complex numbers ..."""
fusible = Declared[Composite]("planning.fusible")
"""... and those that are where it pays."""

SMALL_PRODUCT = 128
"""Multiplications of a matrix product up to which ..."""
PRODUCTS = 64
"""... so many at least are fused: a call of OpenBLAS takes 350 ns, 40 with kernels for small matrices."""


# --- reductions ------------------------------------------------------------------------------------------


def reduce(combine: str, steps: Steps, op: Op, x: Location) -> Location | None:
    """Combined over axes by an element function."""
    if dtype_of(x).kind == "c" and combine in ("maximum", "minimum"):
        return None
    return steps.reduce(combine, x, op.params["axes"])


fused("sum")(partial(reduce, "add"))
fused("prod")(partial(reduce, "multiply"))
fused("max")(partial(reduce, "maximum"))
fused("min")(partial(reduce, "minimum"))


@fused("softmax")
def softmax(steps: Steps, op: Op, x: Location) -> Location:
    """exp(x - max) / sum; with the largest subtracted no exp overflows and one of them is 1."""
    axes, shape, a = op.params["axes"], shape_of(x), aval(shape_of(x), dtype_of(x))
    largest = steps.spread(steps.reduce("maximum", x, axes), axes, shape)
    powers = steps.fuse("exp", a, [steps.fuse("subtract", a, [x, largest])])
    total = steps.spread(steps.reduce("add", powers, axes), axes, shape)
    return steps.fuse("divide", a, [powers, total])


@fused("logsumexp")
def logsumexp(steps: Steps, op: Op, x: Location) -> Location:
    """log(sum(exp(x - max))) + max; an infinite maximum is not subtracted, as inf - inf would be nan."""
    axes, shape, a = op.params["axes"], shape_of(x), aval(shape_of(x), dtype_of(x))
    largest = steps.reduce("maximum", x, axes)
    result = aval(shape_of(largest), a.dtype)
    shift = steps.fuse("finite_or_zero", result, [largest])
    powers = steps.fuse("exp", a, [steps.fuse("subtract", a, [x, steps.spread(shift, axes, shape)])])
    total = steps.fuse("log", result, [steps.reduce("add", powers, axes)])
    return steps.fuse("add", result, [total, shift])


@fusible("matmul")
def matmul(steps: Steps, op: Op, x: Location, y: Location) -> Location | None:
    """Products with one term, or with a matrix of one value; many small ones, summed up along rows."""
    out = op.outputs[0].aval
    (*batch, m, n), k = out.shape, shape_of(x)[-1]
    if k == 1:
        return steps.fuse("multiply", out, [_spread(steps, o, out.shape) for o in (x, y)])
    for one, other, axis in ((one_of(y), x, -1), (one_of(x), y, -2)):
        if one is not None and k and out.size and out.dtype.kind != "b":
            return _sums(steps, out, other, one, axis)
    if out.dtype.kind not in "fc" or math.prod(batch) < PRODUCTS or not 0 < m * n * k <= SMALL_PRODUCT:
        return None
    a, b = steps.stored(x), steps.stored(y)
    if isinstance(a, Scalar) or isinstance(b, Scalar):
        return None
    (*batch_a, across, along), (*batch_b, down, right) = a.layout.strides, b.layout.strides
    shape = (*batch, m, n, k)
    factors = [
        View(a.buffer, a.dtype, Layout(shape, (*batch_a, across, 0, along), a.layout.offset)),
        View(b.buffer, b.dtype, Layout(shape, (*batch_b, 0, right, down), b.layout.offset)),
    ]
    return steps.reduce("add", steps.fuse("multiply", aval(shape, out.dtype), factors), (len(shape) - 1,))


def _spread(steps: Steps, x: Location, shape: tuple[int, ...]) -> Location:
    """A location broadcast to a shape."""
    if isinstance(x, Expression):
        return Expression(x.call, shape)
    found = steps.stored(x)
    if isinstance(found, Scalar):
        return Scalar(found.leaf, aval(shape, found.aval.dtype))
    return View(found.buffer, found.dtype, broadcast_to(found.layout, shape))


def _sums(steps: Steps, out: Aval, x: Location, one: Operand | ScalarCall, axis: int) -> Location:
    """The product of matrices with one of which each element is one value: their sums along an axis, repeated."""
    shape = shape_of(x)
    if isinstance(one, ScalarCall):
        factor: Location = Expression(one, shape)
    elif isinstance(one, Scalar):
        factor = Scalar(one.leaf, aval(shape, out.dtype))
    else:
        factor = View(one.buffer, one.dtype, Layout(shape, (0,) * len(shape), one.layout.offset))
    total = steps.reduce("add", steps.fuse("multiply", aval(shape, out.dtype), [x, factor]), (len(shape) + axis,))
    if isinstance(total, Register) and total.builder.is_row(out.shape):
        return Register(total.builder, total.value, out.shape, row=True)
    sums = steps.stored(total)
    assert isinstance(sums, View)
    *lead, last = sums.layout.strides
    strides = (*lead, last, 0) if axis == -1 else (*lead, 0, last)
    return View(sums.buffer, sums.dtype, Layout(out.shape, strides, sums.layout.offset))


# --- rows by index ---------------------------------------------------------------------------------------


@fusible("pick")
def pick(steps: Steps, op: Op, x: Location, index: Location) -> Location | None:
    """An element of each row, where a step has the rows in hand."""
    shape = shape_of(x)
    if not isinstance(x, Register) or x.builder.shape != shape or x.dtype.kind == "c":
        return None
    builder = x.builder
    if not builder.can_reduce((len(shape) - 1,)) or not steps.can_join(builder, [x, index]):
        return None
    at, value = _match(steps, builder, index), steps.place(builder, x)
    picked = builder.append(Pending("maximum", x.dtype, (value, at), kind=Reduce))
    return Register(builder, picked, shape[:-1], row=True)


@fusible("one_hot")
def one_hot(steps: Steps, op: Op, x: Location, index: Location) -> Location | None:
    """Rows of zeros but for one element each, where rows can be gone through one by one."""
    out = op.outputs[0].aval
    if not fits(out.shape[:-1], out.shape[-1:]):
        return None
    builder = steps.builder_for(out.shape, [x, index])
    if builder.shape != out.shape or builder.rows not in (None, len(out.shape) - 1):
        builder = steps.new_builder(out.shape)
    at = _match(steps, builder, index)
    hot = Number(False, builder.append(Pending("astype", out.dtype, (at,), (out.dtype,))))
    number = steps.place(builder, x)
    if out.dtype.kind == "c":  # of which scale takes the conjugate
        number = Number(False, builder.append(Pending("conjugate", out.dtype, (number,))))
    times = "scale" if out.dtype.kind in "fc" else "multiply"
    value = builder.append(Pending(times, out.dtype, (hot, number)))
    return Register(builder, value, out.shape, row=False)


def _match(steps: Steps, builder: Builder, index: Location) -> Number:
    """Which column of each row an index is, in a step whose columns are the last axis."""
    builder.rows = len(builder.shape) - 1
    pending = Pending(Match.name, Match.dtype, (steps.place(builder, index),), kind=Match)
    return Number(False, builder.body.index(pending) if pending in builder.body else builder.append(pending))


# --- sections --------------------------------------------------------------------------------------------


@fused("slice_update")
@fused("slice_add")
def update(steps: Updates, op: Op, x: Location, y: Location) -> Location:
    """A section of an array replaced, or added to."""
    return steps.update(op, x, y)
