"""Train a network of convolutions on scikit-learn's handwritten digits, by Adam on a vector of all weights.

Prints the held-out accuracy and saves the filters that were learned, and what they see, as convolutions.png.

    python docs/examples/convolutions.py [--steps 600] [--out convolutions.png]
"""

from __future__ import annotations

import argparse
from typing import Any

import matplotlib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import fastvjp
from fastvjp.autograd import adam

matplotlib.use("Agg")

BATCH = 128
SHAPES = {"first": (16, 3, 3, 1), "second": (32, 3, 3, 16), "dense": (2 * 2 * 32, 10)}
"""Of the weights: output channels, height and width of the window, input channels; inputs, outputs."""


def init_params(rng: np.random.Generator) -> dict[str, Any]:
    """Weights drawn as by He et al. (2015), zero biases."""
    fans = {name: np.prod(shape[1:] if len(shape) == 4 else shape[:1]) for name, shape in SHAPES.items()}
    weights = {n: rng.normal(0, np.sqrt(2 / fans[n]), s).astype(np.float32) for n, s in SHAPES.items()}
    biases = {"of_" + n: np.zeros(s[0] if len(s) == 4 else s[1], np.float32) for n, s in SHAPES.items()}
    return weights | biases


def features(params: dict[str, Any], images: Any, name: str) -> Any:
    """One layer: a convolution of the padded images, and the larger of its values and 0."""
    return np.maximum(fastvjp.conv2d(images, params[name], padding=1) + params["of_" + name], 0)


def pooled(images: Any) -> Any:
    """The largest value of each square of 2 x 2 places."""
    n, height, width, channels = images.shape
    return np.max(images.reshape(n, height // 2, 2, width // 2, 2, channels), axis=(2, 4))


def logits(params: dict[str, Any], images: Any) -> Any:
    """Scores of the ten digits."""
    for name in ("first", "second"):
        images = pooled(features(params, images, name))
    return images.reshape(len(images), -1) @ params["dense"] + params["of_dense"]


def main() -> None:
    """Train, report, plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--out", default="convolutions.png")
    options = parser.parse_args()

    digits = load_digits()
    images = (digits.images[..., None] / 16).astype(np.float32)
    x_train, x_test, y_train, y_test = train_test_split(
        images, digits.target, test_size=0.25, random_state=0, stratify=digits.target
    )
    rng = np.random.default_rng(0)
    start, unravel = fastvjp.ravel_tree(init_params(rng))

    def loss(weights: Any, x: Any, labels: Any) -> Any:
        return np.mean(fastvjp.fast.cross_entropy(logits(unravel(weights), x), labels))

    gradient = fastvjp.compile(fastvjp.grad(loss))

    def of_batch(weights: Any, step: int) -> Any:
        batch = rng.choice(len(x_train), BATCH, replace=False)
        return gradient(weights.astype(np.float32), x_train[batch], y_train[batch])

    found = unravel(adam(of_batch, start, num_iters=options.steps, step_size=3e-3))
    guesses = np.argmax(logits(found, x_test), axis=1)
    print(f"{start.size} weights, trained on {len(x_train)} digits, tested on {len(x_test)}")
    print(f"held-out accuracy: {100 * np.mean(guesses == y_test):.1f} %")
    plot(np.asarray(found["first"]), np.asarray(features(found, x_test[:1], "first"))[0], x_test[0], options.out)
    print(f"saved {options.out}")


def plot(filters: np.ndarray, seen: np.ndarray, image: np.ndarray, path: str) -> None:
    """Save the filters of the first layer, and what they make of a digit."""
    import matplotlib.pyplot as plt

    figure, rows = plt.subplots(4, 9, figsize=(10, 4.6), layout="constrained")
    for ax in rows.flat:
        ax.set_axis_off()
    for i in range(16):
        row, column = divmod(i, 8)
        rows[row, column + 1].imshow(filters[i, ..., 0], cmap="RdBu", vmin=-1, vmax=1)
        rows[row + 2, column + 1].imshow(seen[..., i], cmap="gray_r")
    rows[0, 0].imshow(image[..., 0], cmap="gray_r")
    rows[0, 0].set_title("a digit")
    rows[0, 4].set_title("filters of the first layer, and below what they see")
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
