"""Covariances, histograms, and shapes that are set, against NumPy and finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.checks import close, numeric_grad

import fastvjp as fv

CASES: dict[str, Any] = {
    "cov": np.cov,
    "cov of one": lambda x: np.cov(x[0]),
    "cov of two": lambda x: np.cov(x[0], x[1] ** 2),
    "cov of columns": lambda x: np.cov(x, rowvar=False),
    "cov with bias": lambda x: np.cov(x, bias=True),
    "cov with ddof": lambda x: np.cov(x, ddof=0, dtype=np.float64),
    "corrcoef": np.corrcoef,
    "corrcoef of two": lambda x: np.corrcoef(x[0], x[1], rowvar=False),
    "histogram": lambda x: np.histogram(x[0], 3, weights=x[1])[0],
    "histogram's edges": lambda x: np.histogram(x, 3)[1] * np.histogram(x, 3)[0].sum(),
    "histogram in a range": lambda x: np.histogram(x, 4, (0.2, 0.8), weights=x)[0],
    "histogram of bins": lambda x: np.histogram(x, np.array([0.1, 0.4, 0.9]), weights=x**2)[0],
    "density": lambda x: np.histogram(x[0], 3, weights=x[1], density=True)[0],
    "density of counts": lambda x: np.histogram(x, 3, density=True)[0],
}


@pytest.mark.parametrize("name", CASES)
def test_as_numpys(name, rng):
    function, x = CASES[name], rng.uniform(size=(3, 7))
    expected = function(x)
    weight = rng.normal(size=expected.shape)
    value, gradient = fv.value_and_grad(lambda x: np.sum(weight * function(x)))(x)
    close(value, np.sum(weight * expected), rtol=1e-12)
    close(gradient, numeric_grad(lambda x: np.sum(weight * function(x)), x), rtol=1e-5, atol=1e-7)


def test_counts_are_numpys(rng):
    for x in (rng.normal(size=50), np.zeros(4), np.array([]), np.arange(10.0)):
        for bins in (3, [0.0, 0.5, 2.0], 7):
            counts, edges = np.histogram(fv.array(x), bins)
            expected, theirs = np.histogram(x, bins)
            np.testing.assert_array_equal(np.asarray(counts), expected)
            close(edges, theirs, rtol=1e-14)


# --- x.shape = ... ---------------------------------------------------------------------------------------


def flattened(a):
    a.shape = -1
    a[1:3] *= a[0]
    a.shape = (2, 6)
    a[1] += a[0]


def a_view(a):
    part = a[1:]
    part.shape = (4, 2)
    part[0] *= 3


def a_name_of_two(a):
    b = a
    b.shape = 12
    a[3] = 7 * a[0]


@pytest.mark.parametrize("write", [flattened, a_view, a_name_of_two], ids=lambda f: f.__name__)
def test_shapes_are_set_in_place(write, rng):
    weight = rng.normal(size=12)

    def fun(a):
        write(a)
        return np.sum(weight * a.reshape(-1) ** 2)

    x = rng.uniform(size=(3, 4))
    value, gradient = fv.value_and_grad(fun)(x)
    close(value, fun(x.copy()))
    close(gradient, numeric_grad(fun, x), rtol=1e-6, atol=1e-6)


def test_shapes_of_finished_arrays_are_set():
    x: Any = fv.array([[1.0, 2.0], [3.0, 4.0]])
    x.shape = (4,)
    close(x, [1, 2, 3, 4])
    with pytest.raises(ValueError, match="elements"):
        x.shape = 3


def transposed(a):
    a.T.shape = 12


def viewed_before(a):
    part = a[0]
    a.shape = 12
    part += 1


@pytest.mark.parametrize(
    "write, message",
    [(transposed, r"\[shape\].*in place.*Hint"), (viewed_before, r"\[shape\] The shape.*was set")],
)
def test_shapes_that_cannot_be_set(write, message):
    def fun(a):
        write(a)
        return np.sum(a)

    with pytest.raises((AttributeError, ValueError), match=message):
        fv.grad(fun)(np.ones((3, 4)))
