"""Optimisers and estimators of other packages take our functions as they come, and find known optima.

The packages are those of the extra `interop`; what is not installed is skipped.
"""

from typing import Any

import numpy as np
import pytest

import fastvjp as fv

START = np.array([-1.2, 1.0])
MAKE = pytest.mark.parametrize("make", [lambda f: f, fv.compile], ids=["plain", "compiled"])


def rosenbrock(x: Any) -> Any:
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


# --- iminuit ---------------------------------------------------------------------------------------------


@MAKE
def test_iminuit(make):
    iminuit = pytest.importorskip("iminuit")
    fit = iminuit.Minuit(make(rosenbrock), START, grad=make(fv.grad(rosenbrock)))
    fit.tol = 1e-4
    fit.migrad()
    fit.hesse()
    assert fit.valid
    np.testing.assert_allclose(fit.values, [1, 1], atol=1e-4)
    covariance = 2 * np.linalg.inv(fv.hessian(rosenbrock)(np.ones(2)))
    np.testing.assert_allclose(fit.covariance, covariance, rtol=2e-2)


@MAKE
def test_iminuit_reads_the_names_of_parameters(make):
    iminuit = pytest.importorskip("iminuit")

    def valley(width: Any, depth: Any) -> Any:
        return (width - 1) ** 2 + 3 * (depth - 2) ** 2 + width * depth

    fit = iminuit.Minuit(make(valley), width=0.0, depth=0.0, grad=make(fv.grad(valley, argnums=(0, 1))))
    fit.migrad()
    assert fit.parameters == ("width", "depth")
    np.testing.assert_allclose(fit.values, np.linalg.solve([[2, 1], [1, 6]], [2, 12]), atol=1e-5)


@MAKE
def test_iminuit_takes_the_gradient_of_a_model(make):
    cost = pytest.importorskip("iminuit.cost")
    iminuit = pytest.importorskip("iminuit")

    def model(t: Any, height: Any, rate: Any) -> Any:
        return height * np.exp(-rate * t)

    t = np.linspace(0, 2, 20)
    slopes = make(fv.jacfwd(lambda p: model(t, *p)))
    gradient = lambda t, *p: slopes(np.array(p)).T  # noqa: E731
    loss = cost.LeastSquares(t, model(t, 3.0, 0.7), 0.1, make(model), grad=gradient)
    fit = iminuit.Minuit(loss, height=1.0, rate=1.0)
    fit.migrad()
    assert fit.ngrad > 0
    np.testing.assert_allclose(fit.values, [3, 0.7], rtol=1e-4)


# --- NLopt -----------------------------------------------------------------------------------------------


@MAKE
@pytest.mark.parametrize("algorithm", ["LD_LBFGS", "LD_MMA", "LD_SLSQP", "LD_TNEWTON_PRECOND_RESTART", "LD_VAR2"])
def test_nlopt(algorithm, make):
    nlopt = pytest.importorskip("nlopt")
    both = make(fv.value_and_grad(rosenbrock))

    def objective(x: Any, gradient: Any) -> Any:
        value, found = both(x)
        if gradient.size:
            gradient[:] = found
        return value

    optimizer = nlopt.opt(getattr(nlopt, algorithm), 2)
    optimizer.set_min_objective(objective)
    optimizer.set_xtol_rel(1e-9)
    optimizer.set_maxeval(5000)
    np.testing.assert_allclose(optimizer.optimize(START), [1, 1], atol=1e-3)


@MAKE
def test_nlopt_with_constraints(make):
    nlopt = pytest.importorskip("nlopt")
    distance = make(fv.value_and_grad(lambda x: np.sum((x - 2) ** 2)))
    discs = make(lambda x: np.stack([np.sum(x**2) - 1, np.sum((x - 0.1) ** 2) - 4]))
    slopes = make(fv.jacrev(discs))

    def objective(x: Any, gradient: Any) -> Any:
        value, slope = distance(x)
        if gradient.size:
            gradient[:] = slope
        return value

    def constraint(result: Any, x: Any, gradient: Any) -> None:
        result[:] = discs(x)
        if gradient.size:
            gradient[:] = slopes(x)

    optimizer = nlopt.opt(nlopt.LD_SLSQP, 2)
    optimizer.set_min_objective(objective)
    optimizer.add_inequality_mconstraint(constraint, [1e-10, 1e-10])
    optimizer.set_xtol_rel(1e-6)
    np.testing.assert_allclose(optimizer.optimize(np.array([0.3, 0.1])), np.sqrt([0.5, 0.5]), rtol=1e-5)


