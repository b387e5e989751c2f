"""Functions of scipy.special that have no public name of ours, or another signature there."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from ..arrays.array import array, as_array, as_arrays
from ..arrays.public import implements
from ..core.avals import inexact
from ..custom.callback import pure_callback
from ..custom.function import custom_function
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


# --- gamma functions: SciPy's own, called as steps of the plan ---------------------------------------------------


def _gammaln_values(x: np.ndarray) -> Any:
    import scipy.special

    return scipy.special.gammaln(x)


def _polygamma_values(n: np.ndarray, x: np.ndarray) -> Any:
    import scipy.special

    return scipy.special.polygamma(int(n.flat[0]), x).astype(x.dtype)


def _floating(x: Any, name: str) -> array:
    given = as_array(x, name)
    return ops.astype(given, inexact(given.dtype))


@custom_function
def _log_gamma(x: Any) -> Any:
    return pure_callback(_gammaln_values, x, x, vmap_method="expand_dims")


@_log_gamma.vjp
def _log_gamma_vjp(x: Any, g: Any, _: Any) -> Any:
    return g * _polygamma(x, 0)


def _polygamma(x: Any, n: int) -> Any:
    """The derivative of order n + 1 of log(gamma): its own is that of the next order."""
    if n not in _POLYGAMMAS:
        made = custom_function(lambda x: pure_callback(_polygamma_values, x, np.int64(n), x))
        made.vjp(lambda x, g, _: g * _polygamma(x, n + 1))
        _POLYGAMMAS[n] = made
    return _POLYGAMMAS[n](x)


_POLYGAMMAS: dict[int, Any] = {}


@implements("scipy.special.gammaln", "scipy.special.loggamma")
def _gammaln(x: Any) -> array:
    return _log_gamma(_floating(x, "gammaln"))


@implements("scipy.special.psi", "scipy.special.digamma")
def _digamma(x: Any) -> array:
    return _polygamma(_floating(x, "digamma"), 0)
