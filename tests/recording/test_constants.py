"""Constants of long op lists: what every turn of a loop captures becomes part of one array."""

import numpy as np
import pytest

import fastvjp


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128", "int32", "bool"])
def test_captured_scalars_become_one_array(dtype, rng, plans):
    n = 150
    data = (rng.normal(size=n) * 5).astype(dtype)

    def f(x):
        s = 0.5 * x
        for t in range(n):
            s = np.cos(s * 0.1) * data[t] + x
        return np.real(s)

    x = np.array(rng.normal())
    compiled = fastvjp.compile(fastvjp.value_and_grad(f))
    value, gradient = compiled(x)
    assert len(plans[-1].leaves) <= 6
    assert value == pytest.approx(f(x), rel=1e-6 if dtype == "float32" else 1e-12)
    h = 1e-5
    expected = (8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h)
    assert gradient == pytest.approx(expected, rel=1e-6, abs=1e-8)
    np.testing.assert_allclose(compiled(x + 1)[0], f(x + 1), rtol=1e-6)


def test_captured_arrays_become_one_array(rng, plans):
    n = 90
    data, far = rng.normal(size=(n, 3)), [rng.normal(size=(2, 3)) for _ in range(n)]

    def f(x):
        for t in range(n):
            x = np.tanh(x + data[t]) + far[t][1] @ x
        return np.sum(x)

    x = rng.normal(size=3) / 9
    assert fastvjp.compile(f)(x) == pytest.approx(f(x), rel=1e-12)
    assert len(plans[-1].leaves) <= 5


def test_few_constants_stay_what_they_are(rng, plans):
    numbers = rng.normal(size=20)

    def f(x):
        for k in numbers:
            x = np.sin(x) + k
        return x

    x = np.array(rng.normal())
    assert fastvjp.compile(f)(x) == pytest.approx(f(x), rel=1e-12)
    assert len(plans[-1].leaves) == 1 + len(numbers)


def test_without_compile_every_call_takes_the_numbers_of_that_call(rng):
    def f(x, numbers):
        for k in numbers:
            x = np.sin(x) + k
        return x

    for _ in range(3):
        x, numbers = np.array(rng.normal()), rng.normal(size=120)
        value, _ = fastvjp.value_and_grad(lambda x: f(x, numbers))(x)  # noqa: B023
        assert value == pytest.approx(f(x, numbers), rel=1e-12)
        assert fastvjp.compile(lambda x: f(x, numbers))(x) == pytest.approx(value, rel=1e-12)  # noqa: B023