# --- lmfit -----------------------------------------------------------------------------------------------

TIMES = np.linspace(0, 2, 30)


def decay(p: Any) -> Any:
    return p[0] * np.exp(-p[1] * TIMES)


def residuals(p: Any) -> Any:
    return decay(p) - decay(np.array([3.0, 0.7]))


def vector(parameters: Any) -> Any:
    return np.array(list(parameters.valuesdict().values()))


@MAKE
@pytest.mark.parametrize("method, option", [("leastsq", "Dfun"), ("least_squares", "jac")])
def test_lmfit_by_jacobians(method, option, make):
    lmfit = pytest.importorskip("lmfit")
    slopes, difference = make(fv.jacfwd(residuals)), make(residuals)
    found = lmfit.minimize(
        lambda p: difference(vector(p)),
        lmfit.create_params(a=1.0, b=1.0),
        method,
        **{option: lambda p: slopes(vector(p))},
    )
    np.testing.assert_allclose(vector(found.params), [3, 0.7], rtol=1e-6)


@MAKE
@pytest.mark.parametrize("method", ["bfgs", "lbfgsb", "newton", "trust-exact"])
def test_lmfit_by_gradients(method, make):
    lmfit = pytest.importorskip("lmfit")

    def loss(p: Any) -> Any:
        return np.sum(residuals(p) ** 2)

    slope, curvature = make(fv.grad(loss)), make(fv.hessian(loss))
    options = {"hess": curvature} if method == "trust-exact" else {}
    found = lmfit.minimize(
        lambda p: loss(vector(p)),
        lmfit.create_params(a=1.0, b=1.0),
        method,
        jac=lambda p: slope(vector(p)),
        **options,
    )
    np.testing.assert_allclose(vector(found.params), [3, 0.7], rtol=1e-4)


def test_lmfit_of_residuals_that_are_ours():
    lmfit = pytest.importorskip("lmfit")
    found = lmfit.minimize(lambda p: fv.array(residuals(vector(p))), lmfit.create_params(a=1.0, b=1.0))
    np.testing.assert_allclose(vector(found.params), [3, 0.7], rtol=1e-6)


# --- pymanopt --------------------------------------------------------------------------------------------


@MAKE
@pytest.mark.parametrize("optimizer", ["SteepestDescent", "ConjugateGradient", "TrustRegions"])
def test_pymanopt_finds_an_eigenvector(optimizer, make, rng):
    pymanopt = pytest.importorskip("pymanopt")
    matrix = np.diag([1.0, 2.0, 3.0, 7.0]) + 0.1
    sphere = pymanopt.manifolds.Sphere(4)

    def rayleigh(x: Any) -> Any:
        return -x @ (matrix @ x)

    def curvature(x: Any, direction: Any) -> Any:
        return fv.hvp(rayleigh, [x], [direction])[0]

    ours = pymanopt.function.numpy(sphere)
    problem = pymanopt.Problem(
        sphere,
        ours(make(rayleigh)),
        euclidean_gradient=ours(make(fv.grad(rayleigh))),
        euclidean_hessian=ours(make(curvature)),
    )
    found = getattr(pymanopt.optimizers, optimizer)(verbosity=0, max_iterations=2000).run(
        problem, initial_point=np.full(4, 0.5)
    )
    np.testing.assert_allclose(-found.cost, np.linalg.eigvalsh(matrix)[-1], rtol=1e-8)


