"""Rows of what gives places by an array, and of what takes them: argsort, gather, scatter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import fastvjp as mx
from fastvjp.planning.fusion import SINGLE_ROW

from .case import (
    ALONG,
    ANY,
    DISTINCT,
    DISTINCT_ODD,
    FLOAT,
    KINDS,
    WHOLE,
    Case,
    Domain,
    Shape,
    index,
    primitive,
    structural,
    variants,
    with_zeros,
)

LONG = SINGLE_ROW + 1
"""Elements of a row that are too many for a fused step to go through one by one."""


def _stable_order(x: Any, axis: int) -> Any:
    return np.argsort(x, axis, kind="stable")


def _rows(x: Any, index: Any) -> Any:
    return x[index]


def _by_row(x: Any, index: Any) -> Any:
    return np.take_along_axis(x, index[..., None], -1)[..., 0]


def _one_hot(columns: int) -> Callable[..., Any]:
    return lambda x, index: np.where(np.arange(columns) == index[..., None], x[..., None], x.dtype.type(0))


def _scattered(combine: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def scatter(x: Any, index: Any, y: Any) -> Any:
        out = x.copy()
        for i, place in enumerate(index):
            out[place] = combine(out[place], y[i])
        return out

    return scatter


def _scatter(name: str, combine: Callable[[Any, Any], Any], x: Domain, y: Domain) -> list[Case]:
    def row(rows: Shape, picks: int, dtypes: tuple[str, ...]) -> Case:
        operands = (x, rows), (index(rows[0]), (picks,)), (y, (picks, *rows[1:]))
        shown = f"{rows},{picks}".replace(" ", "")
        return structural(name, primitive(name), _scattered(combine), *operands, dtypes=dtypes, variant=shown)

    return [row((4, 3), 6, KINDS), row((3,), 5, FLOAT), row((2, 1, 2), 1, FLOAT), row((3, 2), 0, FLOAT)]


CASES = [
    *variants("argsort", mx.argsort, _stable_order, WHOLE, *ALONG, dtypes=KINDS),
    structural("gather", primitive("gather"), _rows, (ANY, (4, 3)), (index(4), (6,)), dtypes=KINDS),
    structural("gather", primitive("gather"), _rows, (ANY, (4,)), (index(4), (0,)), variant="none"),
    structural("gather", lambda x, i: mx.take(x, i, axis=1), lambda x, i: np.take(x, i, axis=1),
               (ANY, (2, 3, 2)), (Domain(integers=(-3, 2), dtype="int32"), (2, 2)), variant="take"),
    structural("pick", primitive("pick"), _by_row, (ANY, (2, 3, 4)), (index(4), (2, 3)), dtypes=KINDS),
    structural("pick", lambda x, i: mx.take_along_axis(mx.exp(x), i, axis=1),
               lambda x, i: np.take_along_axis(np.exp(x), i, axis=1), (ANY, (5, 4)), (index(4), (5, 1)),
               variant="along an axis"),
    structural("pick", lambda x, i: mx.exp(x)[mx.arange(5), i], lambda x, i: np.exp(x)[np.arange(5), i],
               (ANY, (5, 4)), (Domain(integers=(-4, 3), dtype="int32"), (5,)), variant="by an index"),
    structural("pick", lambda x, i: mx.exp(x)[mx.arange(3), i], lambda x, i: np.exp(x)[np.arange(3), i],
               (ANY, (3, LONG)), (index(LONG), (3,)), variant="of long rows"),
    structural("one_hot", primitive("one_hot", columns=4), _one_hot(4), (ANY, (2, 3)), (index(4), (2, 3)),
               dtypes=KINDS),
    structural("one_hot", primitive("one_hot", columns=LONG), _one_hot(LONG), (ANY, (3,)), (index(LONG), (3,)),
               dtypes=KINDS, variant="of long rows"),
    *_scatter("scatter_set", lambda old, new: new, ANY, ANY),
    *_scatter("scatter_add", np.add, ANY, ANY),
    *_scatter("scatter_multiply", np.multiply, ANY, ANY),
    *with_zeros(_scatter("scatter_multiply", np.multiply, WHOLE, WHOLE)[:2]),
    *_scatter("scatter_max", np.maximum, DISTINCT, DISTINCT_ODD),
    *_scatter("scatter_min", np.minimum, DISTINCT, DISTINCT_ODD),
]  # fmt: skip
