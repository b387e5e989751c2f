"""Small oracles that the tests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import fastvjp as fv
from fastvjp.recording import ready
from fastvjp.recording.trie import trie


def forget() -> None:
    """Recorded calls and plans."""
    trie.forget()
    ready._cache.clear()


def close(actual: Any, expected: Any, rtol: float = 1e-10, atol: float = 1e-12) -> None:
    """Equal within float64 accuracy, and of the same shape."""
    a, b = np.asarray(actual), np.asarray(expected)
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def same(actual: Any, expected: Any) -> None:
    """Equal in shape and every element; nan equals nan."""
    a, b = np.asarray(actual), np.asarray(expected)
    assert a.shape == b.shape
    np.testing.assert_array_equal(a, b)


def numeric_grad(fun: Callable[..., float], x: np.ndarray, eps: float = 1e-6) -> np.ndarray:
    """Central differences of a scalar function of a NumPy array."""
    found = np.empty_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += eps
        down[i] -= eps
        found[i] = (float(fun(up)) - float(fun(down))) / (2 * eps)
    return found


def keep(kept: list[Any], x: Any) -> Any:
    """The same value, which is in the list from now on."""
    kept.append(x)
    return x


def vjp1(fun: Callable[..., Any], x: Any, g: Any) -> np.ndarray:
    """The vjp of a function of one array."""
    return np.asarray(fv.vjp(fun, [x], [g])[1][0])
