"""Systems, inverses, determinants and LU factors: forms of arguments, singular matrices, errors."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from support.checks import close
from support.oracles import check_derivatives

import fastvjp as fv
from fastvjp.kernels.native import jit

compiled = pytest.mark.skipif(jit.jit_disabled(), reason="nothing is compiled")
SIZES = [3, 11]
"""Rows of small matrices, and of those that LAPACK is called for."""


def random(rng: np.random.Generator, *shape: int, dtype: Any = float) -> np.ndarray:
    x = rng.normal(size=shape)
    return x + 1j * rng.normal(size=shape) if dtype is complex else x


# --- forms of arguments ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("batch", "right"), [((), ()), ((2, 3), (3,)), ((3,), (2, 1)), ((), (4,)), ((1,), (4,))])
def test_leading_axes(n: int, batch: tuple[int, ...], right: tuple[int, ...], rng: np.random.Generator) -> None:
    a, b, v = random(rng, *batch, n, n), random(rng, *right, n, 2), random(rng, n)
    close(fv.linalg.solve(a, b), np.linalg.solve(a, b), rtol=1e-8, atol=1e-8)
    close(fv.linalg.solve(a, v), np.linalg.solve(a, v), rtol=1e-8, atol=1e-8)
    lower = np.tril(a) + 3 * np.eye(n)
    close(fv.linalg.solve_triangular(a + 3 * np.eye(n), b), np.linalg.solve(lower, b), rtol=1e-8, atol=1e-8)
    close(fv.linalg.inv(a), np.linalg.inv(a), rtol=1e-8, atol=1e-8)
    close(fv.linalg.det(a), np.linalg.det(a), rtol=1e-10, atol=1e-10)
    got, expected = fv.linalg.slogdet(a), np.linalg.slogdet(a)
    close(got.sign, expected.sign)
    close(got.logabsdet, expected.logabsdet)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("n", SIZES)
def test_triangles(n: int, dtype: Any, rng: np.random.Generator) -> None:
    a, b = random(rng, n, n, dtype=dtype) + 4 * np.eye(n), random(rng, n, 3, dtype=dtype)
    for lower, unit, trans in itertools.product([True, False], [True, False], [0, 1, 2]):
        got = fv.linalg.solve_triangular(fv.array(a.T).T, b, trans, lower, unit)
        close(got, scipy.linalg.solve_triangular(a, b, trans, lower, unit), rtol=1e-8, atol=1e-8)
    close(fv.linalg.solve_triangular(a, b, upper=True), scipy.linalg.solve_triangular(a, b), rtol=1e-8, atol=1e-8)
    close(fv.linalg.tri_inv(a, upper=True), np.linalg.inv(np.triu(a)), rtol=1e-8, atol=1e-8)
    positive = a @ a.conj().T
    for upper in (True, False):
        factor = fv.linalg.cholesky(positive, upper)
        close(fv.linalg.cholesky_inv(factor, upper), np.linalg.inv(positive), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("shape", [(3, 3), (11, 11), (2, 5, 3), (12, 3), (3, 12), (0, 3)])
def test_lu_as_scipys(shape: tuple[int, ...], dtype: Any, rng: np.random.Generator) -> None:
    a = random(rng, *shape, dtype=dtype)
    p, lower, upper = fv.linalg.lu(a)
    expected = scipy.linalg.lu(a, p_indices=True)
    np.testing.assert_array_equal(p, expected[0])
    close(lower, expected[1])
    close(upper, expected[2])
    for got, want in zip(fv.linalg.lu(a, p_indices=False), scipy.linalg.lu(a), strict=True):
        close(got, want)
    for got, want in zip(fv.linalg.lu(a, permute_l=True), scipy.linalg.lu(a, permute_l=True), strict=True):
        close(got, want)
    if len(shape) == 2 and 0 not in shape:
        factors, pivots = fv.linalg.lu_factor(a)
        want, places = scipy.linalg.lu_factor(a)
        close(factors, want)
        np.testing.assert_array_equal(pivots, places)


@pytest.mark.parametrize("trans", [0, 1, 2])
@pytest.mark.parametrize("n", SIZES)
def test_lu_solve(n: int, trans: int, rng: np.random.Generator) -> None:
    a, b = random(rng, 2, n, n, dtype=complex), random(rng, n, 2, dtype=complex)

    def solved(a: Any, b: Any) -> Any:
        return fv.linalg.lu_solve(fv.linalg.lu_factor(a), b, trans)

    matrix = {0: a, 1: np.swapaxes(a, -1, -2), 2: np.conj(np.swapaxes(a, -1, -2))}[trans]
    close(solved(a, b), np.linalg.solve(matrix, b), rtol=1e-7, atol=1e-7)
    g = random(rng, 2, n, 2, dtype=complex)

    def directly(a: Any, b: Any) -> Any:
        turned = a if trans == 0 else np.swapaxes(a, -1, -2)
        return np.linalg.solve(np.conj(turned) if trans == 2 else turned, b)

    _, got = fv.vjp(solved, [a, b], [g])
    _, expected = fv.vjp(directly, [a, b], [g])
    for x, y in zip(got, expected, strict=True):
        close(x, y, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("lower", [True, False])
def test_cholesky_solutions_as_scipys(lower: bool, rng: np.random.Generator) -> None:
    a, b = random(rng, 3, 3, dtype=complex), random(rng, 3, 2, dtype=complex)
    a = a @ a.conj().T + np.eye(3)
    factor = fv.linalg.cho_factor(a, lower)
    assert factor[1] is lower
    close(fv.linalg.cho_solve(factor, b), scipy.linalg.cho_solve(scipy.linalg.cho_factor(a, lower), b))
    close(fv.linalg.cho_solve(scipy.linalg.cho_factor(a, lower), b[:, 0]), np.linalg.solve(a, b[:, 0]))


def test_tensors(rng: np.random.Generator) -> None:
    a, b = random(rng, 4, 6, 8, 3), random(rng, 4, 6)
    np.testing.assert_allclose(np.linalg.tensorinv(fv.array(a)), np.linalg.tensorinv(a), rtol=1e-7, atol=1e-8)
    moved = np.moveaxis(a, 2, 0)
    got = np.linalg.tensorsolve(fv.array(moved), b, axes=(0,))
    np.testing.assert_allclose(got, np.linalg.tensorsolve(moved, b, axes=(0,)), rtol=1e-7, atol=1e-8)
    with pytest.raises(np.linalg.LinAlgError, match=r"\[tensorinv\] .* gives 24 numbers of 25"):
        fv.linalg.tensorinv(random(rng, 4, 6, 25))
    with pytest.raises(np.linalg.LinAlgError, match=r"\[tensorinv\] a is singular"):
        fv.linalg.tensorinv(np.zeros((2, 2)), 1)
    with pytest.raises(ValueError, match=r"\[tensorinv\] Expected ind to be positive"):
        fv.linalg.tensorinv(a, 0)
    with pytest.raises(ValueError, match=r"\[tensorsolve\] Shapes .* do not fit"):
        fv.linalg.tensorsolve(a, b.T)


def test_one_matrix_for_a_batch_is_factored_once(rng: np.random.Generator) -> None:
    made = fv.explain(fv.vmap(fv.linalg.solve, in_axes=(None, 0)), [np.eye(3), np.ones((5, 3))], [np.ones((5, 3))])
    shown = str(made.program)
    assert shown.count("= lu ") == 1
    assert "float64[5,3,3]" not in shown
    a, b = random(rng, 9, 9), random(rng, 7, 9)
    for f in (fv.linalg.solve, fv.linalg.solve_triangular):
        expected = np.stack([np.asarray(f(a, row)) for row in b])
        close(fv.vmap(f, in_axes=(None, 0))(a, b), expected, rtol=1e-6, atol=1e-6)
        close(fv.vmap(f, in_axes=(None, 1))(a, b.T), expected, rtol=1e-6, atol=1e-6)


def test_solutions_and_determinants_share_factors() -> None:
    def log_density(a: Any, x: Any) -> Any:
        return -0.5 * (x @ np.linalg.solve(a, x)) - 0.5 * np.linalg.slogdet(a)[1]

    made = fv.explain(log_density, [2 * np.eye(9), np.ones(9)], [1.0])
    assert str(made).count(": lu\n") == 1


# --- singular matrices -----------------------------------------------------------------------------------


def cofactors(a: np.ndarray) -> np.ndarray:
    """Each by a determinant of its own."""
    n = len(a)
    found = np.empty_like(a)
    for i, j in np.ndindex(a.shape):
        rest = np.delete(np.delete(a, i, 0), j, 1)
        found[i, j] = (-1) ** (i + j) * (np.linalg.det(rest) if n > 1 else 1)
    return found


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize(
    ("n", "rank"), [(n, r) for n in (1, 2, 3, 4, 5, 10) for r in (0, n - 2, n - 1, n) if r >= 0]
)
def test_determinants_of_singular_matrices(n: int, rank: int, dtype: Any, rng: np.random.Generator) -> None:
    a = random(rng, n, rank, dtype=dtype) @ random(rng, rank, n, dtype=dtype)
    if rank == n - 1 and rank:
        a[:, 0] = a[:, 1] if n > 2 else 0  # exactly singular
    close(fv.linalg.det(a), np.linalg.det(a), rtol=1e-8, atol=1e-10 * max(np.abs(a).max(), 1) ** n)
    expected = np.conj(cofactors(a))
    got = np.asarray(fv.grad(lambda a: fv.real(fv.linalg.det(a)))(a))
    close(got, expected, rtol=1e-9, atol=1e-10 * max(np.abs(expected).max(), np.abs(a).max() ** (n - 1)))

    def gradient(a: Any) -> list[Any]:
        return [fv.vjp(fv.linalg.det, [a], [1.0])[1][0]]

    if rank == 0 and n > 2:  # of which differences are rounding errors
        close(fv.jvp(gradient, [a], [a + 1])[1][0], 0 * a)
        return
    check_derivatives(gradient, lambda a: [np.conj(cofactors(a))], [a], rng)


def test_second_derivatives_where_singular_values_are_equal(rng: np.random.Generator) -> None:
    """d2 det(I + tX) = tr(X)^2 - tr(X^2)."""
    x = random(rng, 5, 5)
    got = fv.hvp(fv.linalg.det, [np.eye(5)], [x])[0]
    close(np.sum(np.asarray(got) * x), np.trace(x) ** 2 - np.trace(x @ x))


def test_logarithms_of_singular_matrices(rng: np.random.Generator) -> None:
    a = random(rng, 2, 3, 3)
    a[1, :, 2] = 0
    sign, log = fv.linalg.slogdet(a)
    assert np.asarray(sign)[1] == 0 and np.asarray(log)[1] == -np.inf
    g = np.asarray(fv.grad(lambda a: fv.sum(fv.linalg.slogdet(a)[1]))(a))
    close(g[0], np.linalg.inv(a[0]).T)
    assert not np.isfinite(g[1]).all()
    kept = fv.grad(lambda a: fv.sum(fv.where([True, False], fv.linalg.slogdet(a)[1], 0)))(a)
    close(np.asarray(kept)[1], np.zeros((3, 3)))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(
    ("name", "f"),
    [
        ("inv", fv.linalg.inv),
        ("solve", lambda a: fv.linalg.solve(a, fv.ones((a.shape[-1], 2)))),
        ("tri_inv", fv.linalg.tri_inv),
        ("solve_triangular", lambda a: fv.linalg.solve_triangular(a, fv.ones(a.shape[-1]))),
        ("lu_solve", lambda a: fv.linalg.lu_solve(fv.linalg.lu_factor(a), fv.ones(a.shape[-1]))),
        ("cholesky_inv", fv.linalg.cholesky_inv),
    ],
)
def test_a_singular_matrix_is_named(name: str, f: Callable[..., Any], n: int, rng: np.random.Generator) -> None:
    a = np.tril(random(rng, 40, 5, n, n)) + 3 * np.eye(n)
    bad = a.copy()
    bad[33, 2, n - 1] = 0
    with pytest.raises(np.linalg.LinAlgError, match=rf"\[{name}\] a\[33, 2\] is singular"):
        f(fv.array(bad))
    with pytest.raises(np.linalg.LinAlgError, match=rf"\[{name}\] a\[33, 2\] is singular"):
        np.asarray(fv.vmap(f)(bad))
    with pytest.raises(np.linalg.LinAlgError, match=rf"\[{name}\] a is singular"):
        f(fv.array(bad[33, 2]))
    assert np.isfinite(f(fv.array(a))).all()


@compiled
def test_a_singular_matrix_in_compiled_code(rng: np.random.Generator) -> None:
    native = fv.njit(fv.grad(lambda a: np.sum(np.linalg.inv(a))), np.zeros((3, 2, 2)))
    a = random(rng, 3, 2, 2)
    close(native(a), fv.grad(lambda a: np.sum(np.linalg.inv(a)))(a))
    a[1] = 0
    with pytest.raises(np.linalg.LinAlgError) as caught:
        native(a)
    assert caught.value.args[1] == 1


def test_what_does_not_fit() -> None:
    with pytest.raises(
        ValueError, match=r"\[solve\] Matrices of shape \(2, 2\) and right .* shape \(3,\) do not fit"
    ):
        fv.linalg.solve(fv.eye(2), fv.ones(3))
    with pytest.raises(ValueError, match=r"\[solve\] Shapes"):
        fv.linalg.solve(fv.ones((2, 3, 3)), fv.ones((4, 3, 1)))
    with pytest.raises(ValueError, match="trans"):
        fv.linalg.solve_triangular(fv.eye(2), fv.ones(2), trans=3)
    with pytest.raises(ValueError, match="trans"):
        fv.linalg.lu_solve(fv.linalg.lu_factor(fv.eye(2)), fv.ones(2), trans=3)
    with pytest.raises(np.linalg.LinAlgError, match=r"\[lu\] Expected matrices"):
        fv.linalg.lu(fv.ones(3))
    with pytest.raises(TypeError, match=r"\[inv\] Unsupported dtype"):
        fv.linalg.inv(np.array([["a"]]))
    assert fv.linalg.inv(np.eye(2, dtype=int)).dtype == np.float64
    with pytest.raises(np.linalg.LinAlgError, match=r"\[lu\] a\[1\] is singular"):
        fv.grad(lambda a: fv.sum(fv.linalg.lu(a)[2]))(np.stack([np.eye(3), np.zeros((3, 3))]))


@pytest.mark.parametrize("dtype", ["int8", "int64", "uint32"])
def test_pivots_of_any_integers(dtype: str, rng: np.random.Generator) -> None:
    a, b = rng.normal(size=(5, 5)), rng.normal(size=5)
    lu, pivots = scipy.linalg.lu_factor(a)
    found = fv.linalg.lu_solve((lu, pivots.astype(dtype)), b)
    np.testing.assert_allclose(found, scipy.linalg.lu_solve((lu, pivots), b), rtol=1e-10)
    with pytest.raises(TypeError, match=r"\[lu_solve\]"):
        fv.linalg.lu_solve((lu, pivots.astype(float)), b)
