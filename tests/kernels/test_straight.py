"""Loops over few numbers, written out as one kernel: the results of the plan turn by turn."""

from typing import Any

import numpy as np
import pytest
from support.loops import LOOPS, forget, same, unrolled

import fastvjp
from fastvjp.kernels.runtime import lowering, straight
from fastvjp.kernels.runtime.straight import straight as write


@pytest.fixture
def written(monkeypatch):
    """The kernels of loops, None for those that are not written out."""
    found = []

    def kept(step, fused):
        found.append(write(step, fused))
        return found[-1]

    monkeypatch.setattr(lowering, "straight", kept)
    forget()
    yield found
    forget()


BY_NAME = {loop.__name__: loop for loop in LOOPS}


@pytest.mark.parametrize("name", ["lorenz", "volatility", "runge_kutta", "mirrored"])
def test_loops_over_few_numbers_are_written_out(name, rng, written):
    f, args = BY_NAME[name](int(rng.integers(41, 60)), rng)
    found = fastvjp.compile(fastvjp.grad(f, tuple(range(len(args)))))(*args)
    assert written
    assert all(written)
    with unrolled():
        same(found, fastvjp.grad(f, tuple(range(len(args))))(*args))


def test_large_loops_are_not(rng, written):
    def f(x):
        for _ in range(80):
            x = np.sin(x) * x[::-1]
        return np.sum(x)

    for n in (100, 8):  # eight sines are computed faster side by side
        fastvjp.compile(fastvjp.grad(f))(rng.normal(size=n))
    assert written
    assert not any(written)


