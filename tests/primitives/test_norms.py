"""Norms of all orders, condition numbers and ranks: values as NumPy's, derivatives, zeros, errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from support.checks import close
from support.oracles import check_derivatives

import fastvjp as fv

VECTOR = [None, 2, 1, 0, 3, 2.5, 0.5, -1, -2.5, math.inf, -math.inf]
MATRIX = [None, "fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf]


def random(rng: np.random.Generator, *shape: int, dtype: Any = float) -> np.ndarray:
    x = rng.normal(size=shape)
    return x + 1j * rng.normal(size=shape) if dtype is complex else x


def apart(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Numbers of these signs or phases, away from zero, whose sums in rows and in columns are not alike.

    Those on the diagonal are larger: columns of the same signs would have singular values near 0, a kink.
    """
    first, last = np.arange(x.shape[0]), np.arange(x.shape[-1])
    sizes = 1.45 ** first.reshape(-1, *(1,) * (x.ndim - 1)) * 1.7**last * rng.uniform(0.9, 1.1, x.shape)
    sizes *= np.where(first.reshape(-1, *(1,) * (x.ndim - 1)) == last, 6, 1)
    return sizes * x / np.abs(x)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("order", VECTOR)
def test_vectors(order: Any, dtype: Any, rng: np.random.Generator) -> None:
    x = random(rng, 3, 4, 2, dtype=dtype)
    for axis in (0, 1, -1, (2,)):
        for keepdims in (False, True):
            got = np.linalg.norm(fv.array(x), order, axis, keepdims)
            assert got.dtype == np.float64
            close(got, np.linalg.norm(x, order, axis, keepdims))
    y = x.ravel()
    close(fv.linalg.norm(y, order), np.linalg.norm(y, order))
    if order is not None:
        got = np.linalg.vector_norm(fv.array(x), axis=(0, 2), ord=order)
        close(got, np.linalg.vector_norm(x, axis=(0, 2), ord=order))
        whole: Any = np.linalg.vector_norm
        close(fv.linalg.vector_norm(x, ord=order, keepdims=True), whole(x, ord=order, keepdims=True))

    def norms(x: Any) -> list[Any]:
        return [np.linalg.norm(x, order, 1)]

    sizes = 0.5 + 0.25 * rng.permutation(x.size).reshape(x.shape)  # no two alike, for the largest and the smallest
    check_derivatives(norms, norms, [sizes * x / np.abs(x)], rng)


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("order", MATRIX)
def test_matrices(order: Any, dtype: Any, rng: np.random.Generator) -> None:
    x = random(rng, 3, 4, 2, dtype=dtype)
    for axis in ((0, 1), (1, 0), (-1, 0), (2, 1)):
        for keepdims in (False, True):
            got = np.linalg.norm(fv.array(x), order, axis, keepdims)
            assert got.dtype == np.float64
            close(got, np.linalg.norm(x, order, axis, keepdims))
    close(fv.linalg.norm(x[0], order), np.linalg.norm(x[0], order))
    close(fv.linalg.norm(x[0], order), scipy.linalg.norm(x[0], order))
    if order is not None:
        close(np.linalg.matrix_norm(fv.array(x), ord=order), np.linalg.matrix_norm(x, ord=order))

    def norms(x: Any) -> list[Any]:
        return [np.linalg.norm(x, order, (0, 2))]

    check_derivatives(norms, norms, [apart(x, rng)], rng)


def test_second_derivatives(rng: np.random.Generator) -> None:
    x, d = apart(random(rng, 4, 3), rng), random(rng, 4, 3)
    for order in ("fro", "nuc", 2, 1):

        def gradient(x: Any, order: Any = order) -> list[Any]:
            return [fv.grad(lambda x: fv.linalg.norm(x, order))(x)]

        check_derivatives(gradient, lambda x: [np.asarray(g) for g in gradient(x)], [x], rng, forward=False)
    close(fv.hvp(fv.linalg.norm, [x], [x])[0], np.zeros((4, 3)), atol=1e-12)
    close(np.sum(np.asarray(fv.hvp(fv.linalg.norm, [x], [d])[0]) * x), 0, atol=1e-12)


@pytest.mark.parametrize("order", [*VECTOR, "fro", "nuc"])
def test_norms_of_zeros(order: Any) -> None:
    """Their gradient is 0, and so is that of zeros within a vector."""
    if order in ("fro", "nuc"):
        close(fv.grad(lambda x: np.linalg.norm(x, order))(np.zeros((3, 2))), np.zeros((3, 2)))
        return
    close(fv.grad(lambda x: np.linalg.norm(x, order))(np.zeros(3)), np.zeros(3))
    x = np.array([0.0, 2.0, 0.0])
    assert np.asarray(fv.grad(lambda x: np.linalg.norm(x, order))(x))[[0, 2]].tolist() == [0, 0]


