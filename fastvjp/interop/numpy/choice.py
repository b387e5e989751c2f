"""Choice of elements by conditions, as NumPy does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array, as_operands
from ...arrays.public import implements


@implements(np.where)
def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    return ops.nonzero(condition) if x is None and y is None else ops.where(condition, x, y)


@implements(np.select)
def _select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> array:
    *choices, result = as_operands([*choicelist, default], "select")
    for condition, choice in reversed(list(zip(condlist, choices, strict=True))):
        result = ops.where(condition, choice, result)
    return result


@implements(np.compress)
def _compress(condition: Any, a: Any, axis: int | None = None) -> array:
    return ops.take(a, ops.flatnonzero(condition), axis)


@implements(np.extract)
def _extract(condition: Any, arr: Any) -> array:
    return _compress(ops.ravel(condition), ops.ravel(arr), 0)
