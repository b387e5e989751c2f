"""Short-time Fourier transforms: as PyTorch's and SciPy's, there and back, with gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.checks import close
from support.oracles import check_derivatives, direction

import fastvjp as fv

SETTINGS: list[dict[str, Any]] = [
    {},
    {"hop_length": 3},
    {"n_fft": 15, "hop_length": 5, "center": False},
    {"win_length": 10, "pad_mode": "constant"},
    {"window": 12, "hop_length": 4, "norm": "ortho"},
    {"window": 16, "onesided": False},
]


def keywords(setting: dict[str, Any]) -> dict[str, Any]:
    """With a window of so many points, none of which is zero."""
    found = {"n_fft": 16} | setting
    if "window" in found:
        found["window"] = np.hamming(found["window"])
    return found


@pytest.mark.parametrize("setting", SETTINGS)
def test_as_pytorch(setting: dict[str, Any], rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    named = keywords(setting)
    given = dict(named)
    norm = given.pop("norm", None)
    if "window" in given:
        window = given["window"]
        given |= {"window": torch.tensor(window), "win_length": window.size}
    else:
        given["window"] = torch.ones(given.get("win_length", given["n_fft"]), dtype=torch.float64)
    x = rng.normal(size=(2, 61))
    theirs = torch.tensor(x, requires_grad=True)
    expected = torch.stft(theirs, return_complex=True, normalized=norm == "ortho", **given)
    ours = lambda x: fv.fft.stft(x, **named)  # noqa: E731
    close(ours(x), expected.detach().numpy(), atol=1e-10)
    u = direction(rng, expected.detach().numpy())
    expected.backward(torch.tensor(u))
    close(fv.vjp(ours, [x], [u])[1][0], theirs.grad.numpy(), atol=1e-10)


def test_as_scipy(rng: np.random.Generator) -> None:
    signal = pytest.importorskip("scipy.signal")
    x, window = rng.normal(size=200), np.hanning(32)
    _, _, expected = signal.stft(x, window=window, nperseg=32, noverlap=24, boundary=None, padded=False)
    found = fv.fft.stft(x, 32, 8, window=window, center=False)
    close(found / window.sum(), expected, atol=1e-12)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("length", [None, 40, 70])
def test_there_and_back(setting: dict[str, Any], length: int | None, rng: np.random.Generator) -> None:
    named = keywords(setting)
    x = rng.normal(size=(2, 61))
    spectra = fv.fft.stft(x, **named)
    named.pop("pad_mode", None)
    found = np.real(np.asarray(fv.fft.istft(spectra, length=length, **named)))
    if length is not None:
        assert found.shape == (2, length)
    whole = min(found.shape[1], 56 if setting.get("center", True) else 60)
    close(found[:, :whole], x[:, :whole], atol=1e-12)


def test_complex_signals(rng: np.random.Generator) -> None:
    z = direction(rng, np.empty(50, complex))
    spectra = fv.fft.stft(z, 8)
    assert spectra.shape == (8, 26)
    close(fv.fft.istft(spectra, onesided=False), z, atol=1e-12)
    assert fv.fft.stft(z.astype(np.complex64), 8).dtype == np.complex64


def through(x: Any, window: Any) -> Any:
    """A signal whose spectra were changed."""
    spectra = fv.fft.stft(x, 8, 3, window=window)
    return fv.fft.istft(spectra * fv.real(spectra * fv.conj(spectra)), 8, 3, window=window)


def test_derivatives(rng: np.random.Generator) -> None:
    x, window = rng.normal(size=(2, 20)), rng.uniform(0.5, 1, size=8)
    smooth = lambda x, w: [np.asarray(through(x, w))]  # noqa: E731
    check_derivatives(lambda x, w: [through(x, w)], smooth, [x, window], rng)
    gradient = fv.grad(lambda x, w: fv.sum(through(x, w) ** 2), argnums=(0, 1))
    check_derivatives(
        lambda x, w: list(gradient(x, w)), lambda x, w: [*map(np.asarray, gradient(x, w))], [x, window], rng
    )
    rows = [through(row, window) for row in x]
    close(fv.vmap(lambda x: through(x, window))(x), np.stack(rows))


def test_where_no_window_reaches(rng: np.random.Generator) -> None:
    """Values and gradients are zero, not nan."""
    x, window = rng.normal(size=64), np.hanning(16)
    named: dict[str, Any] = {"n_fft": 16, "window": window, "center": False}
    back = lambda x: fv.fft.istft(fv.fft.stft(x, **named), length=80, **named)  # noqa: E731
    found = np.asarray(back(x))
    close(found[1:63], x[1:63], atol=1e-12)
    assert found[0] == 0 and not found[64:].any()
    assert np.isfinite(np.asarray(fv.grad(lambda x: fv.sum(back(x) ** 2))(x))).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: fv.fft.stft(x, 16, center=False),
            r"\[stft\] 12 samples are less than a frame\. Expected: n_fft=16",
        ),
        (lambda x: fv.fft.stft(x, 0), r"\[stft\] Expected n_fft and hop_length of at least 1, got 0 and 0"),
        (lambda x: fv.fft.stft(x, 8, -1), r"got 8 and -1"),
        (lambda x: fv.fft.stft(x, 8, win_length=9), r"A window of shape \(9,\) with win_length=9 does not fit"),
        (
            lambda x: fv.fft.stft(x, 8, win_length=4, window=np.ones(5)),
            r"A window of shape \(5,\) with win_length=4",
        ),
        (lambda x: fv.fft.stft(x, 8, window=np.ones((2, 2))), r"A window of shape \(2, 2\)"),
        (lambda x: fv.fft.stft(x[0], 8), r"\[stft\] Expected an axis of samples"),
        (fv.fft.istft, r"\[istft\] Expected axes of frequencies and frames, got the shape \(12,\)"),
        (lambda x: fv.fft.istft(x.reshape(3, 4), 6), r"\[istft\] 3 frequencies do not fit frames of n_fft=6"),
    ],
)
def test_what_does_not_fit(call: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(fv.ones(12))
    with pytest.raises(TypeError, match=r"\[rfft\] Unsupported dtype complex64"):
        fv.fft.stft(fv.ones(12, dtype="complex64"), 8, onesided=True)
