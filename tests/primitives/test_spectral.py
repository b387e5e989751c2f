"""Eigenvalues and singular values: equal ones, zeros, choices of vectors, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from support.checks import close
from support.oracles import differences

import fastvjp as fv
from fastvjp.kernels.native import jit

compiled = pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled")
UNDETERMINED = r"has equal values, and its derivative is not determined: .* Hint: eigvalsh"


def orthogonal(rng: np.random.Generator, n: int, dtype: Any = float) -> np.ndarray:
    x = rng.normal(size=(n, n))
    return np.linalg.qr(x + 1j * rng.normal(size=(n, n)) if dtype is complex else x)[0]


def with_eigenvalues(rng: np.random.Generator, values: list[float], dtype: Any = float) -> np.ndarray:
    q = orthogonal(rng, len(values), dtype)
    a = (q * np.array(values)) @ q.conj().T
    return (a + a.conj().T) / 2


def with_singular_values(rng: np.random.Generator, m: int, n: int, values: list[float]) -> np.ndarray:
    return (orthogonal(rng, m)[:, : len(values)] * np.array(values)) @ orthogonal(rng, n)[: len(values)]


def adjoint(x: Any) -> Any:
    return np.conj(np.swapaxes(x, -1, -2))


def hermitian(x: np.ndarray) -> np.ndarray:
    return (x + adjoint(x)) / 2


def symmetric_difference(f: Callable[[np.ndarray], Any], a: np.ndarray, d: np.ndarray) -> float:
    """The derivative of a function of arrays along d."""
    return float(differences(lambda a: [np.asarray(f(a))], [a], [d])[0])


def slope(gradient: Any, d: np.ndarray) -> float:
    return float(np.sum(np.conj(np.asarray(gradient)) * d).real)


# --- functions of values alone ---------------------------------------------------------------------------

EQUAL = [[1.0, 1.0, 1.0], [1.0, 2.0, 2.0], [-3.0, 0.0, 0.0, 5.0], [0.0, 0.0], [1e8, 2.0, 2.0, 2.0]]


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("values", EQUAL)
def test_symmetric_functions_of_eigenvalues(values: list[float], dtype: Any, rng: np.random.Generator) -> None:
    """The gradient of sum(f(w)) is f'(a)."""
    a = with_eigenvalues(rng, values, dtype)
    size = np.abs(values).max(initial=1)
    got = fv.grad(lambda a: np.sum(np.linalg.eigvalsh(a) ** 2))(a)
    close(got, 2 * a, atol=1e-12 * size)
    got = fv.grad(lambda a: np.sum(np.linalg.eigh(a)[0] ** 2))(a)
    close(got, 2 * a, atol=1e-12 * size)
    d = hermitian(rng.normal(size=a.shape))
    close(fv.jvp(lambda a: np.sum(np.linalg.eigvalsh(a) ** 2), [a], [d])[1][0], slope(2 * a, d), atol=1e-11 * size)


@pytest.mark.parametrize("values", [[2.0, 2.0, 2.0], [3.0, 1.0, 1.0], [2.0, 2.0]])
@pytest.mark.parametrize(("m", "n"), [(3, 3), (5, 3), (3, 4)])
def test_symmetric_functions_of_singular_values(
    values: list[float], m: int, n: int, rng: np.random.Generator
) -> None:
    """The gradient of sum(s) is the polar factor; where a value is zero, one of those beside."""
    a = with_singular_values(rng, m, n, values)
    got = np.asarray(fv.grad(lambda a: np.sum(np.linalg.svd(a, compute_uv=False)))(a))
    u, _, v = np.linalg.svd(a)
    close(adjoint(u[:, : len(values)]) @ got @ adjoint(v[: len(values)]), np.eye(len(values)), atol=1e-10)
    assert np.linalg.norm(got, 2) < 1 + 1e-12
    close(fv.grad(lambda a: np.sum(np.linalg.svd(a)[1] ** 2))(a), 2 * a)
    close(fv.grad(lambda a: np.sum(fv.linalg.svdvals(a)))(np.zeros((m, n))), np.zeros((m, n)))


