"""Train a classifier on scikit-learn's 1,797 handwritten digits with `fastvjp.value_and_grad`.

Prints the held-out accuracy and saves the loss curve and some predictions as digits.png.

    python docs/examples/digits.py [--steps 600] [--out digits.png]
"""

from __future__ import annotations

import argparse
import itertools
import time
from typing import Any

import matplotlib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import trange

import fastvjp
from fastvjp import tree_map

matplotlib.use("Agg")

BATCH = 128
HIDDEN = (64, 64)


def init_params(rng: np.random.Generator, sizes: tuple[int, ...]) -> list[dict[str, Any]]:
    """Weights drawn as by He et al. (2015), zero biases."""
    return [
        {
            "w": fastvjp.array(rng.normal(0, np.sqrt(2 / m), (m, n)).astype(np.float32)),
            "b": fastvjp.zeros(n),
        }
        for m, n in itertools.pairwise(sizes)
    ]


def logits(params: list[dict[str, Any]], x: Any) -> Any:
    """A multilayer perceptron, in plain NumPy terms."""
    for layer in params[:-1]:
        x = np.maximum(x @ layer["w"] + layer["b"], 0)
    return x @ params[-1]["w"] + params[-1]["b"]


def loss(params: list[dict[str, Any]], x: Any, labels: Any) -> Any:
    """Mean cross entropy."""
    scores = logits(params, x)
    right = fastvjp.take_along_axis(scores, labels[:, None], axis=1)[:, 0]
    return fastvjp.mean(fastvjp.logsumexp(scores, axis=1) - right)


def adam(params: Any, grads: Any, m: Any, v: Any, step: int, rate: float) -> tuple[Any, Any, Any]:
    """One step of Adam (Kingma and Ba, 2015), with its default decay rates."""
    m = tree_map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
    v = tree_map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
    scale = rate * (1 - 0.999**step) ** 0.5 / (1 - 0.9**step)
    params = tree_map(lambda p, m, v: p - scale * m / (fastvjp.sqrt(v) + 1e-8), params, m, v)
    return params, m, v


def plot(losses: list[float], images: np.ndarray, labels: np.ndarray, guesses: np.ndarray, path: str) -> None:
    """Save the loss curve, and test digits under their predictions (wrong ones in red)."""
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.2))
    axes = left.subplots()
    axes.semilogy(losses, linewidth=0.8)
    axes.set(xlabel="step", ylabel="cross entropy of the batch", title="Training loss")
    for i, ax in enumerate(right.subplots(4, 8).flat):
        ax.imshow(images[i].reshape(8, 8), cmap="gray_r")
        ax.set_axis_off()
        ax.set_title(str(guesses[i]), fontsize=9, color="black" if guesses[i] == labels[i] else "red")
    right.suptitle("Held-out digits and predictions")
    figure.savefig(path, dpi=120)


def main() -> None:
    """Train, report, plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--out", default="digits.png")
    options = parser.parse_args()

    digits = load_digits()
    images = (digits.data / 16).astype(np.float32)
    x_train, x_test, y_train, y_test = train_test_split(
        images, digits.target, test_size=0.25, random_state=0, stratify=digits.target
    )
    rng = np.random.default_rng(0)
    params = init_params(rng, (64, *HIDDEN, 10))
    m = v = tree_map(fastvjp.zeros_like, params)
    loss_and_grad = fastvjp.value_and_grad(loss)
    print(f"device: {fastvjp.default_device()}, training on {len(x_train)} digits, testing on {len(x_test)}")

    losses: list[float] = []
    times: list[float] = []
    progress = trange(1, options.steps + 1, desc="training", unit="step")
    for step in progress:
        batch = rng.choice(len(x_train), BATCH, replace=False)
        start = time.perf_counter()
        value, grads = loss_and_grad(params, x_train[batch], y_train[batch])
        params, m, v = adam(params, grads, m, v, step, 3e-3 if step < 0.7 * options.steps else 5e-4)
        losses.append(value.item())
        times.append(time.perf_counter() - start)
        if step % 20 == 0:
            progress.set_postfix(loss=f"{losses[-1]:.4f}")

    guesses = np.argmax(np.asarray(logits(params, fastvjp.array(x_test))), axis=1)
    accuracy = float(np.mean(guesses == y_test))
    print(f"median step: {1e3 * np.median(times):.2f} ms (first, with compilation: {1e3 * times[0]:.0f} ms)")
    print(f"held-out accuracy: {100 * accuracy:.1f} %")
    plot(losses, x_test, y_test, guesses, options.out)
    print(f"saved {options.out}")


if __name__ == "__main__":
    main()
