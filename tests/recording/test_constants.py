"""Constants of long op lists: what every turn of a loop captures becomes part of one array."""

import numpy as np
import pytest
from support.loops import loops, same, unrolled

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


def signs(n, rng):
    return rng.choice([-1.0, 1.0], n)


def mostly_zeros(n, rng):
    return np.where(rng.random(n) < 0.1, rng.normal(size=n), 0.0)


def counts(n, rng):
    return (np.arange(n) + int(rng.integers(3))) % 3.0


def one_hot(n, rng):
    return np.eye(3)[rng.integers(0, 3, n)]


def all_different(n, rng):
    return rng.normal(size=n)


@pytest.mark.parametrize("data", [signs, mostly_zeros, counts, one_hot, all_different], ids=lambda d: d.__name__)
def test_data_of_which_many_are_equal_make_one_loop(data, rng, plans):
    n = int(rng.integers(200, 260))
    values, others = data(n, rng), signs(n, rng)

    def f(x):
        s = x
        for k, other in zip(values, others, strict=True):
            s = 0.9 * np.sin(s * other) + k * x  # what is captured, and a number that is the same at each turn
        return np.sum(s * x)

    x = rng.normal(size=3)
    value, gradient = fastvjp.compile(fastvjp.value_and_grad(f))(x)
    assert len(loops(plans[-1])) == 2
    assert len(plans[-1].steps) <= 12
    assert value == pytest.approx(f(x), rel=1e-12)
    h, along = 1e-6, rng.normal(size=3)
    at = [f(x + k * h * along) for k in (-2, -1, 1, 2)]
    assert np.sum(gradient * along) == pytest.approx(
        (8 * (at[2] - at[1]) - (at[3] - at[0])) / (12 * h), rel=1e-5, abs=1e-7
    )
    with unrolled():
        same([gradient], [fastvjp.compile(fastvjp.grad(f))(x)])


def test_coefficients_that_every_turn_repeats_are_one_constant_each(rng, plans):
    coefficients = [0.5, 0.25, 0.5, 0.125]

    def f(x):
        for _ in range(120):
            for k in coefficients:
                x = np.sin(x) + k * np.cos(k * x)
        for _ in range(120):
            x = 0.7 * np.cos(x)
        return np.sum(x)

    x = rng.normal(size=3)
    assert fastvjp.compile(f)(x) == pytest.approx(f(x), rel=1e-10)
    assert len(plans[-1].leaves) <= 1 + len(coefficients)
    assert len(loops(plans[-1])) == 2
