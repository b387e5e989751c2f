"""Fourier transforms of overlapping frames, and signals of them."""

from __future__ import annotations

import operator
from typing import Any

from ..arrays.array import array, as_array
from ..arrays.emit import conjugated, emit, filled, section
from ..arrays.public import public
from ..core.dtypes import finfo
from ..core.layouts import contiguous_strides
from .arithmetic import abs, divide, multiply, square
from .broadcasting import broadcast_to
from .common import ArrayLike
from .creation import ones
from .fourier import fft, ifft, irfft, rfft
from .joining import pad
from .logical import less_equal, where
from .shape import swapaxes
from .windows import windowed


@public(within="fft")
def stft(
    x: ArrayLike,
    n_fft: int = 2048,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: ArrayLike | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    norm: str | None = "backward",
    onesided: bool | None = None,
) -> array:
    """Fourier transforms of overlapping frames of a signal, as `mlx.core.fft.stft` and `torch.stft`.

    `scipy.signal.stft` divides these by the sum of the window.

    Args:
        x: signals along the last axis, real or complex.
        n_fft: length of a frame and of its transform.
        hop_length: distance of frames; by default n_fft // 4.
        win_length: length of the window, if none is given; by default n_fft.
        window: by which frames are multiplied, of length n_fft or shorter, then in their middle; by default ones.
        center: pad the signals by n_fft // 2 at both ends, so that frame t is around the sample t * hop_length.
        pad_mode: how, as of `pad`.
        norm: as of `fft`.
        onesided: whether there are only the frequencies of `rfft`; by default if `x` and `window` are real.

    Returns:
        Complex array of shape (..., frequencies, frames).

    Raises:
        ValueError: the signal is shorter than a frame, or lengths that do not fit each other.
        TypeError: `onesided` of complex signals.

    Example:
        >>> import fastvjp
        >>> fastvjp.fft.stft(fastvjp.ones(100), n_fft=16, hop_length=4).shape
        (9, 26)
    """
    size, hop = _frame_sizes("stft", n_fft, hop_length)
    a, weights = as_array(x, "stft"), _window("stft", window, win_length, size)
    if a.ndim == 0:
        raise ValueError("[stft] Expected an axis of samples, got a number.")
    if center:
        a = pad(a, ((0, 0),) * (a.ndim - 1) + ((size // 2,) * 2,), pad_mode)
    count = (a.shape[-1] - size) // hop + 1
    if count < 1:
        raise ValueError(f"[stft] {a.shape[-1]} samples are less than a frame. Expected: n_fft={size} or more.")
    strides = contiguous_strides(a.shape)
    a = windowed("stft", a, (*a.shape[:-1], count, size), (*strides[:-1], hop, 1), 0)
    frames = a if weights is None else multiply(a, weights)
    real = frames.dtype.kind != "c"
    transform = rfft if (real if onesided is None else onesided) else fft
    return swapaxes(transform(frames, norm=norm), -1, -2)


@public(within="fft")
def istft(
    stft_matrix: ArrayLike,
    n_fft: int | None = None,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: ArrayLike | None = None,
    center: bool = True,
    norm: str | None = "backward",
    onesided: bool | None = None,
    length: int | None = None,
) -> array:
    """Inverse of `stft`: the sum of the frames times the window, divided by the sum of the squared windows.

    That is the signal whose `stft` is nearest (Griffin and Lim, "Signal estimation from modified short-time
    Fourier transform", 1984). Where no window reaches, it is zero.

    Args:
        stft_matrix: array of shape (..., frequencies, frames).
        n_fft: length of a frame; by default what fits the frequencies, even if `onesided`.
        hop_length: as of `stft`.
        win_length: as of `stft`.
        window: as of `stft`.
        center: whether the signals were padded, by what is then left out.
        norm: as of `ifft`.
        onesided: whether there are only the frequencies of `rfft`, of real signals; by default so.
        length: number of samples to return, after which the signal is cut, or zeros are put behind it.

    Returns:
        Array of shape (..., samples): real or, unless `onesided`, complex.

    Raises:
        ValueError: lengths that do not fit each other.

    Example:
        >>> import fastvjp
        >>> spectra = fastvjp.fft.stft(fastvjp.ones(8), n_fft=4)
        >>> fastvjp.fft.istft(spectra, n_fft=4)
        array([1, 1, 1, 1, 1, 1, 1, 1], dtype=float32)
    """
    spectra, half = as_array(stft_matrix, "istft"), onesided is None or onesided
    if spectra.ndim < 2:
        raise ValueError(f"[istft] Expected axes of frequencies and frames, got the shape {spectra.shape}.")
    frequencies, count = spectra.shape[-2:]
    size, hop = _frame_sizes(
        "istft", (2 * frequencies - 2 if half else frequencies) if n_fft is None else n_fft, hop_length
    )
    if frequencies != (size // 2 + 1 if half else size):
        raise ValueError(f"[istft] {frequencies} frequencies do not fit frames of n_fft={size}.")
    frames = swapaxes(spectra, -1, -2)
    frames = irfft(frames, size, norm=norm) if half else ifft(frames, norm=norm)
    weights = _window("istft", window, win_length, size)
    if weights is None:
        weights = filled((size,), frames.real, 1)
    frames, shares = multiply(frames, conjugated(weights)), square(abs(weights))
    total = size + hop * max(count - 1, 0)
    summed, share = _overlapped(frames, hop, total), _overlapped(broadcast_to(shares, (count, size)), hop, total)
    none = less_equal(share, finfo(share.dtype).tiny)
    signal = where(none, 0, divide(summed, where(none, 1, share)))
    first, last = (size // 2, total - size // 2) if center else (0, total)
    last = last if length is None else first + length
    signal = section(signal, signal.ndim - 1, min(first, total), min(last, total))
    missing = max(last - max(first, total), 0)
    return pad(signal, ((0, 0),) * (signal.ndim - 1) + ((0, missing),)) if missing else signal


def _overlapped(frames: array, hop: int, total: int) -> array:
    """Frames, in the last two axes, added up at their places in signals of so many samples."""
    lead = frames.shape[:-2]
    strides = (*contiguous_strides((*lead, total))[:-1], hop, 1)
    return emit("strided_add", filled((*lead, total), frames), frames, strides=strides, offset=0)


def _frame_sizes(name: str, n_fft: Any, hop_length: Any) -> tuple[int, int]:
    size = operator.index(n_fft)
    hop = size // 4 if hop_length is None else operator.index(hop_length)
    if size < 1 or hop < 1:
        raise ValueError(f"[{name}] Expected n_fft and hop_length of at least 1, got {size} and {hop}.")
    return size, hop


def _window(name: str, window: Any, win_length: Any, size: int) -> array | None:
    """The window in the middle of a frame; None for ones all along."""
    if window is None and win_length in (None, size):
        return None
    given = ones(operator.index(win_length)) if window is None else as_array(window, name)
    if given.ndim != 1 or not 0 < given.size <= size or win_length not in (None, given.size):
        raise ValueError(
            f"[{name}] A window of shape {given.shape} with win_length={win_length} does not fit frames of "
            f"n_fft={size}. Expected: one axis, win_length numbers if that is given, and no more than n_fft."
        )
    before = (size - given.size) // 2
    return pad(given, (before, size - given.size - before))
