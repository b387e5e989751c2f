"""SciPy's optimisers, solvers, integrators take our functions as they come; known minima, roots and solutions."""

from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize

import fastvjp as fv

START = np.array([-1.2, 1.0])


def rosenbrock(x: Any) -> Any:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def residuals(x: Any) -> Any:
    return np.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])


METHODS = (
    "CG", "BFGS", "Newton-CG", "L-BFGS-B", "TNC", "SLSQP", "trust-constr", "dogleg", "trust-ncg", "trust-exact",
    "trust-krylov",
)  # fmt: skip


@pytest.mark.parametrize("make", [fv.value_and_grad, lambda f: fv.compile(fv.value_and_grad(f))],
                         ids=["plain", "compiled"])  # fmt: skip
@pytest.mark.parametrize("method", METHODS)
def test_minimize(method, make):
    second = method in ("dogleg", "trust-ncg", "trust-exact", "trust-krylov")
    options = {"maxiter": 2000} if method != "TNC" else {"maxfun": 2000}
    found = scipy.optimize.minimize(
        make(rosenbrock),
        START,
        jac=True,
        method=method,
        options=options,
        hess=fv.hessian(rosenbrock) if second else None,
    )
    np.testing.assert_allclose(found.x, [1, 1], atol=2e-3)


@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"])
def test_minimize_by_hessian_vector_products(method):
    found = scipy.optimize.minimize(
        rosenbrock,
        START,
        jac=fv.grad(rosenbrock),
        method=method,
        hessp=lambda x, v: fv.hvp(rosenbrock, [x], [v])[0],
    )
    np.testing.assert_allclose(found.x, [1, 1], atol=1e-3)


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr"])
def test_minimize_with_constraints(method):
    disc = {"type": "ineq", "fun": lambda x: 1 - np.sum(x**2), "jac": fv.grad(lambda x: 1 - np.sum(x**2))}
    found = scipy.optimize.minimize(
        fv.value_and_grad(lambda x: np.sum((x - 2) ** 2)), np.zeros(2), jac=True, method=method, constraints=[disc]
    )
    np.testing.assert_allclose(found.x, np.sqrt([0.5, 0.5]), atol=2e-3)  # an interior point


@pytest.mark.parametrize("jacobian", [fv.jacrev, fv.jacfwd, lambda f: fv.compile(fv.jacrev(f))])
@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_least_squares(method, jacobian):
    found = scipy.optimize.least_squares(residuals, START, jac=jacobian(residuals), method=method)
    np.testing.assert_allclose(found.x, [1, 1], atol=1e-6)


def test_least_squares_of_a_value_that_is_ours():
    found = scipy.optimize.least_squares(lambda x: fv.array(x) - fv.array([1.0, 2.0]), START)
    np.testing.assert_allclose(found.x, [1, 2], atol=1e-6)


def test_curve_fit(rng):
    t = np.linspace(0, 2, 20)

    def curve(t, a, b):
        return a * np.exp(-b * t)

    slopes = fv.jacfwd(lambda p: curve(t, p[0], p[1]))
    found, covariance = scipy.optimize.curve_fit(
        curve, t, curve(t, 3.0, 0.7), p0=[1.0, 1.0], jac=lambda t, *p: slopes(np.array(p))
    )
    np.testing.assert_allclose(found, [3, 0.7], rtol=1e-6)
    assert covariance.shape == (2, 2)


@pytest.mark.parametrize("method", ["hybr", "lm"])
def test_root(method):
    circle = lambda x: np.stack([x[0] ** 2 + x[1] ** 2 - 2, x[0] - x[1]])  # noqa: E731
    found = scipy.optimize.root(circle, np.array([2.0, 0.5]), jac=fv.jacrev(circle), method=method)
    np.testing.assert_allclose(found.x, [1, 1], atol=1e-8)


def test_root_of_values_and_jacobians_in_one():
    circle = lambda x: np.stack([x[0] ** 2 + x[1] ** 2 - 2, x[0] - x[1]])  # noqa: E731
    both = lambda x: (circle(x), fv.jacrev(circle)(x))  # noqa: E731
    np.testing.assert_allclose(scipy.optimize.root(both, np.array([2.0, 0.5]), jac=True).x, [1, 1], atol=1e-8)


def test_scalar_newton():
    f = lambda x: x**3 - 8  # noqa: E731
    found = scipy.optimize.newton(f, np.float64(3.0), fprime=fv.grad(f), fprime2=fv.grad(fv.grad(f)))
    np.testing.assert_allclose(found, 2)
    found = scipy.optimize.root_scalar(fv.value_and_grad(f), x0=3.0, fprime=True, method="newton")
    np.testing.assert_allclose(found.root, 2, rtol=1e-6)


@pytest.mark.parametrize("method", ["BDF", "Radau", "LSODA"])
def test_solve_ivp(method):
    stiff = lambda t, y: np.stack([y[1], -1000 * y[0] - 1001 * y[1]])  # noqa: E731
    found = scipy.integrate.solve_ivp(
        stiff, (0, 1), np.array([1.0, -1.0]), method=method, jac=fv.jacrev(stiff, argnums=1), rtol=1e-6, atol=1e-9
    )
    np.testing.assert_allclose(found.y[:, -1], [np.exp(-1), -np.exp(-1)], rtol=1e-4)


@pytest.mark.parametrize("solve", [scipy.optimize.fmin_l_bfgs_b, scipy.optimize.fmin_tnc])
def test_older_interfaces(solve):
    np.testing.assert_allclose(solve(fv.value_and_grad(rosenbrock), START, **QUIET[solve])[0], [1, 1], atol=1e-3)


QUIET: dict[Any, dict[str, int]] = {
    scipy.optimize.fmin_l_bfgs_b: {},
    scipy.optimize.fmin_tnc: {"disp": 0, "maxfun": 2000},
}


def test_basin_hopping_and_bounds(rng):
    wavy = lambda x: np.sum(x**2 + 3 * np.cos(3 * x))  # noqa: E731
    found = scipy.optimize.basinhopping(
        fv.value_and_grad(wavy),
        np.array([2.5]),
        niter=20,
        rng=1,
        minimizer_kwargs={"jac": True, "bounds": [(-4, 4)]},
    )
    grid = np.linspace(-4, 4, 100_001)
    np.testing.assert_allclose(found.fun, np.min(grid**2 + 3 * np.cos(3 * grid)), rtol=1e-6)


def test_check_grad():
    assert scipy.optimize.check_grad(rosenbrock, fv.grad(rosenbrock), START) < 1e-4


def test_an_array_of_ours_as_the_start():
    found = scipy.optimize.minimize(fv.value_and_grad(rosenbrock), fv.array(START), jac=True)
    np.testing.assert_allclose(found.x, [1, 1], atol=1e-4)
    assert type(found.x) is np.ndarray
