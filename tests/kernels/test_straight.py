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
