"""Functions of scipy.special that have no public name of ours, or another signature there."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..arrays.array import array, as_arrays
from ..arrays.public import implements
from ..transforms.checkpoint import stop_gradient


@implements("scipy.special.logsumexp")
def _logsumexp(
    a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> array:
    if return_sign:
        raise TypeError("[scipy.special.logsumexp] return_sign=True is not recorded. Hint: np.sum(b * np.exp(a)).")
    if b is None:
        return ops.logsumexp(a, axis, keepdims)
    x, weights = as_arrays([a, b], "logsumexp")
    largest = stop_gradient(ops.max(x, axis, True))
    largest = ops.where(ops.isfinite(largest), largest, 0.0)
    found = ops.log(ops.sum(weights * ops.exp(x - largest), axis, keepdims))
    return found + (largest if keepdims else ops.reshape(largest, found.shape))


implements("scipy.special.softmax")(ops.softmax)
implements("scipy.special.log_softmax")(ops.log_softmax)
