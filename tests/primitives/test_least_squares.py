"""QR decompositions, pseudoinverses and least squares: shapes, ranks, choices, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg
from support.checks import close
from support.oracles import check_derivatives

import fastvjp as fv
from fastvjp.kernels.native import jit

compiled = pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled")


def random(rng: np.random.Generator, *shape: int, dtype: Any = float) -> np.ndarray:
    x = rng.normal(size=shape)
    return x + 1j * rng.normal(size=shape) if np.dtype(dtype).kind == "c" else x


def adjoint(x: Any) -> Any:
    return np.conj(np.swapaxes(x, -1, -2))


# --- QR --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("shape", [(3, 3), (2, 5, 3), (3, 5), (80, 70), (0, 3), (3, 0), (2, 0, 0)])
def test_qr_as_numpys(shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> None:
    a = random(rng, *shape, dtype=dtype).astype(dtype)
    tolerance = 1e-4 if dtype in ("float32", "complex64") else 1e-11
    for mode in ("reduced", "complete"):
        got, expected = np.linalg.qr(fv.array(a), mode), np.linalg.qr(a, mode)
        for x, y in zip(got, expected, strict=True):
            assert x.dtype == y.dtype
            close(x, y, rtol=tolerance, atol=tolerance)
        close(got.Q @ got.R, a, rtol=tolerance, atol=tolerance)
    close(np.linalg.qr(fv.array(a), "r"), np.linalg.qr(a, "r"), rtol=tolerance, atol=tolerance)


def test_modes(rng: np.random.Generator) -> None:
    a = random(rng, 4, 2)
    for ours, scipys in (("full", "full"), ("economic", "economic")):
        for x, y in zip(fv.linalg.qr(a, ours), scipy.linalg.qr(a, mode=scipys), strict=True):
            close(x, y)
    with pytest.raises(ValueError, match=r"\[qr\] Expected mode to be"):
        fv.linalg.qr(a, "raw")


def test_choices_of_further_columns(rng: np.random.Generator) -> None:
    a = random(rng, 2, 5, 2)
    with pytest.raises(np.linalg.LinAlgError, match=r"\[qr\] a\[0\] has further columns of Q, .* on their choice"):
        fv.grad(lambda a: np.sum(np.linalg.qr(a, "complete")[0][..., 0, 3]))(a)


def test_dependent_columns() -> None:
    with pytest.raises(np.linalg.LinAlgError, match=r"\[qr\] a is singular"):
        fv.grad(lambda a: np.sum(np.linalg.qr(a)[1]))(np.zeros((3, 2)))


# --- pseudoinverses --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("shape", [(3, 3), (2, 5, 3), (3, 5), (0, 3), (2, 3, 0)])
def test_pinv_as_numpys(shape: tuple[int, ...], dtype: Any, rng: np.random.Generator) -> None:
    a = random(rng, *shape, dtype=dtype)
    close(np.linalg.pinv(fv.array(a)), np.linalg.pinv(a))
    close(np.linalg.pinv(fv.array(a), rcond=0.5), np.linalg.pinv(a, rcond=0.5))
    close(np.linalg.pinv(fv.array(a), rtol=0.5), np.linalg.pinv(a, rtol=0.5))
    if shape == (3, 3):
        b = a + adjoint(a)
        close(np.linalg.pinv(fv.array(b), hermitian=True), np.linalg.pinv(b, hermitian=True))


def test_pinv_limits_of_a_batch(rng: np.random.Generator) -> None:
    a, limits = random(rng, 3, 4, 3), np.array([1e-10, 0.3, 0.9])
    close(fv.linalg.pinv(a, limits), np.linalg.pinv(a, limits))


@pytest.mark.parametrize(
    "a", [np.eye(3), 2 * np.eye(4)[:, [2, 0]], np.diag([3.0, 1.0, 1.0]), np.diag([2.0, 2.0, 0.0])]
)
def test_equal_singular_values(a: np.ndarray, rng: np.random.Generator) -> None:
    """Along changes that keep the rank: x a y with x and y near 1."""
    (m, n), u, v = a.shape, rng.normal(size=(a.shape[0],) * 2), rng.normal(size=(a.shape[1],) * 2)

    def turned(t: Any) -> list[Any]:
        return [np.linalg.pinv((np.eye(m) + t * u) @ a @ (np.eye(n) + t * v))]

    check_derivatives(turned, turned, [np.array(0.0)], rng)


def test_ranks_that_do_not_stay() -> None:
    """The derivative is that of what keeps its rank."""
    close(fv.grad(lambda a: np.sum(np.linalg.pinv(a)))(np.zeros((2, 3))), np.zeros((2, 3)))


# --- least squares ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize(("m", "n"), [(5, 3), (3, 3), (3, 5), (70, 66)])
def test_lstsq_as_numpys(m: int, n: int, dtype: Any, rng: np.random.Generator) -> None:
    a, b, v = random(rng, m, n, dtype=dtype), random(rng, m, 2, dtype=dtype), random(rng, m, dtype=dtype)
    for right in (b, v):
        got, expected = np.linalg.lstsq(fv.array(a), right), np.linalg.lstsq(a, right)
        for x, y in zip(got, expected, strict=True):
            close(x, y, rtol=1e-7, atol=1e-8)
    deficient = a.copy()
    deficient[:, 0] = deficient[:, 1]
    got, expected = np.linalg.lstsq(fv.array(deficient), b, 1e-10), np.linalg.lstsq(deficient, b, 1e-10)
    close(got[0], expected[0], rtol=1e-7, atol=1e-8)
    assert int(got[2]) == expected[2]


def test_lstsq_of_batches(rng: np.random.Generator) -> None:
    a, b = random(rng, 4, 5, 3), random(rng, 5, 2)
    got = fv.linalg.lstsq(a, b)
    for i in range(4):
        expected = np.linalg.lstsq(a[i], b)
        for x, y in zip((got.x[i], got.residuals[i], got.rank[i], got.singular_values[i]), expected, strict=True):
            close(x, y, rtol=1e-8, atol=1e-8)
    one = fv.vmap(lambda a: fv.linalg.lstsq(a, b[:, 0])[0])(a)
    close(one, np.asarray(got.x)[..., 0])


@pytest.mark.parametrize(("m", "n"), [(5, 3), (3, 5)])
def test_derivatives_of_least_squares(m: int, n: int, rng: np.random.Generator) -> None:
    def solved(a: Any, b: Any) -> list[Any]:
        x, residuals, _, values = np.linalg.lstsq(a, b)
        return [x, residuals, values]

    check_derivatives(solved, solved, [random(rng, m, n), random(rng, m, 2)], rng)


def test_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"\[lstsq\] Matrices of shape \(3, 2\) and right hand sides of shape"):
        fv.linalg.lstsq(np.ones((3, 2)), np.ones(2))
    with pytest.raises(np.linalg.LinAlgError, match=r"\[lstsq\] Expected matrices"):
        fv.linalg.lstsq(np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="got both"):
        fv.linalg.pinv(np.eye(2), 0.1, rtol=0.1)
    with pytest.raises(np.linalg.LinAlgError, match=r"\[svd\] a\[1\] has singular values that did not converge"):
        fv.linalg.pinv(np.stack([np.eye(2), np.full((2, 2), np.nan)]))


@compiled
def test_in_compiled_code(rng: np.random.Generator) -> None:
    a, b = random(rng, 5, 3), random(rng, 5)

    def f(a: Any, b: Any) -> Any:
        q, r = np.linalg.qr(a)
        return np.sum(np.linalg.lstsq(a, b)[0]) + np.sum(q @ np.linalg.inv(r))

    native = fv.njit(fv.value_and_grad(f), a, b)
    value, gradient = native(a, b)
    close(value, f(a, b))
    close(gradient, fv.grad(f)(a, b))
