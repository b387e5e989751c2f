"""Gaussian-process regression on scikit-learn's diabetes data, with a length scale for each feature.

The evidence, the probability of the targets given the scales, is maximised by its gradient, through the Cholesky
factor of the covariance. Prints how far value and gradient are from scikit-learn's, the evidence before and after,
and the error on patients held out beside that of a linear fit; saves gaussian_process.png.

    python docs/examples/gaussian_process.py [--steps 100] [--out gaussian_process.png]
"""

from __future__ import annotations

import argparse
from typing import Any

import matplotlib
import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_diabetes
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

import fastvjp

matplotlib.use("Agg")


def covariance(x: Any, y: Any, params: Any) -> Any:
    """Of function values at the rows of x and of y; `params` are the logs of variance, noise and scales."""
    x, y = x / np.exp(params[2:]), y / np.exp(params[2:])
    squares = np.sum(x**2, axis=1)[:, None] - 2 * x @ y.T + np.sum(y**2, axis=1)
    return np.exp(params[0] - 0.5 * squares)


def factor(params: Any, x: np.ndarray) -> Any:
    """The Cholesky factor of the covariance of measurements, noise included."""
    return np.linalg.cholesky(covariance(x, x, params) + np.exp(params[1]) * np.eye(len(x)))


def negative_log_evidence(params: Any, x: np.ndarray, target: np.ndarray) -> Any:
    """Rasmussen and Williams (2006), algorithm 2.1."""
    lower = factor(params, x)
    whitened = fastvjp.linalg.solve_triangular(lower, target, upper=False)
    return 0.5 * np.sum(whitened**2) + np.sum(np.log(np.diagonal(lower))) + 0.5 * len(x) * np.log(2 * np.pi)


def predict(params: np.ndarray, x: np.ndarray, target: np.ndarray, at: np.ndarray) -> tuple[Any, Any]:
    """Means and standard deviations of new measurements."""
    lower = factor(params, x)
    between = np.linalg.solve(lower, covariance(x, at, params))
    mean = between.T @ np.linalg.solve(lower, target)
    return mean, np.sqrt(np.exp(params[0]) + np.exp(params[1]) - np.sum(between**2, axis=0))


def against_sklearn(params: np.ndarray, x: np.ndarray, y: np.ndarray, slope: np.ndarray, value: float) -> None:
    """Print how far scikit-learn's evidence and gradient, by its own formulas, are from ours."""
    kernel = ConstantKernel(np.exp(params[0])) * RBF(np.exp(params[2:])) + WhiteKernel(np.exp(params[1]))
    regressor = GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None).fit(x, y)
    theirs, their_slope = regressor.log_marginal_likelihood(regressor.kernel_.theta, eval_gradient=True)
    theta = np.array([slope[0], *slope[2:], slope[1]])  # in scikit-learn's order
    apart = max(abs(value + theirs) / abs(value), np.abs(theta + their_slope).max() / np.abs(slope).max())
    print(f"largest difference to scikit-learn's evidence and gradient: {apart:.1e}")


def main() -> None:
    """Fit, report, plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--out", default="gaussian_process.png")
    options = parser.parse_args()

    data = load_diabetes()
    order = np.random.default_rng(0).permutation(len(data.target))
    x = data.data[order] / data.data.std(axis=0)
    y = (data.target[order] - data.target.mean()) / data.target.std()
    x, y, x_held, y_held = x[:300], y[:300], x[300:], y[300:]

    objective = fastvjp.value_and_grad(negative_log_evidence)
    start = np.array([0.0, 0.0, *np.full(x.shape[1], np.log(3.0))])
    value, slope = objective(start, x, y)
    against_sklearn(start, x, y, slope, value)
    found = minimize(objective, start, (x, y), jac=True, method="L-BFGS-B", bounds=[(-6, 6)] * len(start),
                     options={"maxiter": options.steps})  # fmt: skip
    print(f"log evidence: {-value:.2f} before, {-found.fun:.2f} after {found.nit} steps")

    mean, deviation = predict(found.x, x, y, x_held)
    weight, *_ = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)
    errors = [np.sqrt(np.mean((p - y_held) ** 2)) for p in (mean, x_held @ weight[:-1] + weight[-1])]
    within = np.mean(np.abs(mean - y_held) < 1.96 * deviation)
    print(f"error on {len(y_held)} patients held out: {errors[0]:.4f}; of a linear fit: {errors[1]:.4f}")
    print(f"measurements within the 95 % intervals: {100 * within:.0f} %")
    plot(data.feature_names, np.exp(found.x[2:]), mean, deviation, y_held, options.out)
    print(f"saved {options.out}")


def plot(names: list[str], scales: np.ndarray, mean: Any, deviation: Any, target: np.ndarray, path: str) -> None:
    """Save how much each feature matters, and predictions with their intervals."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
    left.bar(names, 1 / scales)
    left.set(title="What matters", ylabel="1 / length scale")
    right.errorbar(target, mean, 1.96 * deviation, fmt=".", linewidth=0.5)
    right.axline((0, 0), slope=1, color="grey", linewidth=1)
    right.set(title="Patients held out", xlabel="progression of diabetes", ylabel="predicted, with 95 % intervals")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
