"""Rows of convolutions: of any two of image, filter and result the third."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from .case import FLOAT, INEXACT, UNIT, Case, Shape, primitive, structural

Form = tuple[Shape, Shape, Shape]
"""Strides, zeros before and dilation, by axes of space."""


def meetings(sizes: tuple[Shape, Shape, Shape], form: Form) -> Iterator[tuple[Any, Any, Any]]:
    """For each position of the filter which parts of an image and of a result it joins, as indices in space."""
    x, w, y = sizes
    for k in itertools.product(*map(range, w)):
        places = [np.arange(n) * s + i * d - p for n, i, s, p, d in zip(y, k, *form, strict=True)]
        kept = [np.flatnonzero((at >= 0) & (at < n)) for at, n in zip(places, x, strict=True)]
        yield np.ix_(*[at[o] for at, o in zip(places, kept, strict=True)]), k, np.ix_(*kept)


def _row(name: str, lead: Shape, x: Shape, w: Shape, y: Shape, form: Form, dtypes: tuple[str, ...]) -> Case:
    """Shapes of image, filter and result are those without leading axes."""
    sizes = (x[1:-1], w[1:-1], y[1:-1])
    before, batch = (slice(None),) * (len(lead) + 1), "abc"[: len(lead)]
    form_ = dict(zip(("strides", "low", "dilation"), form, strict=True))
    space = "uvw"[: len(sizes[0])]

    def conv(image: Any, filters: Any) -> Any:
        out = np.zeros((*lead, *y), image.dtype)
        for at, k, o in meetings(sizes, form):
            part = image[(*before, *at)]
            out[(*before, *o)] += np.einsum(
                f"{batch}n{space}c,{batch}dc->{batch}n{space}d", part, filters[(*before, *k)]
            )
        return out

    def conv_x(filters: Any, result: Any) -> Any:
        out = np.zeros((*lead, *x), result.dtype)
        for at, k, o in meetings(sizes, form):
            part = result[(*before, *o)]
            out[(*before, *at)] += np.einsum(
                f"{batch}dc,{batch}n{space}d->{batch}n{space}c", filters[(*before, *k)], part
            )
        return out

    def conv_w(image: Any, result: Any) -> Any:
        out = np.zeros((*lead, *w), image.dtype)
        for at, k, o in meetings(sizes, form):
            parts = image[(*before, *at)], result[(*before, *o)]
            out[(*before, *k)] = np.einsum(f"{batch}n{space}c,{batch}n{space}d->{batch}dc", *parts)
        return out

    reference, place = {"conv": (conv, 2), "conv_x": (conv_x, 0), "conv_w": (conv_w, 1)}[name]
    shapes = [(*lead, *shape) for shape in (x, w, y)]
    operands = [(UNIT, shape) for i, shape in enumerate(shapes) if i != place]
    fun = primitive(name, sizes=sizes[place], **form_)
    shown = f"{lead}{x}{w}{y}{form}".replace(" ", "")
    return structural(name, fun, reference, *operands, dtypes=dtypes, variant=shown)


ROWS: list[tuple[Shape, Shape, Shape, Shape, Form, tuple[str, ...]]] = [
    ((), (2, 3, 4, 2), (3, 2, 2, 2), (2, 2, 3, 3), ((2, 1), (1, 0), (1, 1)), INEXACT),
    ((2,), (1, 6, 1), (3, 3, 1), (1, 4, 3), ((1,), (-1,), (2,)), FLOAT),
    ((), (1, 3, 4, 2, 2), (1, 2, 2, 1, 2), (1, 2, 3, 2, 1), ((1, 1, 1), (0, 0, 0), (1, 1, 1)), FLOAT),
]
CASES = [_row(name, *row) for name in ("conv", "conv_x", "conv_w") for row in ROWS]
