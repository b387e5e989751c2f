"""Fit a tree of parameters with `scipy.optimize.minimize`: multinomial regression on scikit-learn's wines.

SciPy knows vectors only: `fastvjp.ravel_tree` makes one of the tree. Prints the loss before and after, the largest
derivative at the end, and scikit-learn's solution of the same problem; saves minimize.png.

    python docs/examples/minimize.py [--steps 200] [--out minimize.png]
"""

from __future__ import annotations

import argparse
from typing import Any

import matplotlib
import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression

import fastvjp

matplotlib.use("Agg")


def loss(params: dict[str, Any], x: np.ndarray, labels: np.ndarray) -> Any:
    """Cross entropy, summed over the wines, and half the squares of the weights."""
    scores = x @ params["weight"] + params["bias"]
    right = fastvjp.take_along_axis(scores, labels[:, None], axis=1)
    return np.sum(fastvjp.logsumexp(scores, axis=1, keepdims=True) - right) + 0.5 * np.sum(params["weight"] ** 2)


def plot(losses: list[float], least: float, weight: np.ndarray, data: Any, path: str) -> None:
    """Save the way to the least loss, and the weights that it has."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    left.semilogy(np.maximum(np.array(losses) - least, 1e-12), marker=".")
    left.set(xlabel="iteration", ylabel="loss above the least", title="Convergence of L-BFGS-B")
    limit = np.abs(weight).max()
    image = right.imshow(weight, cmap="RdBu", vmin=-limit, vmax=limit, aspect="auto")
    right.set_xticks(range(3), [f"cultivar {i}" for i in range(3)])
    right.set_yticks(range(len(weight)), data.feature_names)
    right.set_title("Weights of the standardised features")
    figure.colorbar(image, ax=right)
    figure.savefig(path, dpi=120)


def main() -> None:
    """Minimize, report, plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--out", default="minimize.png")
    options = parser.parse_args()

    data = load_wine()
    x = (data.data - data.data.mean(axis=0)) / data.data.std(axis=0)
    params = {"weight": np.zeros((x.shape[1], 3)), "bias": np.zeros(3)}
    vector, unravel = fastvjp.ravel_tree(params)
    objective = fastvjp.njit(fastvjp.value_and_grad(lambda v: loss(unravel(v), x, data.target)), vector)
    start = np.array(vector)
    losses = [objective(start)[0]]

    found = minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": options.steps, "ftol": 1e-15, "gtol": 1e-8},
        callback=lambda v: losses.append(objective(v)[0]),
    )
    print(f"loss of {len(x)} wines: {losses[0]:.6f} before, {found.fun:.6f} after {found.nit} iterations")
    print(f"largest derivative: {np.abs(found.jac).max():.1e}, by {found.nfev} gradients")

    fitted = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(x, data.target)
    theirs = loss({"weight": fitted.coef_.T, "bias": fitted.intercept_}, x, data.target)
    weight = np.asarray(unravel(found.x)["weight"])
    apart = np.abs(weight - fitted.coef_.T).max()
    print(f"scikit-learn's LogisticRegression: {theirs:.6f}; weights differ by {apart:.1e} at most")
    plot(losses, min(*losses, float(theirs)), weight, data, options.out)
    print(f"saved {options.out}")


if __name__ == "__main__":
    main()