@MAKE
def test_pymanopt_of_several_arguments(make, rng):
    pymanopt = pytest.importorskip("pymanopt")
    matrix = rng.normal(size=(6, 4))
    pair = pymanopt.manifolds.Product([pymanopt.manifolds.Stiefel(6, 2), pymanopt.manifolds.Euclidean(2, 4)])

    def misfit(u: Any, w: Any) -> Any:
        return np.sum((u @ w - matrix) ** 2)

    ours = pymanopt.function.numpy(pair)
    problem = pymanopt.Problem(
        pair,
        ours(fv.numpy.of(misfit)),
        euclidean_gradient=ours(make(fv.grad(misfit, argnums=(0, 1)))),
    )
    found = pymanopt.optimizers.ConjugateGradient(verbosity=0).run(
        problem, initial_point=[np.linalg.qr(rng.normal(size=(6, 2)))[0], rng.normal(size=(2, 4))]
    )
    rest = np.linalg.svd(matrix, compute_uv=False)[2:]  # Eckart and Young
    np.testing.assert_allclose(found.cost, np.sum(rest**2), rtol=1e-6)


# --- statsmodels -----------------------------------------------------------------------------------------


@MAKE
@pytest.mark.parametrize("method", ["newton", "bfgs", "lbfgs", "cg", "ncg"])
def test_statsmodels_by_a_likelihood_of_ones_own(method, make, rng):
    statsmodels: Any = pytest.importorskip("statsmodels.api")
    model: Any = pytest.importorskip("statsmodels.base.model").GenericLikelihoodModel
    x = np.column_stack([np.ones(200), rng.normal(size=(200, 2))])
    y = rng.poisson(np.exp(x @ [0.5, 0.3, -0.2])).astype(float)

    def likelihood(b: Any) -> Any:
        return np.sum(y * (x @ b) - np.exp(x @ b))

    score, hessian = make(fv.grad(likelihood)), make(fv.hessian(likelihood))

    class Poisson(model):
        def loglike(self, params: Any) -> Any:
            return make(likelihood)(params)

        def score(self, params: Any) -> Any:
            return score(params)

        def hessian(self, params: Any) -> Any:
            return hessian(params)

    fitted = Poisson(y, x).fit(start_params=np.zeros(3), method=method, disp=0)
    known = statsmodels.GLM(y, x, family=statsmodels.families.Poisson()).fit()
    np.testing.assert_allclose(fitted.params, known.params, atol=1e-4)
    np.testing.assert_allclose(fitted.bse, known.bse, rtol=1e-3)
    assert "Poisson" in str(fitted.summary())


# --- CasADi ----------------------------------------------------------------------------------------------


@MAKE
@pytest.mark.parametrize("second", [False, True], ids=["gradients", "hessians"])
def test_casadi_solves_by_external_functions(second, make):
    casadi = pytest.importorskip("casadi")
    node: Any = casadi.Callback

    class External(node):
        """A function of a vector of two numbers as a node of expressions; derivatives are ours, of any order."""

        def __init__(self, name: str, fun: Any) -> None:
            casadi.Callback.__init__(self)
            self.fun, self.found = make(fun), fun(np.zeros(2))
            self.construct(name, {})

        def get_sparsity_in(self, i: int) -> Any:
            return casadi.Sparsity.dense(2, 1)

        def get_sparsity_out(self, i: int) -> Any:
            return casadi.Sparsity.dense(*self.found.shape)

        def eval(self, given: Any) -> list[Any]:
            return [self.fun(given[0].full()[:, 0])]

        def has_jacobian(self) -> bool:
            return True

        def get_jacobian(self, name: str, inputs: Any, outputs: Any, options: Any) -> Any:
            self.slope = External(f"{name}_slope", fv.jacrev(lambda x: np.reshape(self.fun(x), -1)))
            x, value = casadi.MX.sym("x", 2), casadi.MX.sym("value", *self.found.shape)
            return casadi.Function(name, [x, value], [self.slope(x)], inputs, outputs)

    x = casadi.MX.sym("x", 2)
    objective = External("objective", lambda x: np.reshape(rosenbrock(x), (1, 1)))
    options = {"ipopt.print_level": 0, "print_time": 0, "ipopt.sb": "yes"}
    if not second:
        options["ipopt.hessian_approximation"] = "limited-memory"
    solver = casadi.nlpsol("solver", "ipopt", {"x": x, "f": objective(x)}, options)
    np.testing.assert_allclose(solver(x0=START)["x"].full()[:, 0], [1, 1], atol=1e-6)
    assert solver.stats()["success"]
