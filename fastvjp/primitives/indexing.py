"""Rows by a traced index: gather, scatter and their kin; sorting by index.

An index is checked where it is used: one out of range is an error.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays.array import array
from ..arrays.emit import cast, constant, emit, filled, reshaped, spread, zeros
from ..core.avals import Aval, aval, int64
from ..core.primitive import Primitive, Rule, structural
from .batching import all_batched
from .scans import along, shifted


def _gathered(x: Aval, index: Aval) -> Aval:
    """Rows of x (any shape behind the first axis) by a 1-D index."""
    return aval(index.shape + x.shape[1:], x.dtype)


def _picked(x: Aval, index: Aval) -> Aval:
    """An element of each row, of which there is one for each element of the index."""
    return aval(x.shape[:-1], x.dtype)


def _hot(x: Aval, index: Aval, columns: int) -> Aval:
    """Rows of zeros but for one element of x each: the adjoint of `pick`."""
    return aval((*x.shape, columns), x.dtype)


def _first(x: Aval, *_: Aval) -> Aval:
    return x


# --- derivatives -----------------------------------------------------------------------------------------


def _rows(values: array, like: array) -> array:
    """One value for each row, repeated to the shape of the rows."""
    return spread(reshaped(values, values.shape + (1,) * (like.ndim - 1)), like.shape)


def _positions(index: array) -> array:
    return constant(np.arange(index.size, dtype=int64))


def _gather(g: array, x: array, index: array, before: array | None) -> array:
    return emit("scatter_add", zeros(x) if before is None else before, index, g)


def _overwritten(g: array, index: array, y: array) -> array:
    return emit("scatter_set", g, index, zeros(y))


def _last_written(g: array, index: array, y: array) -> array:
    """The cotangent of each row that no later one replaced."""
    positions = _positions(index)
    last = emit("scatter_set", filled(g.shape[:1], positions), index, positions)
    stays = emit("equal", emit("gather", last, index), positions)
    return emit("select", _rows(stays, y), emit("gather", g, index), zeros(y))


def _multiplied_x(g: array, index: array, x: array, y: array) -> array:
    return emit("scale", g, emit("scatter_multiply", filled(x.shape, x, 1), index, y))


def _multiplied_y(g: array, index: array, x: array, y: array) -> array:
    """For each factor x and the other factors of its place: products from both sides, sorted by place."""
    order = emit("argsort", index, axis=0)
    places, factors = emit("gather", index, order), emit("gather", y, order)
    before, behind = _products(places, factors, reverse=False), _products(places, factors, reverse=True)
    others = emit("multiply", before, behind)
    others = emit("multiply", others, emit("gather", x, places))
    others = emit("scatter_set", zeros(y), order, others)
    return emit("scale", emit("gather", g, index), others)


def _products(places: array, factors: array, reverse: bool) -> array:
    """Product of the factors before each one, of the same place, by a recurrence that starts anew at each."""
    same = emit("equal", places, shifted(places, 0, forward=not reverse, fill=-1))
    same = _rows(same, factors)
    ratio = emit("select", same, shifted(factors, 0, forward=not reverse), zeros(factors))
    first = emit("select", same, zeros(factors), filled(factors.shape, factors, 1))
    return emit("linear_recurrence", ratio, first, axis=0, reverse=reverse)


def _share(index: array, x: array, y: array, out: array) -> tuple[array, array, array]:
    """Which of x and of y are the extreme of their place, and how many of them there are."""
    in_x = cast(emit("equal", x, out), x.dtype)
    in_y = cast(emit("equal", y, emit("gather", out, index)), x.dtype)
    return in_x, in_y, emit("scatter_add", in_x, index, in_y)


def _scattered_extreme_x(g: array, index: array, x: array, y: array, out: array) -> array:
    in_x, _, count = _share(index, x, y, out)
    return emit("scale", g, emit("divide", in_x, count))


def _scattered_extreme_y(g: array, index: array, x: array, y: array, out: array) -> array:
    _, in_y, count = _share(index, x, y, out)
    return emit("scale", emit("gather", g, index), emit("divide", in_y, emit("gather", count, index)))


# --- batching --------------------------------------------------------------------------------------------


def _gather_rows(p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int) -> list[array]:
    if batched[0]:
        return _in_one(p, xs, batched, size)
    x, index = xs
    found = emit("gather", x, reshaped(index, (index.size,)))
    return [reshaped(found, (*index.shape, *x.shape[1:]))]


def _in_one(p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int) -> list[array]:
    """Batches lie one behind the other, indices move along."""
    x, index, *rest = all_batched(xs, batched, size)
    offsets = constant((np.arange(size, dtype=index.dtype) * x.shape[1]).reshape(size, 1))
    index = emit("add", index, spread(offsets, index.shape))
    found = emit(p.name, *[_joined(a) for a in (x, index, *rest)])
    shape = (*index.shape, *x.shape[2:]) if p.name == "gather" else x.shape
    return [reshaped(found, shape)]


def _joined(x: array) -> array:
    return reshaped(x, (x.shape[0] * x.shape[1], *x.shape[2:]))


def _sorted(x: Aval, axis: int) -> Aval:
    return aval(x.shape, int64)


structural("argsort", "x", _sorted, vjp=None, batch=along)
structural(
    "gather",
    "x index",
    _gathered,
    vjp={"x": _gather},
    batch=_gather_rows,
    moves=True,
)
structural(
    "pick", "x index", _picked, vjp={"x": lambda g, x, index: emit("one_hot", g, index, columns=x.shape[-1])}
)
structural("one_hot", "x index", _hot, vjp={"x": lambda g, index: emit("pick", g, index)})
_SCATTERS: dict[str, dict[str, Rule]] = {
    "scatter_set": {"x": _overwritten, "y": _last_written},
    "scatter_add": {"x": lambda g: g, "y": lambda g, index: emit("gather", g, index)},
    "scatter_multiply": {"x": _multiplied_x, "y": _multiplied_y},
    "scatter_max": {"x": _scattered_extreme_x, "y": _scattered_extreme_y},
    "scatter_min": {"x": _scattered_extreme_x, "y": _scattered_extreme_y},
}
for _name, _rules in _SCATTERS.items():
    structural(_name, "x index y", _first, vjp=_rules, batch=_in_one, moves=_name == "scatter_set")
