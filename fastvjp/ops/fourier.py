"""Discrete Fourier transforms, as `numpy.fft` and `mlx.core.fft` have them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays.array import array, as_array
from ..arrays.calls import recorded
from ..arrays.emit import cast, conjugated, emit, filled, section, widened
from ..arrays.public import public
from ..core.avals import float32, float64
from ..core.scalars import WEAK
from ..primitives.fourier import COMPLEX
from .arithmetic import divide
from .common import ArrayLike, axis_of, require
from .joining import roll

_NORMS = {None: 0, "backward": 0, "ortho": 1, "forward": 2}
"""By which power of the square root of its length a transform divides; an inverse one by the rest of two."""

# --- along one axis --------------------------------------------------------------------------------------


@public(recorded(), within="fft", numpy=np.fft.fft)
def fft(a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = "backward") -> array:
    """Discrete Fourier transform along an axis: out_k = sum over j of a_j exp(-2 pi i j k / n).

    Args:
        a: array, real or complex.
        n: length of the transform, for which the array is cut or zeros are put behind it; by default its own.
        axis: axis.
        norm: what the sum is divided by: nothing ("backward"), n ("forward") or its square root ("ortho").

    Returns:
        Complex array: complex64 of float32 and complex64, else complex128; the size along the axis is n.

    Raises:
        ValueError: axis out of range, n less than 1, or another norm.

    Example:
        >>> import fastvjp
        >>> fastvjp.fft.fft(fastvjp.array([1.0, 0.0, 0.0, 0.0]))
        array([1+0j, 1+0j, 1+0j, 1+0j], dtype=complex64)
    """
    return _complex_along("fft", a, n, axis, norm)


@public(recorded(), within="fft", numpy=np.fft.ifft)
def ifft(a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = "backward") -> array:
    """Inverse of `fft`: out_j = sum over k of a_k exp(2 pi i j k / n), divided by n.

    Args:
        a: array, real or complex.
        n: length, as of `fft`.
        axis: axis.
        norm: what the sum is divided by: n ("backward"), its square root ("ortho") or nothing ("forward").

    Returns:
        Complex array, as of `fft`.

    Raises:
        ValueError: axis out of range, n less than 1, or another norm.

    Example:
        >>> import fastvjp
        >>> fastvjp.fft.ifft(fastvjp.fft.fft(fastvjp.array([1.0, 2.0]))).real
        array([1, 2], dtype=float32)
    """
    return _complex_along("ifft", a, n, axis, norm, inverse=True)


def _complex_along(name: str, a: ArrayLike, n: Any, axis: int, norm: Any, inverse: bool = False) -> array:
    return _over(name, a, None if n is None else (n,), (axis,), norm, inverse)


@public(recorded(), within="fft", numpy=np.fft.rfft)
def rfft(a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = "backward") -> array:
    """The half of `fft` of a real array that is not the conjugate of the other half.

    Args:
        a: real array.
        n: length, as of `fft`.
        axis: axis.
        norm: as of `fft`.

    Returns:
        Complex array, as of `fft`, of size n // 2 + 1 along the axis.

    Raises:
        TypeError: a complex array.
        ValueError: axis out of range, n less than 1, or another norm.

    Example:
        >>> import fastvjp
        >>> fastvjp.fft.rfft(fastvjp.array([1.0, 0.0, 0.0, 0.0]))
        array([1+0j, 1+0j, 1+0j], dtype=complex64)
    """
    return _half("rfft", a, n, axis, _power("rfft", norm))


@public(recorded(), within="fft", numpy=np.fft.irfft)
def irfft(a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = "backward") -> array:
    """Inverse of `rfft`.

    Args:
        a: array, of which n // 2 + 1 elements along the axis are taken, or zeros put behind it. The imaginary
            part of the first, and of the last where n is even, does not count.
        n: length of the result; by default twice one less than the size of `a`, which is even.
        axis: axis.
        norm: as of `ifft`.

    Returns:
        Real array of size n along the axis: float32 of float32 and complex64, else float64.

    Raises:
        ValueError: axis out of range, n less than 1, or another norm.

    Example:
        >>> import fastvjp
        >>> fastvjp.fft.irfft(fastvjp.fft.rfft(fastvjp.array([1.0, 2.0, 4.0])), 3)
        array([1, 2, 4], dtype=float32)
    """
    return _whole("irfft", a, n, axis, 2 - _power("irfft", norm))


@public(recorded(), within="fft", numpy=np.fft.hfft)
def hfft(a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = "backward") -> array:
    """`fft` of an array that is the conjugate of itself from behind, of which half is given: a real spectrum.

    Args:
        a: half of the array, as of `irfft`.
        n: length of the result, as of `irfft`.
        axis: axis.
        norm: as of `fft`.

    Returns:
        Real array of size n along the axis.

    Raises:
        ValueError: axis out of range, n less than 1, or another norm.

    Example:
        >>> import fastvjp
        >>> fastvjp.fft.hfft(fastvjp.array([1.0, 2.0, 1.0]))
        array([6, 0, -2, 0], dtype=float32)
    """
    return _whole("hfft", a, n, axis, _power("hfft", norm), conjugate=True)


@public(recorded(), within="fft", numpy=np.fft.ihfft)
def ihfft(a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = "backward") -> array:
    """Inverse of `hfft`.

    Args:
        a: real array.
        n: length, as of `fft`.
        axis: axis.
        norm: as of `ifft`.

    Returns:
        Complex array of size n // 2 + 1 along the axis.

    Raises:
        TypeError: a complex array.
        ValueError: axis out of range, n less than 1, or another norm.

    Example:
        >>> import fastvjp
        >>> fastvjp.fft.ihfft(fastvjp.array([6.0, 0.0, -2.0, 0.0])).real
        array([1, 2, 1], dtype=float32)
    """
    return conjugated(_half("ihfft", a, n, axis, 2 - _power("ihfft", norm)))


def _half(name: str, a: ArrayLike, n: Any, axis: int, power: int) -> array:
    x = as_array(a, name)
    require(name, x.dtype, "biuf", f"{'ifft' if name == 'ihfft' else name[1:]} takes complex arrays")
    x = widened(x)
    x = cast(x, float32 if x.dtype == float32 else float64)
    i = axis_of(axis, x.ndim, name)
    return emit("rfft", _sized(name, x, n, i), axis=i, norm=power)


def _whole(name: str, a: ArrayLike, n: Any, axis: int, power: int, conjugate: bool = False) -> array:
    x = _as_complex(name, a)
    i = axis_of(axis, x.ndim, name)
    size = _length(name, 2 * (x.shape[i] - 1) if n is None else n, i)
    x = _sized(name, conjugated(x) if conjugate else x, size // 2 + 1, i)
    return emit("irfft", x, axis=i, n=size, norm=power)


# --- over several axes -----------------------------------------------------------------------------------

Sizes = Sequence[int] | None
Axes = Sequence[int] | None


@public(recorded(), within="fft", numpy=np.fft.fftn)
def fftn(a: ArrayLike, s: Sizes = None, axes: Axes = None, norm: str | None = "backward") -> array:
    """`fft` along one axis after the other.

    Args:
        a: array, real or complex.
        s: lengths, one for each axis; -1 is the size of the array.
        axes: axes; by default all or, with `s`, as many of the last ones.
        norm: as of `fft`.

    Returns:
        Complex array, as of `fft`.

    Raises:
        ValueError: an axis out of range, unequal numbers of lengths and axes, a length less than 1, another norm.

    Example:
        >>> import fastvjp
        >>> fastvjp.fft.fftn(fastvjp.ones((2, 2)))
        array([[4+0j, 0+0j],
               [0+0j, 0+0j]], dtype=complex64)
    """
    return _over("fftn", a, s, axes, norm)


@public(recorded(), within="fft", numpy=np.fft.ifftn)
def ifftn(a: ArrayLike, s: Sizes = None, axes: Axes = None, norm: str | None = "backward") -> array:
    """`ifft` along one axis after the other.

    Args:
        a: array, real or complex.
        s: lengths, as of `fftn`.
        axes: axes, as of `fftn`.
        norm: as of `ifft`.

    Returns:
        Complex array, as of `fft`.

    Raises:
        ValueError: an axis out of range, unequal numbers of lengths and axes, a length less than 1, another norm.

    Example:
        >>> import fastvjp
        >>> fastvjp.fft.ifftn(fastvjp.fft.fftn(fastvjp.ones((2, 2)))).real
        array([[1, 1],
               [1, 1]], dtype=float32)
    """
    return _over("ifftn", a, s, axes, norm, inverse=True)


@public(recorded(), within="fft", numpy=np.fft.rfftn)
def rfftn(a: ArrayLike, s: Sizes = None, axes: Axes = None, norm: str | None = "backward") -> array:
    """`rfft` along the last of some axes, then `fft` along the others.

    Args:
        a: real array.
        s: lengths, as of `fftn`.
        axes: axes, as of `fftn`.
        norm: as of `fft`.

    Returns:
        Complex array, as of `fft`, of size n // 2 + 1 along the last of the axes.

    Raises:
        TypeError: a complex array.
        ValueError: no axis or one out of range, unequal numbers of lengths and axes, a length less than 1,
            another norm.

    Example:
        >>> import fastvjp
        >>> fastvjp.fft.rfftn(fastvjp.ones((2, 4))).shape
        (2, 3)
    """
    return _real_over("rfftn", a, s, axes, norm)


@public(recorded(), within="fft", numpy=np.fft.irfftn)
def irfftn(a: ArrayLike, s: Sizes = None, axes: Axes = None, norm: str | None = "backward") -> array:
    """Inverse of `rfftn`: `ifft` along all but the last of some axes, then `irfft` along that.

    Args:
        a: array.
        s: lengths of the result, as of `fftn`; the last by default as of `irfft`.
        axes: axes, as of `fftn`.
        norm: as of `ifft`.

    Returns:
        Real array.

    Raises:
        ValueError: no axis or one out of range, unequal numbers of lengths and axes, a length less than 1,
            another norm.

    Example:
        >>> import fastvjp
        >>> fastvjp.fft.irfftn(fastvjp.fft.rfftn(fastvjp.ones((2, 4))))
        array([[1, 1, 1, 1],
               [1, 1, 1, 1]], dtype=float32)
    """
    return _whole_over("irfftn", a, s, axes, norm)


@public(recorded(), within="fft", numpy=np.fft.fft2)
def fft2(a: ArrayLike, s: Sizes = None, axes: Axes = (-2, -1), norm: str | None = "backward") -> array:
    """`fftn` over the last two axes.

    Args:
        a: array, real or complex.
        s: lengths, as of `fftn`.
        axes: other axes.
        norm: as of `fft`.

    Returns:
        Complex array, as of `fft`.

    Raises:
        ValueError: as `fftn`.

    Example:
        >>> import fastvjp
        >>> fastvjp.fft.fft2(fastvjp.ones((3, 2, 2)))[0]
        array([[4+0j, 0+0j],
               [0+0j, 0+0j]], dtype=complex64)
    """
    return _over("fft2", a, s, axes, norm)


@public(recorded(), within="fft", numpy=np.fft.ifft2)
def ifft2(a: ArrayLike, s: Sizes = None, axes: Axes = (-2, -1), norm: str | None = "backward") -> array:
    """`ifftn` over the last two axes.

    Args:
        a: array, real or complex.
        s: lengths, as of `fftn`.
        axes: other axes.
        norm: as of `ifft`.

    Returns:
        Complex array, as of `fft`.

    Raises:
        ValueError: as `ifftn`.

    Example:
        >>> import fastvjp
        >>> fastvjp.fft.ifft2(fastvjp.array([[4.0, 0.0], [0.0, 0.0]])).real
        array([[1, 1],
               [1, 1]], dtype=float32)
    """
    return _over("ifft2", a, s, axes, norm, inverse=True)


@public(recorded(), within="fft", numpy=np.fft.rfft2)
def rfft2(a: ArrayLike, s: Sizes = None, axes: Axes = (-2, -1), norm: str | None = "backward") -> array:
    """`rfftn` over the last two axes.

    Args:
        a: real array.
        s: lengths, as of `fftn`.
        axes: other axes.
        norm: as of `fft`.

    Returns:
        Complex array, as of `rfftn`.

    Raises:
        TypeError: a complex array.
        ValueError: as `rfftn`.

    Example:
        >>> import fastvjp
        >>> fastvjp.fft.rfft2(fastvjp.ones((5, 2, 4))).shape
        (5, 2, 3)
    """
    return _real_over("rfft2", a, s, axes, norm)


@public(recorded(), within="fft", numpy=np.fft.irfft2)
def irfft2(a: ArrayLike, s: Sizes = None, axes: Axes = (-2, -1), norm: str | None = "backward") -> array:
    """`irfftn` over the last two axes.

    Args:
        a: array.
        s: lengths of the result, as of `irfftn`.
        axes: other axes.
        norm: as of `ifft`.

    Returns:
        Real array.

    Raises:
        ValueError: as `irfftn`.

    Example:
        >>> import fastvjp
        >>> fastvjp.fft.irfft2(fastvjp.fft.rfft2(fastvjp.ones((5, 2, 4)))).shape
        (5, 2, 4)
    """
    return _whole_over("irfft2", a, s, axes, norm)


def _over(name: str, a: ArrayLike, s: Any, axes: Any, norm: Any, inverse: bool = False) -> array:
    x = _as_complex(name, a)
    over, sizes = _axes_and_sizes(name, x, s, axes)
    power = _power(name, norm)
    return _each(name, x, over, sizes, inverse, 2 - power if inverse else power)


def _real_over(name: str, a: ArrayLike, s: Any, axes: Any, norm: Any) -> array:
    x, power = as_array(a, name), _power(name, norm)
    over, sizes = _axes_and_sizes(name, x, s, axes, least=1)
    x = _half(name, x, sizes[-1], over[-1], power)
    return _each(name, x, over[:-1], sizes[:-1], False, power)


def _whole_over(name: str, a: ArrayLike, s: Any, axes: Any, norm: Any) -> array:
    x, power = _as_complex(name, a), 2 - _power(name, norm)
    over, sizes = _axes_and_sizes(name, x, s, axes, least=1)
    return _whole(name, _each(name, x, over[:-1], sizes[:-1], True, power), sizes[-1], over[-1], power)


def _each(name: str, x: array, axes: tuple[int, ...], sizes: list[int | None], inverse: bool, power: int) -> array:
    """The transform along each of some axes, from the last; of an axis that is given twice, twice."""
    once = len(set(axes)) == len(axes)
    for n, i in zip(reversed(sizes), reversed(axes), strict=True):
        x = _sized(name, x, n, i)
        if not once:
            x = emit("fft", x, axes=(i,), inverse=inverse, norm=power)
    return emit("fft", x, axes=axes, inverse=inverse, norm=power) if once and axes else array._of(x._var)


# --- arguments -------------------------------------------------------------------------------------------


def _as_complex(name: str, a: ArrayLike) -> array:
    """The array in the dtype in which NumPy transforms it."""
    x = widened(as_array(a, name))
    return x if x.dtype.kind == "c" else cast(x, COMPLEX[float32 if x.dtype == float32 else float64])


def _power(name: str, norm: Any) -> int:
    """The power of the square root of n by which a forward transform divides."""
    if norm not in _NORMS:
        raise ValueError(f"[{name}] Unknown norm {norm!r}. Expected: 'backward', 'ortho' or 'forward'.")
    return _NORMS[norm]


def _axes_and_sizes(
    name: str, x: array, s: Any, axes: Any, least: int = 0
) -> tuple[tuple[int, ...], list[int | None]]:
    if axes is None:
        axes = range(-x.ndim if s is None else -len(s), 0)
    over = tuple([axis_of(i, x.ndim, name) for i in axes])
    sizes = [None] * len(over) if s is None else list(s)
    if len(sizes) != len(over):
        raise ValueError(f"[{name}] {len(sizes)} lengths do not match {len(over)} axes.")
    sizes = [x.shape[i] if n == -1 else n for n, i in zip(sizes, over, strict=True)]
    if len(over) < least:
        raise ValueError(f"[{name}] Expected at least one axis, got {axes} of the shape {x.shape}.")
    return over, sizes


def _length(name: str, n: Any, axis: int) -> int:
    size = operator.index(n)
    if size < 1:
        raise ValueError(f"[{name}] A transform of length {size} along axis {axis}. Expected: at least 1.")
    return size


def _sized(name: str, x: array, n: Any, axis: int) -> array:
    """The array with n elements along an axis: cut, or with zeros behind it."""
    size, wanted = x.shape[axis], _length(name, x.shape[axis] if n is None else n, axis)
    if size >= wanted:
        return section(x, axis, 0, wanted)
    rest = filled((*x.shape[:axis], wanted - size, *x.shape[axis + 1 :]), x)
    return emit("concatenate", x, rest, axis=axis)


# --- frequencies -----------------------------------------------------------------------------------------


@public(within="fft")
def fftfreq(n: int, d: ArrayLike = 1.0) -> array:
    """The frequencies of `fft`, in cycles for each unit in which the distance `d` of samples is measured.

    Args:
        n: length of the transform.
        d: distance of samples, a number.

    Returns:
        Array of n numbers, float32 unless `d` is an array of another dtype: 0, 1, ..., -2, -1, divided by n d.

    Raises:
        ValueError: n less than 1, or the number 0 as distance.

    Example:
        >>> import fastvjp
        >>> fastvjp.fft.fftfreq(4, 0.5)
        array([0, 0.5, -1, -0.5], dtype=float32)
    """
    size = _length("fftfreq", n, 0)
    return _frequencies("fftfreq", np.fft.ifftshift(np.arange(-(size // 2), (size + 1) // 2)), size, d)


@public(within="fft")
def rfftfreq(n: int, d: ArrayLike = 1.0) -> array:
    """The frequencies of `rfft`, as those of `fftfreq`.

    Args:
        n: length of the transform.
        d: distance of samples, a number.

    Returns:
        Array of n // 2 + 1 numbers: 0, 1, ..., divided by n d.

    Raises:
        ValueError: n less than 1, or the number 0 as distance.

    Example:
        >>> import fastvjp
        >>> fastvjp.fft.rfftfreq(4, 0.5)
        array([0, 0.5, 1], dtype=float32)
    """
    size = _length("rfftfreq", n, 0)
    return _frequencies("rfftfreq", np.arange(size // 2 + 1), size, d)


def _frequencies(name: str, numbers: np.ndarray, n: int, d: ArrayLike) -> array:
    if type(d) in WEAK and d == 0:
        raise ValueError(f"[{name}] Expected a distance of samples that is not 0.")
    return divide(numbers.astype(float32 if type(d) in WEAK else as_array(d, name).dtype), d * n)


@public(recorded(), within="fft", numpy=np.fft.fftshift)
def fftshift(x: ArrayLike, axes: int | Sequence[int] | None = None) -> array:
    """A spectrum with the frequency zero in the middle.

    Args:
        x: array.
        axes: axes to shift; by default all.

    Returns:
        Array of the shape of `x`.

    Raises:
        ValueError: an axis out of range.

    Example:
        >>> import fastvjp
        >>> fastvjp.fft.fftshift(fastvjp.fft.fftfreq(4))
        array([-0.5, -0.25, 0, 0.25], dtype=float32)
    """
    return _shifted("fftshift", x, axes, lambda n: n // 2)


@public(recorded(), within="fft", numpy=np.fft.ifftshift)
def ifftshift(x: ArrayLike, axes: int | Sequence[int] | None = None) -> array:
    """Inverse of `fftshift`.

    Args:
        x: array.
        axes: axes to shift; by default all.

    Returns:
        Array of the shape of `x`.

    Raises:
        ValueError: an axis out of range.

    Example:
        >>> import fastvjp
        >>> fastvjp.fft.ifftshift(fastvjp.array([-1.0, 0.0, 1.0]))
        array([0, 1, -1], dtype=float32)
    """
    return _shifted("ifftshift", x, axes, lambda n: -(n // 2))


def _shifted(name: str, a: ArrayLike, axes: Any, by: Any) -> array:
    x = as_array(a, name)
    given = range(x.ndim) if axes is None else axes if isinstance(axes, tuple | list) else (axes,)
    over = tuple([axis_of(i, x.ndim, name) for i in given])
    return roll(x, tuple([by(x.shape[i]) for i in over]), over)
