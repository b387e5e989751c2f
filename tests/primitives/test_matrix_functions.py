"""Powers, exponentials, logarithms and roots of matrices: sizes, equal eigenvalues, errors."""

from __future__ import annotations

from typing import Any

import mpmath
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


def exact(a: np.ndarray) -> np.ndarray:
    """The exponential in more digits."""
    with mpmath.workdps(60):
        found = mpmath.expm(mpmath.matrix(a.tolist()), method="taylor")
        return np.array(found.tolist(), complex if a.dtype.kind == "c" else float).reshape(a.shape)


# --- exponentials ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("size", [0.0, 1e-9, 0.01, 0.2, 0.8, 2.0, 5.0, 20.0])
def test_exponentials_of_all_sizes(size: float, dtype: str, rng: np.random.Generator) -> None:
    """To a few units of rounding of the norm, times what the exponential is sensitive by."""
    a = random(rng, 4, 4, dtype=dtype)
    a = (a * size / np.linalg.norm(a, 1)).astype(dtype)
    got, want = np.asarray(fv.linalg.expm(a)), exact(a.astype(np.result_type(dtype, float)))
    assert got.dtype == dtype
    units = np.finfo(dtype).eps * np.linalg.norm(want, 1)
    assert np.linalg.norm(got - want, 1) <= (10 + 10 * size) * units


@pytest.mark.parametrize(
    "a",
    [
        [[1.0, 1e6], [0.0, -1.0]],  # whose powers are far smaller than those of its sizes
        [[0.0, 1e8], [0.0, 0.0]],
        [[-1e4, 0.0], [1.0, -1.0]],
        [[0.0, -300.0], [300.0, 0.0]],
        [[1e-300, 1e-300], [0.0, 1e-300]],
    ],
)
def test_exponentials_that_are_hard(a: Any) -> None:
    x = np.array(a)
    want = scipy.linalg.expm(x)
    got = np.asarray(fv.linalg.expm(x))
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12 * np.abs(want).max())


def test_exponentials_out_of_range() -> None:
    x = np.stack(
        [np.eye(2), np.full((2, 2), np.nan), np.full((2, 2), np.inf), 1e5 * np.eye(2), np.full((2, 2), 1e300)]
    )
    got = np.asarray(fv.linalg.expm(x))
    close(got[0], np.e * np.eye(2))
    assert not np.isfinite(got[1:]).all(axis=(1, 2)).any()


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("n", [1, 3, 20])
def test_exponentials_as_scipys(n: int, dtype: Any, rng: np.random.Generator) -> None:
    a = random(rng, 3, 2, n, n, dtype=dtype)
    want = scipy.linalg.expm(a)
    close(fv.linalg.expm(a), want, rtol=1e-11, atol=1e-12 * np.abs(want).max())
    close(
        fv.linalg.expm(np.swapaxes(a, 0, 1)), np.swapaxes(want, 0, 1), rtol=1e-11, atol=1e-12 * np.abs(want).max()
    )


@pytest.mark.parametrize(
    "a", [np.zeros((2, 2)), np.eye(3), np.array([[0.0, 1.0], [0.0, 0.0]]), np.diag([1.0, 2, 2])]
)
def test_exponentials_with_equal_eigenvalues(a: np.ndarray, rng: np.random.Generator) -> None:
    check_derivatives(lambda a: [fv.linalg.expm(a)], lambda a: [scipy.linalg.expm(a)], [a], rng)


def test_third_derivatives_of_exponentials(rng: np.random.Generator) -> None:
    """Along itself all are a^k exp(t a)."""
    a, u = random(rng, 3, 3), random(rng, 3, 3)

    def f(t: Any) -> Any:
        return fv.sum(fv.linalg.expm(t * a) * u)

    found = f
    for k in range(4):
        close(
            found(fv.array(0.5, dtype=np.float64)),
            np.sum(np.linalg.matrix_power(a, k) @ scipy.linalg.expm(a / 2) * u),
        )
        found = fv.grad(found)


def test_scales_of_cotangents(rng: np.random.Generator) -> None:
    """A derivative is linear, however large or small a cotangent is beside the matrix."""
    a, u = random(rng, 3, 3), random(rng, 3, 3)
    one = np.asarray(fv.vjp(fv.linalg.expm, [a], [u])[1][0])
    for scale in (1e-200, 1e-12, 1e12, 1e200):
        close(np.asarray(fv.vjp(fv.linalg.expm, [a], [scale * u])[1][0]) / scale, one)
    close(fv.vjp(fv.linalg.expm, [a], [0 * u])[1][0], 0 * u)


# --- logarithms and roots --------------------------------------------------------------------------------


