"""Distributions of `fastvjp.scipy.stats` against SciPy: values, derivatives by all parameters, supports."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats
from support.checks import close, numeric_grad

import fastvjp as fv
from fastvjp.arrays.public import NUMPY

PARAMETERS: dict[str, list[float]] = {
    "norm": [], "t": [2.4], "gamma": [1.7], "beta": [2.2, 1.4], "expon": [], "laplace": [], "logistic": [],
    "lognorm": [0.8], "cauchy": [], "chi2": [3.1], "uniform": [], "weibull_min": [1.6],
    "poisson": [2.3], "binom": [7.0, 0.3], "bernoulli": [0.4], "nbinom": [3.5, 0.4],
}  # fmt: skip
"""Of the shape."""
SEVERAL = {"multivariate_normal", "dirichlet"}
METHODS = [
    tuple(name.split(".")[2:]) for name in NUMPY if isinstance(name, str) and name.startswith("scipy.stats.")
]
OF_ONE = [(name, method) for name, method in METHODS if name not in SEVERAL]
DISCRETE = ("poisson", "binom", "bernoulli", "nbinom")
WEIGHTS = np.array([1.0, -2.0, 0.5, 0.3])


def test_every_method_is_tested():
    assert {name for name, _ in METHODS} == {*PARAMETERS, *SEVERAL}


def points(name: str, rng: np.random.Generator) -> np.ndarray:
    """Inside of the support, with loc = 0.1 and scale = 1.3."""
    if name in DISCRETE:
        return np.array([0.0, 1, 1, 0]) if name == "bernoulli" else rng.integers(0, 7, 4).astype(float)
    return 0.1 + 1.3 * rng.uniform(0.05, 0.95, 4)


@pytest.mark.parametrize(("name", "method"), OF_ONE)
def test_values_and_derivatives(name: str, method: str, rng: np.random.Generator) -> None:
    x = points(name, rng)
    rest = [] if name in DISCRETE else [0.1, 1.3]
    ours, theirs = (getattr(getattr(stats, name), method) for stats in (fv.scipy.stats, scipy.stats))
    given = [x, *map(np.float64, (*PARAMETERS[name], *rest))]
    (value,), gradients = fv.vjp(ours, given, [WEIGHTS])
    close(value, theirs(*given), rtol=1e-11, atol=1e-13)
    for i, found in enumerate(gradients):
        if name in DISCRETE and i == 0:
            continue  # whole numbers
        if name == "binom" and i == 1:
            continue

        def at(v: Any, i: int = i) -> float:
            return float(WEIGHTS @ theirs(*given[:i], v if i == 0 else v[0], *given[i + 1 :]))

        wanted = numeric_grad(at, np.array(given[i], ndmin=1))
        close(np.array(found, ndmin=1), wanted, rtol=2e-6, atol=1e-8)


@pytest.mark.parametrize(("name", "method"), OF_ONE)
def test_outside_of_the_support(name: str, method: str) -> None:
    x = np.array([-1e3, -1.0, 0.0, 0.5, 1.0, 2.0, 1e3, np.inf, -np.inf, np.nan])
    ours, theirs = (getattr(getattr(stats, name), method) for stats in (fv.scipy.stats, scipy.stats))
    with np.errstate(all="ignore"):
        expected = theirs(x, *PARAMETERS[name])
    x_fits = (name != "laplace") | (np.abs(x) < 700)  # where SciPy's logarithms are not yet those of 0
    finite = np.isfinite(x) & x_fits & (method.endswith(("pmf", "pdf")) | (name != "binom"))
    found = np.asarray(fv.vjp(lambda x: ours(x, *PARAMETERS[name]), [x], [np.zeros(10)])[0][0])
    np.testing.assert_allclose(found[finite], expected[finite], rtol=1e-9, atol=1e-12)
    assert np.isnan(found[-1])


def test_densities_of_several_variables(rng: np.random.Generator) -> None:
    root = rng.normal(size=(3, 3))
    x, mean, cov = rng.normal(size=(5, 3)), rng.normal(size=3), root @ root.T + np.eye(3)
    for method in ("logpdf", "pdf"):
        ours, theirs = (getattr(s.multivariate_normal, method) for s in (fv.scipy.stats, scipy.stats))
        for given in ([x, mean, cov], [x[0], mean, cov], [x, mean, np.array([1.0, 2.0, 3.0])]):
            expected = theirs(*given)
            u = np.cos(np.arange(np.size(expected), dtype=float)).reshape(np.shape(expected))
            (value,), gradients = fv.vjp(ours, given, [u])
            close(value, expected, rtol=1e-10)
            numeric = numeric_grad(lambda v, g=given, f=theirs, u=u: float(np.sum(u * f(v, *g[1:]))), given[0])
            close(gradients[0], numeric, rtol=1e-5, atol=1e-8)
            direction = rng.normal(size=given[2].shape)
            direction = direction + direction.T if direction.ndim == 2 else direction
            at = [theirs(given[0], mean, given[2] + h * direction) for h in (1e-6, -1e-6)]
            close(np.sum(gradients[2] * direction), np.sum(u * (at[0] - at[1])) / 2e-6, rtol=1e-5, atol=1e-8)
        alpha, p = np.array([1.5, 2.0, 0.7]), np.array([0.2, 0.3, 0.5])
        ours, theirs = (getattr(s.dirichlet, method) for s in (fv.scipy.stats, scipy.stats))
        (value,), (_, by_alpha) = fv.vjp(ours, [p, alpha], [1.0])
        close(value, theirs(p, alpha), rtol=1e-11)
        close(by_alpha, numeric_grad(lambda a, f=theirs, p=p: float(f(p, a)), alpha), rtol=1e-6)
        close(fv.vjp(ours, [p[:2], alpha], [1.0])[0][0], theirs(p[:2], alpha), rtol=1e-11)


def test_frozen_distributions_and_errors() -> None:
    x = np.array([0.3, 1.2])
    found = fv.grad(lambda x: np.sum(fv.scipy.stats.gamma(x[1], scale=x[0]).logpdf(2.0)))(x)
    close(found, numeric_grad(lambda x: float(scipy.stats.gamma(x[1], scale=x[0]).logpdf(2.0)), x), rtol=1e-6)
    with pytest.raises(TypeError, match=r"\[scipy.stats.gamma\] Expected the parameters a, loc, scale"):
        fv.grad(lambda x: np.sum(fv.scipy.stats.gamma.logpdf(x)))(x)
    with pytest.raises(fv.LostGradientError, match=r"fastvjp\.scipy\.stats\.poisson\.logpmf records it"):
        fv.grad(lambda x: np.sum(scipy.stats.poisson.logpmf(3, x)))(x)


def test_poisson_regression_against_newton(rng: np.random.Generator) -> None:
    """The likelihood's gradient and Hessian in closed form."""
    a, w = rng.normal(size=(50, 3)), np.array([0.3, -0.2, 0.5])
    k = rng.poisson(np.exp(a @ w)).astype(float)

    def loss(w: Any) -> Any:
        return -np.sum(fv.scipy.stats.poisson.logpmf(k, np.exp(a @ w)))

    close(fv.grad(loss)(w), a.T @ (np.exp(a @ w) - k), rtol=1e-10, atol=1e-10)
    close(fv.hessian(loss)(w), a.T @ (np.exp(a @ w)[:, None] * a), rtol=1e-10, atol=1e-9)
