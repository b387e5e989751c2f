"""Hamiltonian Monte Carlo in Numba code: Bayesian logistic regression on scikit-learn's breast cancer data.

The gradient is made by `fastvjp.njit`; the sampler, all of it, is the user's own Numba function, with a chain per
thread. Prints acceptance, R-hat and effective sample size, compares with scikit-learn's estimate, and saves traces
and posteriors as hmc.png.

    python docs/examples/hmc.py [--steps 1000] [--chains 4] [--out hmc.png]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import matplotlib
import numba
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

import fastvjp

matplotlib.use("Agg")

ACCEPTANCE = 0.8
LEAPFROGS = 16
"""Steps of a trajectory are drawn from 1 to twice this."""


def make_log_posterior(x: np.ndarray, y: np.ndarray) -> Callable[[Any], Any]:
    """Log posterior of the weights, drawn from N(0, 1), and of the intercept, which stands last and is free."""

    def log_posterior(theta: Any) -> Any:
        logits = x @ theta[:-1] + theta[-1]
        return np.sum(y * logits - np.logaddexp(0.0, logits)) - 0.5 * np.sum(theta[:-1] ** 2)

    return log_posterior


def make_sampler(log_posterior: Callable[[np.ndarray], tuple[float, np.ndarray]]) -> Callable[..., Any]:
    """A sampler of a density that Numba can call: it returns the draws of all chains and their acceptance."""

    @numba.njit
    def trajectory(theta, momentum, gradient, size, leapfrogs):
        value = 0.0
        for _ in range(leapfrogs):
            momentum = momentum + 0.5 * size * gradient
            theta = theta + size * momentum
            value, gradient = log_posterior(theta)
            momentum = momentum + 0.5 * size * gradient
        return theta, momentum, value, gradient

    @numba.njit
    def chain(theta, warmup, seed, draws):
        """The step's size is found by dual averaging (Hoffman and Gelman, 2014, section 3.2) in the warm-up."""
        np.random.seed(seed)
        accepted, (value, gradient) = 0.0, log_posterior(theta)
        log_size = log_average = np.log(0.05)
        center, error = np.log(10 * 0.05), 0.0
        for i in range(-warmup, len(draws)):
            size = np.exp(log_size if i < 0 else log_average)
            momentum = np.random.standard_normal(theta.size)
            leapfrogs = np.random.randint(1, 2 * LEAPFROGS + 1)
            proposal, end, new, slope = trajectory(theta, momentum, gradient, size, leapfrogs)
            change = new - value - 0.5 * np.sum(end * end - momentum * momentum)
            probability = np.exp(min(change, 0.0)) if np.isfinite(change) else 0.0
            if np.random.random() < probability:
                theta, value, gradient = proposal, new, slope
            if i < 0:
                t = i + warmup + 1
                error += (ACCEPTANCE - probability - error) / (t + 10)
                log_size = center - np.sqrt(t) / 0.05 * error
                log_average += t**-0.75 * (log_size - log_average)
            else:
                draws[i] = theta
                accepted += probability
        return accepted / len(draws)

    @numba.njit(parallel=True)
    def sample(starts, warmup, steps, seed):
        chains, size = starts.shape
        draws, acceptance = np.empty((chains, steps, size)), np.empty(chains)
        for i in numba.prange(chains):
            acceptance[i] = chain(starts[i], warmup, seed + i, draws[i])
        return draws, acceptance

    return sample


