"""Rows of what puts arrays together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import fastvjp as mx

from .case import ANY, FLOAT, KINDS, Case, Shape, primitive, structural


def _updated(name: str, start: Shape, stop: Shape, step: Shape) -> Callable[..., Any]:
    section = tuple(np.array(range(*bounds), int) for bounds in zip(start, stop, step, strict=True))

    def update(x: Any, y: Any) -> Any:
        out, places = x.copy(), np.ix_(*section)
        out[places] = y if name == "slice_update" else out[places] + y
        return out

    return update


def _update(name: str, shape: Shape, start: Shape, stop: Shape, step: Shape, dtypes: Any = FLOAT) -> Case:
    section = tuple(len(range(*bounds)) for bounds in zip(start, stop, step, strict=True))
    return structural(
        name,
        primitive(name, start=start, stop=stop, step=step),
        _updated(name, start, stop, step),
        (ANY, shape),
        (ANY, section),
        dtypes=dtypes,
        variant=f"{start},{stop},{step}".replace(" ", ""),
    )


def _joined(axis: int, *shapes: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    return structural(
        "concatenate",
        lambda *xs: mx.concatenate(xs, axis),
        lambda *xs: np.concatenate(xs, axis),
        *[(ANY, shape) for shape in shapes],
        dtypes=dtypes,
        variant=f"{axis},{len(shapes)}",
    )


def _rolled(shift: int, axis: int, shape: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    return structural(
        "roll",
        lambda x: mx.roll(x, shift, axis),
        lambda x: np.roll(x, shift, axis),
        (ANY, shape),
        dtypes=dtypes,
        variant=f"{shift},{axis}",
    )


CASES = [
    _rolled(1, 1, (2, 3, 2), dtypes=KINDS),
    _rolled(-2, 0, (5,)),
    *[
        row
        for name in ("slice_update", "slice_add")
        for row in (
            _update(name, (4, 5), (1, 4), (4, -1), (2, -2), KINDS),
            _update(name, (4, 5), (0, 1), (4, 2), (1, 1)),
            _update(name, (3,), (1,), (1,), (1,)),
        )
    ],
    _joined(1, (2, 3), (2, 0), (2, 2), dtypes=KINDS),
    _joined(0, (1, 3), (2, 3)),
]  # fmt: skip
