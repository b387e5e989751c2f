"""Discrete Fourier transforms: complex to complex over several axes, real to complex and back along one.

A transform of length n is the sum over j of x_j exp(-2 pi i j k / n), with a plus for an inverse one, divided by
n ** (norm / 2). Its adjoint is the same with the other sign, whatever the norm. Cotangents of complex numbers are
those of PyTorch: of a real function, derivative by the real part + i times that by the imaginary part.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..arrays.array import array
from ..arrays.emit import constant, emit, spread
from ..core.avals import Aval, aval, complex64, complex128, float32, float64
from ..core.primitive import Primitive, structural
from .scans import along
from .views import Shape, same

COMPLEX: dict[np.dtype, np.dtype] = {float32: complex64, float64: complex128}
"""Complex dtypes by those of their parts."""
REAL: dict[np.dtype, np.dtype] = {c: f for f, c in COMPLEX.items()}


def _half(x: Aval, axis: int, norm: int) -> Aval:
    return aval((*x.shape[:axis], x.shape[axis] // 2 + 1, *x.shape[axis + 1 :]), COMPLEX[x.dtype])


def _whole(x: Aval, axis: int, n: int, norm: int) -> Aval:
    return aval((*x.shape[:axis], n, *x.shape[axis + 1 :]), REAL[x.dtype])


# --- derivatives -----------------------------------------------------------------------------------------


def _fft(g: array, axes: Shape, inverse: bool, norm: int) -> array:
    return emit("fft", g, axes=axes, inverse=not inverse, norm=norm)


def _rfft(g: array, x: array, axis: int, norm: int) -> array:
    """x_j takes the real part of the sum over the k <= n / 2 of g_k exp(2 pi i j k / n).

    `irfft` counts those but the ends twice, as it adds their conjugates at n - k: so they are halved.
    """
    n = x.shape[axis]
    return emit("irfft", _weighted(g, axis, n, 0.5), axis=axis, n=n, norm=norm)


def _irfft(g: array, axis: int, n: int, norm: int) -> array:
    """The adjoint of the above: frequencies but the ends count twice.

    The imaginary parts of the ends, of which `irfft` takes no notice, are those of `rfft`: zero.
    """
    return _weighted(emit("rfft", g, axis=axis, norm=norm), axis, n, 2)


def _weighted(x: array, axis: int, n: int, weight: float) -> array:
    """Half a spectrum of n frequencies, with this weight for those that have a conjugate in the other half."""
    weights = np.full(n // 2 + 1, weight, x.dtype)
    weights[:: max(n // 2, 1) if n % 2 == 0 else len(weights)] = 1
    line = constant(weights.reshape((-1,) + (1,) * (x.ndim - axis - 1)))
    return emit("multiply", x, spread(line, x.shape))


def _axes_behind(
    p: Primitive, xs: Sequence[array], batched: Sequence[bool], size: int, axes: Shape, **params: int
) -> list[array]:
    return [emit(p.name, xs[0], axes=tuple([a + 1 for a in axes]), **params)]


structural("fft", "x", same, vjp={"x": _fft}, batch=_axes_behind, on="cpu")
structural("rfft", "x", _half, vjp={"x": _rfft}, batch=along, on="cpu")
structural("irfft", "x", _whole, vjp={"x": _irfft}, batch=along, on="cpu")