def positive(rng: np.random.Generator, *shape: int, dtype: Any = float) -> np.ndarray:
    a = random(rng, *shape, dtype=dtype)
    return a @ np.conj(np.swapaxes(a, -1, -2)) + np.eye(shape[-1]) + 0.1 * random(rng, *shape, dtype=dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_logarithms_and_roots(dtype: str, rng: np.random.Generator) -> None:
    a = positive(rng, 2, 3, 3, dtype=dtype).astype(dtype)
    tolerance = 1e-3 if dtype in ("float32", "complex64") else 1e-9
    root, log = fv.linalg.sqrtm(a), fv.linalg.logm(a)
    assert root.dtype == log.dtype == dtype
    close(root @ root, a, rtol=tolerance, atol=tolerance)
    close(fv.linalg.expm(log), a, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("a", [np.eye(3), 2 * np.eye(2), np.diag([1.0, 2, 2]), np.array([[1.0, 1.0], [0.0, 1.0]])])
def test_logarithms_and_roots_with_equal_eigenvalues(a: np.ndarray, rng: np.random.Generator) -> None:
    check_derivatives(lambda a: [fv.linalg.logm(a)], lambda a: [scipy.linalg.logm(a).real], [a], rng)
    check_derivatives(lambda a: [fv.linalg.sqrtm(a)], lambda a: [scipy.linalg.sqrtm(a).real], [a], rng)


def test_complex_roots_of_real_matrices(rng: np.random.Generator) -> None:
    a = np.stack([np.eye(2), np.array([[-1.0, 0.5], [0.0, 2.0]])])
    for name in ("sqrtm", "logm"):
        f = getattr(fv.linalg, name)
        what = "square root" if name == "sqrtm" else "logarithm"
        with pytest.raises(
            np.linalg.LinAlgError, match=rf"\[{name}\] a\[1\] has no principal {what} in this dtype"
        ):
            np.asarray(f(a))
        close(f(a.astype(complex))[1], getattr(scipy.linalg, name)(a[1]))
        with pytest.raises(np.linalg.LinAlgError, match=rf"\[{name}\] a has no principal {what} in this dtype"):
            f(np.full((2, 2), np.nan))
    with pytest.raises(np.linalg.LinAlgError, match=r"\[logm\] a has no principal logarithm"):
        fv.linalg.logm(np.zeros((2, 2)))
    with pytest.raises(np.linalg.LinAlgError, match=r"\[sqrtm\] a is singular"):
        fv.grad(lambda a: fv.sum(fv.linalg.sqrtm(a)))(np.zeros((2, 2)))


def test_sylvesters_equation(rng: np.random.Generator) -> None:
    a, b, q = positive(rng, 2, 3, 3), positive(rng, 2, 2), random(rng, 2, 3, 2)
    x = np.asarray(fv.linalg.solve_sylvester(a, b, q))
    close(a @ x + x @ b, q)
    with pytest.raises(
        np.linalg.LinAlgError, match=r"\[solve_sylvester\] a\[1\] and -b have an eigenvalue in common"
    ):
        fv.linalg.solve_sylvester(
            np.stack([np.eye(2), np.eye(2)]), np.stack([np.eye(2), -np.eye(2)]), np.ones((2, 2))
        )
    with pytest.raises(ValueError, match=r"\[solve_sylvester\] Shapes .* do not fit"):
        fv.linalg.solve_sylvester(a, b, q[:, :2])


# --- powers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 5, 10])
def test_powers(n: int, rng: np.random.Generator) -> None:
    # far from singular, where a difference is not the derivative
    a = rng.uniform(-0.5, 0.5, (2, 3, 3)) + 3 * np.eye(3)
    close(np.linalg.matrix_power(fv.array(a), n), np.linalg.matrix_power(a, n), rtol=1e-8, atol=1e-8)

    def power(a: Any) -> list[Any]:
        return [np.linalg.matrix_power(a, n)]

    check_derivatives(power, power, [a], rng)
    whole = rng.integers(-3, 4, (3, 3))
    if n >= 0:
        got = fv.linalg.matrix_power(whole, n)
        assert got.dtype == np.int64
        np.testing.assert_array_equal(got, np.linalg.matrix_power(whole, n))


def test_errors() -> None:
    with pytest.raises(TypeError, match=r"\[matrix_power\] Expected an integer exponent, got 0.5"):
        fv.linalg.matrix_power(np.eye(2), 0.5)  # type: ignore[arg-type]
    with pytest.raises(np.linalg.LinAlgError, match=r"\[matrix_power\] a is singular"):
        fv.linalg.matrix_power(np.zeros((2, 2)), -1)
    for name in ("expm", "logm", "sqrtm"):
        with pytest.raises(np.linalg.LinAlgError, match=rf"\[{name}\] Expected square matrices"):
            getattr(fv.linalg, name)(np.ones((2, 3)))


@compiled
def test_in_compiled_code(rng: np.random.Generator) -> None:
    a = random(rng, 5, 3, 3)
    f = fv.value_and_grad(lambda a: fv.sum(fv.linalg.expm(a) ** 2))
    native = fv.njit(f, a)
    for got, want in zip(native(a), f(a), strict=True):
        close(got, want)
    with pytest.raises(TypeError):
        fv.njit(fv.linalg.logm, a)