def diagnose(draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Split R-hat and effective sample size of each parameter (Vehtari et al., 2021, sections 3.1 and 3.2)."""
    half = draws.shape[1] // 2
    chains = np.concatenate([draws[:, :half], draws[:, half : 2 * half]])
    m, n, _ = chains.shape
    within = chains.var(axis=1, ddof=1).mean(axis=0)
    variance = (n - 1) / n * within + chains.mean(axis=1).var(axis=0, ddof=1)
    centered = chains - chains.mean(axis=1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(centered, 2 * n, axis=1)) ** 2
    covariance = np.fft.irfft(spectrum, axis=1)[:, :n].mean(axis=0) / n
    correlation = 1 - (within - covariance) / variance
    correlation[0] = 1
    pairs = correlation[: n - n % 2].reshape(n // 2, 2, -1).sum(axis=1)
    positive = np.logical_and.accumulate(pairs > 0, axis=0)  # Geyer's initial positive sequence
    size = m * n / np.maximum(2 * np.sum(pairs * positive, axis=0) - 1, 1 / np.log10(m * n))
    return np.sqrt(variance / within), size


def gradients_per_second(call: Callable[[], object], count: int) -> float:
    """How many gradients `call` computes in a second, if it computes so many: the median of some calls."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return count / float(np.median(times))


def time_gradients(log_posterior: Callable[[Any], Any], compiled: Any, theta: np.ndarray) -> None:
    """Print how fast gradients are from Numba code and from Python."""

    @numba.njit
    def repeat(theta, count):
        total = 0.0
        for _ in range(count):
            total += compiled(theta)[0]
        return total

    gradient = fastvjp.value_and_grad(log_posterior)
    planned = fastvjp.compile(gradient)
    repeat(theta, 1), gradient(theta), planned(theta)
    rates = (
        gradients_per_second(lambda: repeat(theta, 1000), 1000),
        gradients_per_second(lambda: [planned(theta) for _ in range(200)], 200),
        gradients_per_second(lambda: [gradient(theta) for _ in range(100)], 100),
    )
    names = ("in Numba code", "by compile from Python", "by value_and_grad from Python")
    print("gradients per second: " + ", ".join(f"{r:,.0f} {name}" for r, name in zip(rates, names, strict=True)))


def plot(draws: np.ndarray, estimate: np.ndarray, names: list[str], path: str) -> None:
    """Save traces and posteriors of the three weights that are the surest to differ from 0."""
    import matplotlib.pyplot as plt

    weights = draws[..., :-1]
    chosen = np.argsort(-np.abs(weights.mean(axis=(0, 1)) / weights.std(axis=(0, 1))))[:3]
    figure, rows = plt.subplots(3, 2, figsize=(10, 6.5), width_ratios=(1.6, 1), layout="constrained")
    for i, (left, right) in zip(chosen, rows, strict=True):
        for one in draws:
            left.plot(one[:, i], linewidth=0.5, alpha=0.8)
            right.hist(one[:, i], bins=40, histtype="step", density=True)
        right.axvline(estimate[i], color="black", linestyle="--", label="MAP (scikit-learn)")
        left.set(ylabel=names[i], xlim=(0, draws.shape[1]))
        right.set(yticks=[])
    rows[0, 0].set_title("Draws of each chain")
    rows[0, 1].set_title("Posterior by each chain")
    rows[0, 1].legend(fontsize=8)
    rows[-1, 0].set_xlabel("step")
    rows[-1, 1].set_xlabel("weight of the standardised feature")
    figure.savefig(path, dpi=120)


def main() -> None:
    """Sample, report, plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--out", default="hmc.png")
    options = parser.parse_args()

    data = load_breast_cancer()
    x = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    y = data.target.astype(np.float64)
    log_posterior = make_log_posterior(x, y)
    start = time.perf_counter()
    compiled = fastvjp.njit(fastvjp.value_and_grad(log_posterior), np.empty(x.shape[1] + 1))
    sample = make_sampler(compiled)
    starts = 0.1 * np.random.default_rng(0).standard_normal((options.chains, x.shape[1] + 1))
    sample(starts, 0, 1, 0)
    print(f"compiled in {time.perf_counter() - start:.1f} s")

    start = time.perf_counter()
    draws, acceptance = sample(starts, max(options.steps // 2, 100), options.steps, 1)
    seconds = time.perf_counter() - start
    rhat, size = diagnose(draws)
    print(f"{options.chains} chains of {options.steps} draws of {len(rhat)} parameters in {seconds:.1f} s")
    print(f"acceptance: {acceptance.mean():.2f}, largest R-hat: {rhat.max():.3f}, least ESS: {size.min():.0f}")

    fitted = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(x, y)
    estimate = np.append(fitted.coef_[0], fitted.intercept_)
    mean = draws.mean(axis=(0, 1))
    slope = np.abs(compiled(estimate)[1]).max()
    print(f"largest derivative at scikit-learn's MAP, which should be 0: {slope:.1e}")
    apart = np.abs(mean - estimate) / draws.std(axis=(0, 1))
    print(
        f"posterior means are {apart.mean():.2f} standard deviations from it on average, at most {apart.max():.2f}"
    )
    time_gradients(log_posterior, compiled, mean)
    plot(draws, estimate, list(data.feature_names), options.out)
    print(f"saved {options.out}")


if __name__ == "__main__":
    main()
