"""NumPy's `as_strided`, whose strides are bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array
from ...arrays.views import layout
from .modules import replace


def _as_strided(
    x: Any,
    shape: Sequence[int] | None = None,
    strides: Sequence[int] | None = None,
    subok: bool = False,
    writeable: bool = True,
) -> Any:
    """As `numpy.lib.stride_tricks.as_strided`, but for an error where it reaches beyond the array."""
    if type(x) is not array:
        return np.lib.stride_tricks.as_strided(x, shape, strides, subok, writeable)
    lies = layout(x)
    if lies is None or not lies.flags.c_contiguous:
        raise ValueError(
            "[np.lib.stride_tricks.as_strided] Expected an array that is stored row by row, got a view into "
            "another one, or one of which that is not known. Hint: as_strided(x.copy(), ...)."
        )
    size = x.dtype.itemsize
    if strides is not None and any(s % size for s in strides):
        raise ValueError(
            f"[np.lib.stride_tricks.as_strided] Expected strides in multiples of {size} bytes, got {strides}."
        )
    elements = x.strides if strides is None else strides
    return ops.as_strided(x, x.shape if shape is None else tuple(shape), tuple([s // size for s in elements]))


replace(np.lib.stride_tricks.as_strided, _as_strided)
