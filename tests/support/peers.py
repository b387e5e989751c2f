"""Gradients by PyTorch and JAX, where they are installed, beside ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastvjp as fv

Function = Callable[[Any, Any], Any]
"""Takes a namespace, `linalg` say, and an array; returns an array or a tuple of them."""


def total(results: Any, weights: list[np.ndarray], real: Callable[[Any], Any], sum_: Callable[[Any], Any]) -> Any:
    """The real part of a weighted sum of all results."""
    found = results if isinstance(results, tuple | list) else (results,)
    return sum(sum_(real(x * w)) for x, w in zip(found, weights, strict=True))


def weights_for(
    function: Function, x: np.ndarray, rng: np.random.Generator, part: str = "linalg"
) -> list[np.ndarray]:
    """Random numbers for each result."""
    results = function(getattr(fv, part), fv.array(x))
    found = results if isinstance(results, tuple | list) else (results,)
    return [_random(rng, y.shape, y.dtype) for y in found]


def _random(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    values = rng.normal(size=shape)
    return (values + 1j * rng.normal(size=shape)).astype(dtype) if dtype.kind == "c" else values.astype(dtype)


def ours(
    function: Function, x: np.ndarray, weights: list[np.ndarray], part: str = "linalg"
) -> tuple[np.ndarray, np.ndarray]:
    """Value and gradient."""
    found = fv.value_and_grad(lambda a: total(function(getattr(fv, part), a), weights, fv.real, fv.sum))(x)
    return np.asarray(found[0]), np.asarray(found[1])


def torchs(
    function: Function, x: np.ndarray, weights: list[np.ndarray], part: str = "linalg"
) -> tuple[np.ndarray, np.ndarray]:
    """The same by PyTorch, whose convention for complex numbers is ours."""
    torch = pytest.importorskip("torch")
    a = torch.tensor(x, requires_grad=True)
    value = total(function(getattr(torch, part), a), [torch.tensor(w) for w in weights], torch.real, torch.sum)
    value.backward()
    return value.detach().numpy(), a.grad.resolve_conj().numpy()


def jaxs(
    function: Function, x: np.ndarray, weights: list[np.ndarray], part: str = "linalg"
) -> tuple[np.ndarray, np.ndarray]:
    """The same by JAX, whose gradients are the conjugates of these."""
    jax, special = pytest.importorskip("jax"), pytest.importorskip("jax.scipy.special")
    with jax.enable_x64(True):

        def real_total(a: Any) -> Any:
            module = special if part == "special" else getattr(jax.numpy, part)
            return total(function(module, a), weights, jax.numpy.real, jax.numpy.sum)

        value, gradient = jax.value_and_grad(real_total)(jax.numpy.array(x))
        return np.asarray(value), np.conj(np.asarray(gradient))