def test_without_them_results_are_the_same(rng, monkeypatch):
    f, args = BY_NAME["lorenz"](50, rng)
    found = fastvjp.grad(f, (0, 1))(*args)
    monkeypatch.setattr(straight, "LINES", 3)
    forget()
    same(found, fastvjp.grad(f, (0, 1))(*args))
    forget()


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_dtypes_counters_and_choices(dtype, rng, written):
    n = 60
    signs = (rng.choice([-1, 1], n) * rng.uniform(1, 2, n)).astype(np.float32)  # far from where a choice changes

    def f(x, k):
        count, seen = 0, 0.0
        for t in range(n):
            above = np.real(x[0]) * 1e-3 > signs[t]
            x = np.where(above, x[::-1] * k, x / (1 + np.abs(x) ** 2)) + 0.1
            count = count + above.astype(np.int32)
            seen = seen + np.real(x[1] * x[1]) * count
        return seen / n

    x, k = rng.normal(size=2) + (0.1j * rng.normal(size=2) if dtype[0] == "c" else 0), np.array(0.9, dtype)
    x = x.astype(dtype)
    value, (gradient, _) = fastvjp.compile(fastvjp.value_and_grad(f, (0, 1)))(x, k)
    assert any(written)
    tolerance = 1e-4 if dtype in ("float32", "complex64") else 1e-10
    np.testing.assert_allclose(value, f(x, k), rtol=tolerance)
    with unrolled():
        expected, _ = fastvjp.grad(f, (0, 1))(x, k)
    np.testing.assert_allclose(gradient, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


def test_products_of_small_matrices(rng, written):
    def f(a, x):
        for _ in range(70):
            x = 0.5 * (a @ x) + 0.1 * a.T @ x @ a - 0.2 * x
        return np.sum(x * x)

    a, x = rng.normal(size=(2, 2)) / 2, rng.normal(size=(2, 2))
    found = fastvjp.compile(fastvjp.grad(f, (0, 1)))(a, x)
    assert any(written)
    with unrolled():
        same(found, fastvjp.grad(f, (0, 1))(a, x))


def test_a_kalman_filter_is_written_out(rng, written):
    f, args = BY_NAME["filtered"](int(rng.integers(41, 60)), rng)
    found = fastvjp.compile(fastvjp.grad(f, (0, 1, 2)))(*args)
    assert len(written) == 2
    assert all(written)
    with unrolled():
        same(found, fastvjp.grad(f, (0, 1, 2))(*args))


MATRICES = {
    "solve": np.linalg.solve,
    "inverse": lambda a, x: np.linalg.inv(a) @ x,
    "batch": lambda a, x: np.sum(np.linalg.inv(np.stack([a, a.T + 1])), 0) @ x,
    "cholesky": lambda a, x: np.linalg.cholesky(a @ a.T.conj()) @ x,
    "upper": lambda a, x: np.linalg.cholesky(a @ a.T.conj(), upper=True) @ x,
}


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("name", MATRICES)
def test_tiny_matrices(name, dtype, rng, written):
    n, made = int(rng.integers(50, 70)), MATRICES[name]

    def f(a, y):
        x = y
        for _ in range(n):  # which forgets what it began with, so that rounding does not grow
            x = made(a + 0.1 * x[0] * x[1], x)
            x = 0.3 * x / (1 + np.abs(x) ** 2) + 0.5 * y
        return np.sum(np.real(x * np.conj(x)))

    shape = 2 if name == "batch" else 3
    a = (np.eye(shape) * 2 + rng.normal(size=(shape, shape)) / 5).astype(dtype)
    x = (rng.normal(size=shape) + (0.1j * rng.normal(size=shape) if dtype[0] == "c" else 0)).astype(dtype)
    value, found = fastvjp.compile(fastvjp.value_and_grad(f, (0, 1)))(a, x)
    assert written
    if dtype != "complex128":  # whose derivatives are longer
        assert all(written)
    exact = 1e-3 if dtype == "float32" else 1e-9
    assert value == pytest.approx(f(a, x), rel=exact)
    with unrolled():
        expected = fastvjp.grad(f, (0, 1))(a, x)
    for y, z in zip(found, expected, strict=True):
        np.testing.assert_allclose(y, z, rtol=exact, atol=exact * np.abs(z).max())


def test_what_is_wrong_with_a_matrix_of_a_turn(rng, written):
    n = 60

    def f(shift, x):
        for i in range(n):
            x = np.linalg.solve(np.eye(2) + shift[i], x)
            x = np.linalg.cholesky(np.eye(2) - shift[i]) @ x
            x = np.linalg.inv(np.stack([np.eye(2) * 2, np.eye(2) + 2 * shift[i]]))[0] @ x
        return np.sum(x)

    g, x = fastvjp.compile(f), rng.normal(size=2)
    shift = rng.uniform(0, 0.1, n)
    np.testing.assert_allclose(
        g(shift[:, None, None] * np.ones((2, 2)), x), f(shift[:, None, None] * np.ones((2, 2)), x)
    )
    assert all(written)
    for bad, message in (
        ([[-1, 0], [0, 0]], r"\[solve\] a is singular"),
        ([[0, 0], [0, 1.5]], r"\[cholesky\] a is not positive definite"),
        ([[-0.5, 0], [0, 0]], r"\[inv\] a\[1\] is singular"),
    ):
        shifts = shift[:, None, None] * np.ones((2, 2))
        shifts[int(rng.integers(5, n))] = bad
        with pytest.raises(np.linalg.LinAlgError, match=message):
            g(shifts, x)


@pytest.mark.parametrize("line", [
    "a[i] = sin(a[i - 1]) + w * a[i]",
    "a[i] += w * sin(a[i - 1]) * a[i - 2]",
    "a[i], a[i - 1] = a[i - 1] * w, cos(a[i])",
    "a[-1 - i] = a[i] * w + a[2]; a[2] = 0.5 * a[2] + sin(a[i - 1])",
])  # fmt: skip
def test_elements_written_in_place(line, rng, written):
    n = 70
    names: dict[str, Any] = {"sin": np.sin, "cos": np.cos, "sum": np.sum}
    exec(f"def f(a, w):\n    for i in range(2, {n}):\n        {line}\n    return sum(a * a)", names)
    f, args = names["f"], (rng.normal(size=n + 1), np.array(0.3))
    expected = f(args[0].copy(), args[1])
    value, gradient = fastvjp.compile(fastvjp.value_and_grad(fastvjp.numpy.of(f), (0, 1)))(*args)
    assert any(written)
    assert value == pytest.approx(expected, rel=1e-10)
    with unrolled():
        same(gradient, fastvjp.grad(fastvjp.numpy.of(f), (0, 1))(*args))
