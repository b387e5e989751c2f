"""Fit a filter of frequencies that takes the noise from a photograph, with gradients through Fourier transforms.

A gain for each band of frequencies is learned on one of scikit-learn's two sample images, with noise added, and
tried on the other. Prints the errors before and after, how far the gains are from those that Wiener's formula has,
and the power law that the photograph's spectrum follows; saves spectrum.png.

    python docs/examples/spectrum.py [--steps 100] [--out spectrum.png]
"""

from __future__ import annotations

import argparse
from typing import Any

import matplotlib
import numpy as np
from scipy.optimize import minimize
from sklearn.datasets import load_sample_image

import fastvjp

matplotlib.use("Agg")

SIZE, BANDS, NOISE = 256, 24, 0.1
FREQUENCY = np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE))
"""Of each place in a spectrum, in cycles per pixel."""
BAND = np.minimum((FREQUENCY / 0.5 * BANDS).astype(int), BANDS - 1)
"""The band that it belongs to."""


def photograph(name: str) -> np.ndarray:
    """A square of one of the sample images, in grey from 0 to 1, but for its mean."""
    grey = load_sample_image(name)[:SIZE, :SIZE].mean(axis=-1) / 255
    return grey - grey.mean()


def filtered(gains: Any, image: np.ndarray) -> Any:
    """The image, with each band of frequencies taken so many times."""
    return np.fft.irfft2(gains[BAND] * np.fft.rfft2(image), image.shape)


def error(gains: Any, noisy: np.ndarray, clean: np.ndarray) -> Any:
    """Mean square of what the filter does not mend."""
    return np.mean((filtered(gains, noisy) - clean) ** 2)


def wiener(noisy: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """The gains with the least error, by the spectra alone; places of which half is stored count twice."""
    spectrum, wanted = np.fft.rfft2(noisy), np.fft.rfft2(clean)
    twice = np.full(FREQUENCY.shape, 2.0)
    twice[:, [0, -1]] = 1.0
    products = (np.conj(spectrum) * wanted).real * twice
    squares = np.abs(spectrum) ** 2 * twice
    return np.bincount(BAND.ravel(), products.ravel()) / np.bincount(BAND.ravel(), squares.ravel())


def negative_log_likelihood(law: Any, frequency: np.ndarray, power: np.ndarray) -> Any:
    """Whittle's, of the law power = exp(a) / frequency ** b + exp(c)."""
    expected = np.exp(law[0]) * frequency ** -law[1] + np.exp(law[2])
    return np.mean(np.log(expected) + power / expected)


def main() -> None:
    """Fit, report, plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--out", default="spectrum.png")
    options = parser.parse_args()

    rng = np.random.default_rng(0)
    clean, held = photograph("china.jpg"), photograph("flower.jpg")
    noisy, held_noisy = (image + rng.normal(0, NOISE, image.shape) for image in (clean, held))
    scale = NOISE**2  # in which errors are of the size of 1
    found = minimize(
        fastvjp.value_and_grad(lambda gains: error(gains, noisy, clean) / scale), np.ones(BANDS), jac=True,
        method="L-BFGS-B", options={"maxiter": options.steps, "ftol": 0, "gtol": 1e-10},
    )  # fmt: skip
    before, after = error(np.ones(BANDS), held_noisy, held), error(found.x, held_noisy, held)
    print(f"error of the image held out: {before:.6f} before, {after:.6f} after")
    print(f"largest difference to Wiener's gains: {np.abs(found.x - wiener(noisy, clean)).max():.1e}")

    inside = (FREQUENCY > 0.01) & (FREQUENCY < 0.5)
    power = np.abs(np.fft.rfft2(noisy)) ** 2 / noisy.size
    law = minimize(
        fastvjp.value_and_grad(negative_log_likelihood), np.array([-8.0, 1.0, -5.0]),
        (FREQUENCY[inside], power[inside]), jac=True,
    )  # fmt: skip
    exponent, noise = law.x[1], np.exp(law.x[2] / 2)
    print(f"spectrum: power falls with frequency to the {exponent:.2f}; noise {noise:.4f}, {NOISE} was added")
    plot(power, law.x, noisy, np.asarray(filtered(found.x, noisy)), options.out)
    print(f"saved {options.out}")


def plot(power: np.ndarray, law: np.ndarray, noisy: np.ndarray, mended: np.ndarray, path: str) -> None:
    """Save the spectrum with the law, and the image before and after."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
    means = np.bincount(BAND.ravel(), power.ravel()) / np.bincount(BAND.ravel())
    at = (np.arange(BANDS) + 0.5) * 0.5 / BANDS
    axes[0].loglog(at, means, "o", label="mean power of each band")
    axes[0].loglog(at, np.exp(law[0]) * at ** -law[1] + np.exp(law[2]), label="fitted law")
    axes[0].set(xlabel="cycles per pixel", title="Spectrum")
    axes[0].legend()
    for ax, image, title in zip(axes[1:], (noisy, mended), ("with noise", "filtered"), strict=True):
        ax.imshow(image, cmap="gray", vmin=-0.5, vmax=0.5)
        ax.set(title=title)
        ax.set_axis_off()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