def test_eigenvalues_of_any_matrices(rng: np.random.Generator) -> None:
    a = np.diag([2.0, 2.0, 3.0])
    close(fv.grad(lambda a: np.sum(np.linalg.eigvals(a).real ** 3))(a), 3 * a @ a)
    with pytest.raises(np.linalg.LinAlgError, match=r"\[eig\] a has too few eigenvectors"):
        fv.grad(lambda a: np.sum(np.linalg.eigvals(a).real))(np.array([[1.0, 1.0], [0.0, 1.0]]))


# --- functions of vectors alone --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [float, complex])
def test_projectors_onto_vectors_of_equal_eigenvalues(dtype: Any, rng: np.random.Generator) -> None:
    a, u = with_eigenvalues(rng, [1.0, 2.0, 2.0, 4.0], dtype), hermitian(rng.normal(size=(4, 4)))

    def f(a: Any) -> Any:
        vectors = np.linalg.eigh(a)[1][:, 1:3]
        return np.sum((vectors @ adjoint(vectors)).real * u)

    d = hermitian(rng.normal(size=(4, 4)))
    expected = symmetric_difference(f, a, d)
    close(slope(fv.grad(f)(a), d), expected, rtol=1e-7, atol=1e-8)
    close(fv.jvp(f, [a], [d])[1][0], expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("values", [[2.0, 2.0, 2.0], [3.0, 1.0, 1.0]])
@pytest.mark.parametrize(("m", "n"), [(3, 3), (5, 3), (3, 4)])
def test_polar_factors_with_equal_singular_values(
    values: list[float], m: int, n: int, rng: np.random.Generator
) -> None:
    a, g, d = with_singular_values(rng, m, n, values), rng.normal(size=(m, n)), rng.normal(size=(m, n))

    def f(a: Any) -> Any:
        u, _, v = np.linalg.svd(a, full_matrices=False)
        return np.sum((u @ v) * g)

    expected = symmetric_difference(f, a, d)
    close(slope(fv.grad(f)(a), d), expected, rtol=1e-6, atol=1e-7)
    close(fv.jvp(f, [a], [d])[1][0], expected, rtol=1e-6, atol=1e-7)


# --- functions of both -----------------------------------------------------------------------------------


def function_of_matrix(function: Callable[[Any], Any], u: np.ndarray) -> Callable[[Any], Any]:
    def f(a: Any) -> Any:
        values, vectors = np.linalg.eigh(a)
        return np.sum((vectors * function(values)) @ np.swapaxes(vectors, -1, -2) * u)

    return f


@pytest.mark.parametrize("a", [np.eye(3), np.diag([1.0, 2.0, 2.0]), 1e-3 * np.eye(2)])
def test_traces_of_matrices_with_equal_eigenvalues(a: np.ndarray) -> None:
    close(fv.grad(function_of_matrix(np.square, np.eye(len(a))))(a), 2 * a)


@pytest.mark.parametrize(
    ("function", "a"),
    [
        (np.square, np.eye(3)),
        (np.sqrt, np.diag([1.0, 2.0, 2.0])),
        (np.log, np.eye(3)),  # of which the cotangent of the vectors is zero
        (np.square, np.zeros((2, 2))),
    ],
)
@pytest.mark.parametrize("u", ["random", "ones"])
def test_what_the_cotangents_do_not_tell(
    function: Callable[[Any], Any], a: np.ndarray, u: str, rng: np.random.Generator
) -> None:
    if function is np.square and not a.any():
        function = np.sin
    f = function_of_matrix(function, np.ones(a.shape) if u == "ones" else hermitian(rng.normal(size=a.shape)))
    with pytest.raises(np.linalg.LinAlgError, match=rf"\[eigh\] a {UNDETERMINED}"):
        fv.grad(f)(a)
    with pytest.raises(np.linalg.LinAlgError, match=rf"\[eigh\] a\[1\] {UNDETERMINED}"):
        fv.grad(lambda x: np.sum(fv.vmap(f)(x)))(np.stack([np.diag(np.arange(1.0, len(a) + 1)), a]))
    with pytest.raises(np.linalg.LinAlgError, match=UNDETERMINED):
        fv.jvp(f, [a], [hermitian(rng.normal(size=a.shape))])


def test_what_equal_values_have_no_part_in(rng: np.random.Generator) -> None:
    """The largest of a covariance of few observations, whose other values are zero."""
    x, u = rng.normal(size=(3, 6)), hermitian(rng.normal(size=(6, 6)))
    a = x.T @ x

    def f(a: Any) -> Any:
        values, vectors = np.linalg.eigh(a)
        return np.sum((vectors[:, 3:] * np.log(values[3:])) @ vectors[:, 3:].T * u)

    d = x.T @ rng.normal(size=(3, 6))
    d = d + d.T
    close(slope(fv.grad(f)(a), d), symmetric_difference(f, a, d), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kept", [slice(1, None), slice(None, 1)], ids=["equal", "other"])
def test_vectors_of_equal_eigenvalues_alone_or_not_at_all(kept: slice, rng: np.random.Generator) -> None:
    """A projection on their space does not depend on the choice of vectors; what uses other pairs not on them."""
    q = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    a, u, d = q @ np.diag([1.0, 2.0, 2.0]) @ q.T, rng.normal(size=(3, 3)), rng.normal(size=(3, 3))
    d = d + d.T

    def projected(a: Any) -> Any:
        w, v = np.linalg.eigh(a)
        found = np.sum(v[:, kept] @ v[:, kept].T * u)
        return found if kept.start else found * w[0] ** 2

    h = 1e-5
    slope = (projected(a + h * d) - projected(a - h * d)) / (2 * h)
    close(np.sum(np.asarray(fv.grad(projected)(a)) * d), slope, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("m", "n"), [(3, 3), (5, 3), (3, 4)])
def test_singular_vectors_and_equal_values(m: int, n: int, rng: np.random.Generator) -> None:
    a, g = with_singular_values(rng, m, n, [2.0, 2.0, 1.0]), rng.normal(size=(m, n))

    def f(a: Any) -> Any:
        u, s, v = np.linalg.svd(a, full_matrices=False)
        return np.sum((u * s) @ v * g)

    with pytest.raises(np.linalg.LinAlgError, match=rf"\[svd\] a {UNDETERMINED}"):
        fv.grad(f)(a)
    a = with_singular_values(rng, m, n, [3.0, 1.0])  # one of them is zero
    close(fv.grad(f)(a), g, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("f", [
    lambda a: np.sum(np.linalg.eigh(a @ adjoint(a))[1].real ** 3),
    lambda a: np.sum(np.linalg.eig(a)[1].real ** 3),
    lambda a: np.sum(np.linalg.svd(a)[0].real ** 3),
])  # fmt: skip
def test_phases_of_vectors(f: Callable[..., Any], rng: np.random.Generator) -> None:
    with pytest.raises(np.linalg.LinAlgError, match="on the phase of a vector"):
        fv.grad(f)(rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))


def test_choices_of_vectors(rng: np.random.Generator) -> None:
    with pytest.raises(np.linalg.LinAlgError, match=rf"\[eigh\] a {UNDETERMINED}"):
        fv.grad(lambda a: np.linalg.eigh(a)[1][0, 1])(np.eye(3))
    with pytest.raises(np.linalg.LinAlgError, match=rf"\[svd\] a {UNDETERMINED}"):
        fv.grad(lambda a: np.linalg.svd(a)[0][0, 3])(rng.normal(size=(5, 2)))
    with pytest.raises(np.linalg.LinAlgError, match=rf"\[eig\] a {UNDETERMINED}"):
        fv.grad(lambda a: np.linalg.eig(a)[1][0, 1].real)(np.eye(3))


def test_zero_cotangents_of_undetermined_derivatives() -> None:
    f = function_of_matrix(np.sqrt, np.ones((2, 2)))
    a = np.stack([np.diag([1.0, 2.0]), np.eye(2)])
    got = fv.grad(lambda a: fv.sum(fv.where([True, False], fv.vmap(f)(a), 0)))(a)
    close(np.asarray(got)[0], fv.grad(f)(a[0]))
    close(np.asarray(got)[1], np.zeros((2, 2)))


# --- values ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("shape", [(3, 3), (2, 4, 3), (3, 4), (70, 66), (0, 3), (2, 0, 0)])
def test_singular_values_as_numpys(shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> None:
    a = (rng.normal(size=shape) + (1j * rng.normal(size=shape) if dtype[0] == "c" else 0)).astype(dtype)
    tolerance = 1e-4 if dtype in ("float32", "complex64") else 1e-11
    for full in (True, False):
        got, expected = fv.linalg.svd(a, full), np.linalg.svd(a, full)
        assert [(x.shape, x.dtype) for x in got] == [(x.shape, x.dtype) for x in expected]
        close(got.S, expected.S, rtol=tolerance, atol=tolerance)
        k = got.S.shape[-1]
        u, s, v = map(np.asarray, got)
        close((u[..., :k] * s[..., None, :]) @ v[..., :k, :], a, rtol=tolerance, atol=tolerance)
        identity = np.broadcast_to(np.eye(u.shape[-1]), adjoint(u).shape[:-1] + u.shape[-1:])
        close(adjoint(u) @ u, identity, rtol=tolerance, atol=tolerance)
    close(fv.linalg.svdvals(a), np.linalg.svdvals(a), rtol=tolerance, atol=tolerance)
    close(fv.linalg.svd(a, compute_uv=False), np.linalg.svdvals(a), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("shape", [(3, 3), (2, 4, 4), (70, 70), (0, 0)])
def test_eigenvalues_as_numpys(shape: tuple[int, ...], dtype: str, rng: np.random.Generator) -> None:
    a = (rng.normal(size=shape) + (1j * rng.normal(size=shape) if dtype[0] == "c" else 0)).astype(dtype)
    tolerance = 3e-4 if dtype in ("float32", "complex64") else 1e-10
    values, vectors = map(np.asarray, fv.linalg.eig(a))
    assert values.dtype == vectors.dtype == np.result_type(dtype, np.complex64)
    close(a @ vectors, vectors * values[..., None, :], rtol=tolerance, atol=tolerance)
    close(np.linalg.norm(vectors, axis=-2), np.ones(values.shape), rtol=tolerance, atol=tolerance)
    for found in (values, np.asarray(fv.linalg.eigvals(a))):  # in any order
        distances = np.abs(found[..., None] - np.linalg.eigvals(a)[..., None, :])
        assert all(np.all(distances.min(axis, initial=np.inf) < tolerance * 10) for axis in (-1, -2) if a.size)
    b = a + adjoint(a)
    for triangle in "LU":
        close(fv.linalg.eigvalsh(b, triangle), np.linalg.eigvalsh(b), rtol=tolerance, atol=tolerance)


def test_scipys_matrix_functions_by_eigenvalues(rng: np.random.Generator) -> None:
    a = with_eigenvalues(rng, [1.0, 2.0, 4.0])
    values, vectors = fv.linalg.eigh(a)
    close((vectors * fv.sqrt(values)) @ vectors.T, scipy.linalg.sqrtm(a))


# --- errors ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("name", "f"),
    [
        ("eigh", lambda a: fv.linalg.eigh(a)[0]),
        ("eigvalsh", fv.linalg.eigvalsh),
        ("eig", lambda a: fv.linalg.eig(a)[0]),
        ("eigvals", fv.linalg.eigvals),
        ("svd", lambda a: fv.linalg.svd(a)[1]),
        ("svdvals", fv.linalg.svdvals),
    ],
)
def test_what_does_not_converge_is_named(
    name: str, f: Callable[..., Any], bad: float, rng: np.random.Generator
) -> None:
    a = rng.normal(size=(20, 3, 3))
    a[17, 2, 1] = bad
    with pytest.raises(np.linalg.LinAlgError, match=rf"\[{name}\] a\[17\] has .*values that did not converge"):
        np.asarray(f(a))


@compiled
def test_in_compiled_code(rng: np.random.Generator) -> None:
    a = rng.normal(size=(4, 3))

    def f(a: Any) -> Any:
        u, s, v = np.linalg.svd(a, full_matrices=False)
        return np.sum(np.sin(s) * s) + np.sum(np.square(u @ v) ** 2) + np.sum(np.linalg.eigvals(a[:3]).real ** 2)

    native = fv.njit(fv.value_and_grad(f), a)
    value, gradient = native(a)
    close(value, f(a))
    close(gradient, fv.grad(f)(a))
