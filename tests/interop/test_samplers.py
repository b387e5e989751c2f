"""Samplers of other packages, and loops that are written by hand, take our functions as they come.

Moments of what they draw are compared with known ones, within about five standard errors. The packages are those
of the extra `interop`; what is not installed is skipped.
"""

from typing import Any

import numpy as np
import pytest

import fastvjp as fv

MEAN, SCALE = np.array([1.0, -2.0]), np.array([1.0, 2.0])
MAKE = pytest.mark.parametrize("make", [lambda f: f, fv.compile], ids=["plain", "compiled"])


def log_density(x: Any) -> Any:
    return -0.5 * np.sum(((x - MEAN) / SCALE) ** 2)


def check(draws: Any, tolerance: float) -> None:
    np.testing.assert_allclose((np.mean(draws, axis=0) - MEAN) / SCALE, 0, atol=tolerance)
    np.testing.assert_allclose(np.std(draws, axis=0) / SCALE, 1, atol=tolerance)


@MAKE
@pytest.mark.filterwarnings("ignore")  # of what nutpie imports
def test_nutpie(make):
    nutpie = pytest.importorskip("nutpie")
    from_pyfunc = pytest.importorskip("nutpie.compiled_pyfunc").from_pyfunc
    model = from_pyfunc(
        2,
        lambda: make(fv.value_and_grad(log_density)),
        lambda *seeds: lambda x: {"x": x},
        [np.dtype(float)],
        [(2,)],
        ["x"],
        make_initial_point_fn=lambda seed: np.zeros(2),
    )
    found = nutpie.sample(model, draws=500, tune=300, chains=2, cores=2, seed=1, progress_bar=False)
    check(found.posterior["x"].values.reshape(-1, 2), 0.25)


# --- mici ------------------------------------------------------------------------------------------------


def sampled(mici: Any, system: Any, integrator: Any, start: Any, adapting: int, draws: int) -> Any:
    sampler = mici.samplers.DynamicMultinomialHMC(system, integrator, np.random.default_rng(1), max_tree_depth=3)
    adapter = mici.adapters.DualAveragingStepSizeAdapter(0.8)
    found = sampler.sample_chains(adapting, draws, start, adapters=[adapter], display_progress=False, n_worker=1)
    return np.concatenate(found.traces["pos"])


@MAKE
def test_mici(make):
    mici = pytest.importorskip("mici")
    energy = lambda q: -log_density(q)  # noqa: E731
    system = mici.systems.EuclideanMetricSystem(make(energy), grad_neg_log_dens=make(fv.grad(energy)))
    integrator = mici.integrators.LeapfrogIntegrator(system)
    check(sampled(mici, system, integrator, [np.zeros(2), np.ones(2)], 200, 500), 0.25)


def test_mici_on_a_sphere():
    mici = pytest.importorskip("mici")
    energy = lambda q: -2 * q[0]  # noqa: E731
    on_sphere = lambda q: np.stack([np.sum(q * q) - 1])  # noqa: E731
    system = mici.systems.DenseConstrainedEuclideanMetricSystem(
        energy,
        fv.compile(on_sphere),
        grad_neg_log_dens=fv.grad(energy),
        jacob_constr=fv.compile(fv.jacrev(on_sphere)),
        dens_wrt_hausdorff=True,
    )
    integrator = mici.integrators.ConstrainedLeapfrogIntegrator(system)
    draws = sampled(mici, system, integrator, [np.array([1.0, 0.0, 0.0])], 20, 100)
    np.testing.assert_allclose(np.sum(draws**2, axis=1), 1, atol=1e-7)  # the mean is Langevin's function
    np.testing.assert_allclose(np.mean(draws, axis=0), [1 / np.tanh(2) - 0.5, 0, 0], atol=0.25)


def test_mici_with_a_metric_of_third_derivatives():
    mici = pytest.importorskip("mici")
    energy = lambda q: -log_density(q) + 0.05 * np.sum(((q - MEAN) / SCALE) ** 4)  # noqa: E731
    third = fv.compile(fv.jacfwd(fv.hessian(energy)))
    system = mici.systems.SoftAbsRiemannianMetricSystem(
        energy,
        grad_neg_log_dens=fv.compile(fv.grad(energy)),
        hess_neg_log_dens=fv.compile(fv.hessian(energy)),
        mtp_neg_log_dens=lambda q: lambda m: np.einsum("ijk,ij->k", third(q), m),
    )
    integrator = mici.integrators.ImplicitLeapfrogIntegrator(system)
    draws = sampled(mici, system, integrator, [np.array([1.3, -1.0])], 20, 60)
    grid = np.linspace(-6, 6, 10_001)
    weight = np.exp(-0.5 * grid**2 - 0.05 * grid**4)
    spread = np.sqrt(np.sum(weight * grid**2) / np.sum(weight))
    np.testing.assert_allclose(np.std(draws, axis=0) / SCALE, spread, rtol=0.3)


# --- emcee, and loops ------------------------------------------------------------------------------------


@MAKE
@pytest.mark.parametrize("vectorized", [False, True])
def test_emcee(vectorized, make, rng):
    emcee = pytest.importorskip("emcee")
    density = make(fv.vmap(log_density) if vectorized else log_density)
    sampler = emcee.EnsembleSampler(10, 2, density, vectorize=vectorized)
    np.random.seed(0)
    sampler.run_mcmc(rng.normal(size=(10, 2)), 2000)
    check(sampler.get_chain(discard=200, flat=True), 0.3)


@MAKE
def test_emcee_keeps_gradients_as_blobs(make, rng):
    emcee = pytest.importorskip("emcee")
    sampler = emcee.EnsembleSampler(10, 2, make(fv.value_and_grad(log_density)))
    sampler.run_mcmc(rng.normal(size=(10, 2)), 5)
    np.testing.assert_allclose(sampler.get_blobs(), (MEAN - sampler.get_chain()) / SCALE**2, rtol=1e-12)


@MAKE
def test_stretches_of_walkers(make, rng):
    """The moves of Goodman and Weare, which emcee makes, with all walkers of a half in one call."""
    density, walkers = make(fv.vmap(log_density)), rng.normal(size=(2, 20, 2))
    values, draws = np.stack([density(half) for half in walkers]), []
    for step in range(2000):
        moving, others = step % 2, walkers[1 - step % 2]
        z = (rng.uniform(size=20) + 1) ** 2 / 2
        proposed = others[rng.integers(20, size=20)]
        proposed += z[:, None] * (walkers[moving] - proposed)
        found = density(proposed)
        accepted = np.log(rng.uniform(size=20)) < np.log(z) + found - values[moving]
        walkers[moving][accepted], values[moving][accepted] = proposed[accepted], found[accepted]
        draws.append(walkers[moving].copy())
    check(np.concatenate(draws[200:]), 0.3)


@MAKE
def test_langevin_steps_in_place(make, rng):
    """Metropolis-adjusted Langevin steps, which change arrays in place."""
    both = make(fv.value_and_grad(log_density))
    x, draws, step = np.zeros(2), np.empty((4000, 2)), 0.8

    def forth(start: Any, slope: Any, end: Any) -> Any:
        return -np.sum((end - start - step * slope) ** 2) / (4 * step)

    value, slope = both(x)
    for i in range(len(draws)):
        y = np.sqrt(2 * step) * rng.normal(size=2)
        y += x
        y += step * slope
        there, back = both(y)
        if np.log(rng.uniform()) < there - value + forth(y, back, x) - forth(x, slope, y):
            x, value, slope = y, there, back
        draws[i] = x
    check(draws, 0.3)
