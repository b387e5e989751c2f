"""Library primitives: LAPACK in plans, on every device, in compiled code; several results of one op; errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.checks import close
from support.oracles import differences

import fastvjp as fv
from fastvjp.kernels.native import jit

compiled = pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled")


def definite(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Symmetric matrices with positive eigenvalues that lie apart: each is near another whole number."""
    a = rng.uniform(-0.5, 0.5, shape)
    n = shape[-1]
    return a @ np.swapaxes(a, -1, -2) / n + np.diag(np.arange(1.0, n + 1))


def log_likelihood(x: Any, a: Any) -> Any:
    """Of a normal distribution but for a constant, by its Cholesky factor."""
    factor = np.linalg.cholesky(a)
    return -np.sum(np.log(np.diagonal(factor))) - 0.5 * np.sum(np.square(factor.T @ x))


def spectral(a: Any) -> Any:
    """A function of eigenvalues and vectors that does not depend on the signs of these."""
    values, vectors = np.linalg.eigh(a)
    return np.sum(np.sin(values)) + np.sum(np.square(vectors) @ values)


# --- several results -------------------------------------------------------------------------------------


def test_an_op_list_shows_both_results() -> None:
    shown = str(fv.record(fv.linalg.eigh, fv.eye(3)))
    assert "b: float32[3], c: float32[3,3] = eigh a upper=False" in shown
    assert shown.endswith("outputs: b, c")


@pytest.mark.parametrize("which", [0, 1])
def test_a_cotangent_of_one_result(which: int, rng: np.random.Generator) -> None:
    a = definite(rng, 4, 4)
    u = rng.normal(size=(4,) if which == 0 else (4, 4))

    def one(a: Any) -> Any:
        return np.sum(np.square(np.linalg.eigh(a)[which]) * u)

    direction = rng.normal(size=(4, 4))
    direction = direction + direction.T
    direction /= np.linalg.norm(direction)
    (expected,) = differences(lambda a: [one(a)], [a], [direction])
    close(np.sum(np.asarray(fv.grad(one)(a)) * direction), expected, rtol=1e-6, atol=1e-8)


def test_vmap_is_a_loop(rng: np.random.Generator) -> None:
    matrices = definite(rng, 5, 3, 3)
    values, vectors = fv.vmap(fv.linalg.eigh)(matrices)
    for i, a in enumerate(matrices):
        found = fv.linalg.eigh(a)
        close(values[i], found.eigenvalues)
        close(vectors[i], found.eigenvectors)
    both = fv.vmap(fv.vmap(np.linalg.cholesky))(matrices[None])
    close(both[0], np.linalg.cholesky(matrices))
    assert fv.vmap(lambda a: fv.linalg.eigh(a)[0], in_axes=1)(np.zeros((2, 0, 2))).shape == (0, 2)


def test_one_step_gives_both_results(rng: np.random.Generator) -> None:
    made = fv.explain(lambda a: tuple(fv.linalg.eigh(a)), [definite(rng, 3, 3)], [np.ones(3), np.ones((3, 3))])
    shown = str(made)
    assert shown.count(": eigh upper=False") == 1
    assert " = w\n" in shown
    assert " = v\n" in shown


def test_numpy_names_the_results(rng: np.random.Generator) -> None:
    a = definite(rng, 3, 3)
    found = np.linalg.eigh(fv.array(a))
    close(found.eigenvalues, np.linalg.eigh(a).eigenvalues)
    close(np.linalg.eigvalsh(a), fv.linalg.eigh(fv.array(a), UPLO="U")[0])


# --- values and derivatives ------------------------------------------------------------------------------


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_one_triangle_is_read(dtype: str, upper: bool, rng: np.random.Generator) -> None:
    a = (
        definite(rng, 2, 4, 4) + (1j * np.triu(rng.uniform(-0.5, 0.5, (4, 4)), 1) if dtype[0] == "c" else 0)
    ).astype(dtype)
    a = (a + np.conj(np.swapaxes(a, -1, -2))) / 2
    other = np.tril(np.full((4, 4), np.nan, dtype), -1)
    broken = a + (other if upper else other.T)
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if dtype in ("float32", "complex64") else {}
    close(fv.linalg.cholesky(broken, upper=upper), np.linalg.cholesky(a, upper=upper), **tolerance)
    found = fv.linalg.eigh(broken, UPLO="U" if upper else "L")
    close(found.eigenvalues, np.linalg.eigvalsh(a), **tolerance)
    close(a @ np.asarray(found.eigenvectors), found.eigenvectors * found.eigenvalues[:, None], **tolerance)