def test_matrix_norms_of_zeros() -> None:
    for order in (1, -1, 2, -2, math.inf, -math.inf, "nuc", "fro"):
        close(fv.grad(lambda x, order=order: np.linalg.norm(x, order))(np.zeros((3, 3))), np.zeros((3, 3)))


def test_equal_singular_values(rng: np.random.Generator) -> None:
    q = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    close(fv.grad(lambda x: np.linalg.norm(x, "nuc"))(2 * q), q)
    one = np.asarray(fv.grad(lambda x: np.linalg.norm(x, 2))(2 * q))
    close(np.sum(one * q), 1)  # one of the derivatives beside
    close(np.linalg.svd(one)[1], [1, 0, 0, 0])


@pytest.mark.parametrize("dtype", [float, complex])
def test_conditions(dtype: Any, rng: np.random.Generator) -> None:
    x = random(rng, 3, 4, 4, dtype=dtype)
    for p in (None, 2, -2, 1, -1, math.inf, -math.inf, "fro", "nuc"):
        close(np.linalg.cond(fv.array(x), p), np.linalg.cond(x, p), rtol=1e-8)
    close(fv.linalg.cond(x[:, :2]), np.linalg.cond(x[:, :2]))

    def conditions(x: Any) -> list[Any]:
        return [np.linalg.cond(x), np.linalg.cond(x, "fro")]

    check_derivatives(conditions, conditions, [x + 0.2 * x / np.abs(x) + 4 * np.eye(4)], rng)
    x[1] = 0
    for p in (None, 1, "fro"):
        assert np.isinf(np.asarray(fv.linalg.cond(x, p))[1])
    x[1] = np.nan
    assert np.isnan(np.asarray(fv.linalg.cond(x, 1))[1])


def test_ranks(rng: np.random.Generator) -> None:
    x = random(rng, 5, 4, 2) @ random(rng, 5, 2, 3)
    x[1] = 0
    y = x @ np.swapaxes(x, -1, -2)
    for call in (
        lambda x, y: np.linalg.matrix_rank(x),
        lambda x, y: np.linalg.matrix_rank(y, hermitian=True),
        lambda x, y: np.linalg.matrix_rank(x, 0.5),
        lambda x, y: np.linalg.matrix_rank(x, rtol=0.5),
        lambda x, y: np.linalg.matrix_rank(x[0, 0]),
    ):
        np.testing.assert_array_equal(call(fv.array(x), fv.array(y)), call(x, y))
    assert fv.grad(lambda x: np.sum(np.linalg.matrix_rank(x)[:, None, None] * x))(x).shape == x.shape
    with pytest.raises(ValueError, match="got both"):
        fv.linalg.matrix_rank(x, 0.1, rtol=0.1)


def test_dtypes_and_devices(rng: np.random.Generator) -> None:
    assert fv.linalg.norm(np.arange(3)).dtype == np.float64
    assert fv.linalg.norm(np.ones(3, np.float32)).dtype == np.float32
    assert fv.linalg.norm(np.ones((2, 2), np.complex64), 2).dtype == np.float32
    pytest.importorskip("ziglang")
    x = rng.normal(size=(2, 3)).astype(np.float32)
    with fv.device("metal-emulator"):
        made = fv.explain(lambda x: fv.linalg.norm(x, 3, axis=1), [x], [np.ones(2, np.float32)])
    assert {report.device for report in made.reports} == {"metal-emulator"}


def test_what_is_no_norm() -> None:
    x = np.ones((2, 2, 2))
    with pytest.raises(ValueError, match=r"\[norm\] A norm of order 1 .* not 3"):
        fv.linalg.norm(x, 1)
    with pytest.raises(ValueError, match=r"\[norm\] Expected 'fro', .* got 3"):
        fv.linalg.norm(x[0], 3)
    with pytest.raises(ValueError, match=r"\[norm\] Norms of order 'nuc' are of matrices"):
        fv.linalg.norm(x[0, 0], "nuc")
    with pytest.raises(ValueError, match=r"\[norm\] Expected a number"):
        fv.linalg.norm(x[0], [1])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="twice"):
        fv.linalg.norm(x, 1, (0, 0))
    with pytest.raises(ValueError, match=r"\[matrix_norm\] Expected matrices"):
        fv.linalg.matrix_norm(x[0, 0])
    with pytest.raises(ValueError, match=r"\[norm\] Norms of order 2 are of matrices with elements"):
        fv.linalg.norm(np.ones((0, 2)), 2)
    with pytest.raises(ValueError, match=r"\[cond\] Expected matrices with elements"):
        fv.linalg.cond(np.ones((0, 0)))
    with pytest.raises(np.linalg.LinAlgError, match=r"\[cond\] Expected square"):
        fv.linalg.cond(np.ones((2, 3)), 1)
