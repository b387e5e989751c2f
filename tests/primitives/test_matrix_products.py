"""Products of vectors and matrices as numpy.linalg has them, and matrices of parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.linalg
from support.checks import close
from support.oracles import check_derivatives

import fastvjp as fv


def test_multi_dot(rng: np.random.Generator) -> None:
    shapes = [(10, 3), (3, 50), (50, 2), (2, 7)]
    xs = [rng.normal(size=s) for s in shapes]
    for given in (xs, [rng.normal(size=10), *xs], [*xs, rng.normal(size=7)], [rng.normal(size=3), *xs[1:2]]):
        close(np.linalg.multi_dot([fv.array(x) for x in given]), np.linalg.multi_dot(given))
    shown = str(fv.record(lambda *xs: fv.linalg.multi_dot(xs), *xs))
    assert "float64[10,50]" not in shown  # the large product is not made

    def product(*xs: Any) -> list[Any]:
        return [np.linalg.multi_dot(xs)]

    check_derivatives(product, product, [x / 5 for x in xs], rng)
    for wrong, message in [
        ([xs[0]], "Expected two arrays or more"),
        ([xs[0], xs[0]], "do not fit one another"),
        ([xs[0], np.ones((2, 3, 4))], "Expected arrays of two axes"),
    ]:
        with pytest.raises(ValueError, match=message):
            fv.linalg.multi_dot(wrong)


def test_cross(rng: np.random.Generator) -> None:
    a, b = rng.normal(size=(2, 3, 4)), rng.normal(size=(3, 1))
    close(np.linalg.cross(fv.array(a), b, axis=-2), np.linalg.cross(a, np.broadcast_to(b, (3, 4)), axis=-2))
    two, other = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    one, another = (np.concatenate([x, np.zeros((5, 1))], 1) for x in (two, other))
    close(fv.linalg.cross(two, other), np.cross(one, another))
    close(fv.linalg.cross(two, another), np.cross(one, another))

    def product(a: Any, b: Any) -> list[Any]:
        return [fv.linalg.cross(a, b, axis=1)]

    check_derivatives(product, lambda a, b: [np.cross(a, b, axis=1)], [a, rng.normal(size=(2, 3, 4))], rng)
    with pytest.raises(ValueError, match=r"\[cross\] Expected vectors of 2 or 3 elements, got 4"):
        fv.linalg.cross(np.ones(4), np.ones(4))


@pytest.mark.parametrize("dtype", [float, complex])
def test_products_of_vectors(dtype: Any, rng: np.random.Generator) -> None:
    a, b = (rng.normal(size=(2, 3, 4)).astype(dtype) * (1 + 1j if dtype is complex else 1) for _ in range(2))
    for axis in (0, 1, -1):
        got = np.linalg.vecdot(fv.array(a), b, axis=axis)  # type: ignore[call-overload]
        close(got, np.linalg.vecdot(a, b, axis=axis))  # type: ignore[call-overload]
    close(np.linalg.outer(fv.array(a[0, 0]), b[0, 1]), np.linalg.outer(a[0, 0], b[0, 1]))
    with pytest.raises(ValueError, match="two vectors"):
        fv.linalg.outer(a, b)
    with pytest.raises(ValueError, match=r"\[vecdot\] Shapes"):
        fv.linalg.vecdot(a, b[..., :2])


def test_last_two_axes(rng: np.random.Generator) -> None:
    a = rng.normal(size=(2, 3, 4))
    for offset in (-1, 0, 2):
        close(np.linalg.diagonal(fv.array(a), offset=offset), np.linalg.diagonal(a, offset=offset))
        close(np.linalg.trace(fv.array(a), offset=offset), np.linalg.trace(a, offset=offset))
    close(np.linalg.matrix_transpose(fv.array(a)), np.linalg.matrix_transpose(a))
    for f in (fv.linalg.diagonal, fv.linalg.trace, fv.linalg.matrix_transpose):
        with pytest.raises(ValueError, match="Expected matrices"):
            f(a[0, 0])


def test_kronecker(rng: np.random.Generator) -> None:
    for s, t in [((2, 3), (4, 5)), ((3,), (2, 2)), ((2, 1, 2), (3,)), ((), (2,))]:
        a, b = rng.normal(size=s), rng.normal(size=t)
        close(fv.kron(a, b), np.kron(a, b))
        check_derivatives(lambda a, b: [fv.kron(a, b)], lambda a, b: [np.kron(a, b)], [a, b], rng)
    assert fv.kron(np.array([True, False]), np.array([True])).dtype == np.bool_


def test_blocks(rng: np.random.Generator) -> None:
    parts = [rng.normal(size=s) for s in [(2, 3), (1, 1), (0, 2), (3, 2)]]
    close(fv.linalg.block_diag(*parts), scipy.linalg.block_diag(*parts))
    close(fv.linalg.block_diag(parts[0], parts[1][0], 3.0), scipy.linalg.block_diag(parts[0], parts[1][0], 3.0))
    assert fv.linalg.block_diag().shape == (1, 0)
    batch = [rng.normal(size=(4, 2, 2)), rng.normal(size=(3, 1))]
    got = np.asarray(fv.linalg.block_diag(*batch))
    for i in range(4):
        close(got[i], scipy.linalg.block_diag(batch[0][i], batch[1]))
    check_derivatives(
        lambda *xs: [fv.linalg.block_diag(*xs)], lambda *xs: [scipy.linalg.block_diag(*xs)], parts[:2], rng
    )


@pytest.mark.parametrize("dtype", [float, complex])
def test_toeplitz(dtype: Any, rng: np.random.Generator) -> None:
    c, r = (rng.normal(size=n).astype(dtype) * (1 + 1j if dtype is complex else 1) for n in (4, 3))
    close(fv.linalg.toeplitz(c), scipy.linalg.toeplitz(c))
    close(fv.linalg.toeplitz(c, r), scipy.linalg.toeplitz(c, r))
    close(fv.vmap(fv.linalg.toeplitz)(np.stack([c, 2 * c]))[1], scipy.linalg.toeplitz(2 * c))
    close(fv.linalg.toeplitz(c[:, None], r)[2], scipy.linalg.toeplitz(c[2:3], r))
    check_derivatives(
        lambda c, r: [fv.linalg.toeplitz(c, r)], lambda c, r: [scipy.linalg.toeplitz(c, r)], [c, r], rng
    )
    with pytest.raises(ValueError, match=r"\[toeplitz\] Expected arrays with an axis"):
        fv.linalg.toeplitz(1.0)
