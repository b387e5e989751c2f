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


def _bands(n: int) -> np.ndarray:
    return np.array([np.full(n, 0.5), np.full(n, 3.0), np.full(n, -0.7)])


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_many_banded_systems(rng: np.random.Generator, dtype: str) -> None:
    """Of many rows, under vmap, and with leading axes as SciPy takes them."""
    ab, b = (_bands(40) + rng.uniform(-0.1, 0.1, (5, 3, 40))).astype(dtype), rng.normal(size=(5, 40)).astype(dtype)
    each = np.array([scipy.linalg.solve_banded((1, 1), x, y) for x, y in zip(ab, b, strict=True)])
    assert each.dtype == dtype
    tolerance = 1e-5 if dtype == "float32" else 1e-12

    def solve(x: Any, y: Any) -> Any:
        return fv.scipy.linalg.solve_banded((1, 1), x, y)

    (found,), pulled = fv.vjp(fv.vmap(solve), [ab, b], [each])
    assert found.dtype == dtype
    close(found, each, rtol=tolerance, atol=tolerance)
    dense = lambda x, y: fv.linalg.solve(_dense(x), y)  # noqa: E731
    expected = fv.vjp(fv.vmap(dense), [ab, b], [each])[1]
    for one, other in zip(pulled, expected, strict=True):
        close(one, other, rtol=tolerance, atol=tolerance)
    close(fv.vjp(solve, [ab, b[..., None]], [each[..., None]])[0][0][..., 0], each, rtol=tolerance, atol=tolerance)


def _dense(x: Any) -> Any:
    return fv.diag(x[1]) + fv.diag(x[0, 1:], 1) + fv.diag(x[2, :-1], -1)


def test_hermitian_banded_systems(rng: np.random.Generator) -> None:
    """Of complex elements: a cotangent of those that are not read is none."""
    ab = np.array([np.full(4, 5.0), *rng.uniform(-1, 1, (2, 4))]) + 1j * np.array([[0.0], [0.4], [-0.3]])
    b, g = rng.normal(size=(4, 2)) + 0j, rng.normal(size=(4, 2)) + 1j

    def dense(x: Any) -> Any:
        low = fv.diag(x[1, :-1], -1) + fv.diag(x[2, :-2], -2)
        return fv.linalg.solve(fv.diag(fv.real(x[0])) + low + fv.conj(low.T), b)

    (value,), (pulled,) = fv.vjp(lambda x: fv.scipy.linalg.solveh_banded(x, b, lower=True), [ab], [g])
    close(value, scipy.linalg.solveh_banded(ab, b, lower=True), rtol=1e-12)
    expected = fv.vjp(dense, [ab], [g])[1][0]
    close(pulled[1:], expected[1:], rtol=1e-10, atol=1e-12)
    close(pulled[0].real, expected[0].real, rtol=1e-10, atol=1e-12)
    upper = np.array([np.roll(np.conj(ab[k]), k) for k in (2, 1, 0)])
    found = fv.vjp(lambda x: fv.scipy.linalg.solveh_banded(x, b), [upper], [g])[0][0]
    close(found, value, rtol=1e-12)


def test_banded_systems_without_solutions() -> None:
    ones = np.ones((3, 4))
    with pytest.raises(np.linalg.LinAlgError, match=r"\[solve_banded\] ab is singular"):
        fv.grad(lambda x: np.sum(fv.scipy.linalg.solve_banded((1, 1), x * 0, np.ones(4))))(ones)
    with pytest.raises(np.linalg.LinAlgError, match=r"\[solveh_banded\] ab is not positive definite"):
        fv.grad(lambda x: np.sum(fv.scipy.linalg.solveh_banded(-x, np.ones(4))))(ones)
    with pytest.raises(ValueError, match=r"solve_banded\] Diagonals of shape \(3, 4\) .* Expected: 4 diagonals"):
        fv.grad(lambda x: np.sum(fv.scipy.linalg.solve_banded((2, 1), x, np.ones(4))))(ones)
    with pytest.raises(ValueError, match=r"solveh_banded\] Diagonals .* do not fit"):
        fv.grad(lambda x: np.sum(fv.scipy.linalg.solveh_banded(x, np.ones(3))))(ones)


def test_bases_that_are_chosen() -> None:
    """Of no vectors, of one rank for all, and what depends on the choice of vectors."""
    square = np.diag([1.0, 2.0, 3.0])
    assert fv.vjp(fv.scipy.linalg.null_space, [square], [np.ones((3, 0))])[0][0].shape == (3, 0)
    with pytest.raises(ValueError, match=r"\[scipy.linalg.orth\] Matrices of the ranks \[2, 3\]"):
        fv.grad(lambda x: np.sum(fv.scipy.linalg.orth(x)))(np.stack([square, np.diag([1.0, 2.0, 0.0])]))
    with pytest.raises(np.linalg.LinAlgError, match="svd"):
        fv.grad(lambda x: np.sum(fv.scipy.linalg.null_space(x)[:, 0] * np.arange(3)))(np.array([[1.0, 2.0, 3.0]]))


def test_schur_says_what_to_use() -> None:
    with pytest.raises(TypeError, match=r"fastvjp\.linalg\.eig"):
        fv.grad(lambda a: np.sum(fv.scipy.linalg.schur(a)[0]))(np.eye(3))
    a = np.array([[2.0, 1.0, 0.3], [0.2, 5.0, -1.0], [0.1, 0.4, 9.0]])
    q, _ = fv.linalg.qr(fv.linalg.eig(fv.array(a))[1])
    close(np.tril(np.asarray(fv.conj(q.T) @ a @ q), -1), np.zeros((3, 3)), atol=1e-12)


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