def test_second_derivatives_and_jvp(rng: np.random.Generator) -> None:
    a, x = definite(rng, 3, 3), rng.normal(size=3)
    for f in (lambda a: log_likelihood(x, a), spectral):
        gradient = fv.grad(f)
        d = rng.normal(size=(3, 3))
        d = d + d.T
        slope = np.sum(np.asarray(gradient(a)) * d)
        close(fv.jvp(f, [a], [d])[1][0], slope, rtol=1e-9)
        h = 1e-5
        curve = (np.asarray(gradient(a + h * d)) - np.asarray(gradient(a - h * d))) / (2 * h)
        close(fv.hvp(f, [a], [d])[0], curve, rtol=1e-6, atol=1e-7)


def test_zero_cotangents_stay_zero() -> None:
    def branch(a: Any) -> Any:
        return np.sum(np.where(a > -1, 1.0, np.linalg.cholesky(a + np.eye(2))))

    close(fv.grad(branch)(np.eye(2)), np.zeros((2, 2)))


# --- devices and compiled code ---------------------------------------------------------------------------


def test_on_a_device_without_lapack(rng: np.random.Generator) -> None:
    pytest.importorskip("ziglang")
    a = definite(rng, 3, 3).astype(np.float32)
    with fv.device("metal-emulator"):
        made = fv.explain(spectral, [a], [1.0])
        got = np.asarray(fv.grad(spectral)(a))
    devices = {report.device for report in made.reports if "eigh" in report.step.computes}
    assert devices == {"cpu"}
    assert {report.device for report in made.reports} == {"cpu", "metal-emulator"}
    close(got, fv.grad(spectral)(a.astype(float)), rtol=1e-3, atol=1e-3)


@compiled
@pytest.mark.parametrize("f", [spectral, lambda a: np.sum(np.linalg.cholesky(a) ** 3)], ids=["eigh", "cholesky"])
def test_in_compiled_code(f: Callable[..., Any], rng: np.random.Generator) -> None:
    a = definite(rng, 4, 4)
    native = fv.njit(fv.value_and_grad(f), a)
    value, gradient = native(a)
    close(value, f(a))
    close(gradient, fv.grad(f)(a))


@compiled
def test_an_error_in_compiled_code(rng: np.random.Generator) -> None:
    native = fv.njit(np.linalg.cholesky, np.zeros((3, 2, 2)))
    good = definite(rng, 3, 2, 2)
    bad = good.copy()
    bad[1] = -bad[1]
    with pytest.raises(np.linalg.LinAlgError) as caught:
        native(bad)
    assert caught.value.args[1] == 1
    close(native(good), np.linalg.cholesky(good))


# --- errors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [fv.linalg.cholesky, fv.vmap(fv.linalg.cholesky), fv.compile(fv.linalg.cholesky)])
def test_a_matrix_that_is_not_positive_definite_is_named(call: Any, rng: np.random.Generator) -> None:
    good = definite(rng, 100, 3, 3)
    bad = good.copy()
    bad[70] = -bad[70]
    with pytest.raises(np.linalg.LinAlgError, match=r"\[cholesky\] a\[70\] is not positive definite"):
        np.asarray(call(bad))
    close(call(good), np.linalg.cholesky(good))


@pytest.mark.parametrize("function", [fv.linalg.cholesky, fv.linalg.eigh])
def test_what_is_no_square_matrix(function: Any) -> None:
    for x in (fv.ones((2, 3)), fv.ones(3), fv.array(1.0)):
        with pytest.raises(ValueError, match=r"Expected square matrices in the last two axes, got the shape"):
            function(x)
    with pytest.raises(TypeError, match="Unsupported dtype"):
        function(np.array([["a"]]))
    close(function(np.eye(2, dtype=int))[0], [1, 0] if function is fv.linalg.cholesky else [1, 1])
    with pytest.raises(ValueError, match="UPLO"):
        fv.linalg.eigh(fv.eye(2), UPLO="X")
