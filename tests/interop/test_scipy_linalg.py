"""scipy.linalg through `fastvjp.scipy`: values as SciPy's, gradients by finite differences, second order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy
import scipy.linalg
from support.checks import close, numeric_grad
from support.scipy_calls import LINALG, Call

import fastvjp as fv

CALLS = [pytest.param(call, id=f"{name} {i}") for name, calls in LINALG.items() for i, call in enumerate(calls)]


def total(call: Call, la: Any, a: Any, b: Any) -> Any:
    """A sum of all results with fixed weights."""
    found = call(la, a, b)
    parts = found if isinstance(found, tuple) else (found,)
    return sum(np.sum(np.real(x) * np.cos(1.0 + np.arange(x.size).reshape(x.shape))) for x in map(_array, parts))


def _array(x: Any) -> Any:
    return x if isinstance(x, fv.array) else np.asarray(x)


@pytest.fixture
def given(rng: np.random.Generator) -> list[np.ndarray]:
    return [rng.uniform(-1, 1, (3, 3)), rng.uniform(-1, 1, (3, 2)) + np.eye(3, 2) * 3]


@pytest.mark.parametrize("call", CALLS)
def test_calls(call: Call, given: list[np.ndarray]) -> None:
    def ours(a: Any, b: Any) -> Any:
        return total(call, fv.scipy.linalg, a, b)

    value, gradients = fv.value_and_grad(ours, [0, 1])(*given)
    close(value, total(call, scipy.linalg, *given), rtol=1e-9, atol=1e-9)
    a, b = given
    slopes = [
        numeric_grad(lambda x: total(call, scipy.linalg, x, b), a),
        numeric_grad(lambda x: total(call, scipy.linalg, a, x), b),
    ]
    for gradient, slope in zip(gradients, slopes, strict=True):
        close(gradient, slope, rtol=2e-5, atol=2e-6)
    curve = fv.hessian(lambda a: ours(a, b))(a).reshape(9, 9)
    close(curve, curve.T, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "call",
    [
        lambda la, a: la.qr(a, pivoting=True)[0],
        lambda la, a: la.qr(a, mode="raw")[0],
        lambda la, a: la.eig(a, left=True)[0],
        lambda la, a: la.eigvals(a, a),
        lambda la, a: la.eigh(a, subset_by_value=[0, 1])[0],
        lambda la, a: la.pinv(a, atol=0.1),
    ],
)
def test_what_is_lacking_is_an_error(call: Any) -> None:
    with pytest.raises(TypeError, match=r"\[scipy\.linalg\.\w+\] \w+='?\w*'? is not recorded"):
        fv.grad(lambda a: np.sum(call(fv.scipy.linalg, a)))(np.eye(3))


def test_derivatives_of_exponentials_along_other_shapes() -> None:
    with pytest.raises(ValueError, match=r"\[expm_frechet\] Shapes \(3, 3\) and \(2, 2\) do not fit"):
        fv.grad(lambda a: np.sum(fv.scipy.linalg.expm_frechet(a, np.eye(2))[1]))(np.eye(3))


def test_functions_that_are_not_edited() -> None:
    """`scipy.linalg` under any name is ours within `of`."""

    def evidence(scale: Any) -> Any:
        x = np.linspace(0.0, 1.0, 5)
        k = np.exp(-(((x[:, None] - x) / scale) ** 2)) + 0.1 * np.eye(5)
        factor = scipy.linalg.cho_factor(k)
        fit = x @ scipy.linalg.cho_solve(factor, x)
        return 0.5 * fit + np.sum(np.log(np.diag(factor[0])))

    at = np.array(0.4)
    close(fv.grad(fv.numpy.of(evidence))(at), numeric_grad(evidence, at), rtol=1e-6)
