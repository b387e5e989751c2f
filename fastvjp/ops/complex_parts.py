"""Casts and the parts of complex numbers.

Operands broadcast against one another and are promoted as in NumPy 2: see `elementwise`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.array import array
from ..arrays.calls import recorded, unary
from ..arrays.emit import cast, emit, full_like_aval
from ..arrays.public import public
from ..arrays.views import has_views, placed
from ..core.avals import as_dtype
from ..devices import check_stream
from .common import ArrayLike, as_array
from .elementwise import floating, itself
from .indexing import fitted
from .trigonometric import degrees


@public(numpy=np.astype, method=True)
def astype(a: ArrayLike, dtype: Any, order: Any = "K", *, copy: bool = True) -> array:
    """Cast to another dtype; from complex to real the imaginary part is dropped.

    Args:
        a: an array.
        dtype: the element type of the result.
        order: of NumPy's result in memory, which only `ravel` and its kin in the orders "A" and "K" can tell;
            MLX has the stream in its place, which makes no difference.
        copy: where slices are views, False gives `a` itself if it has the dtype; elsewhere arrays are values.

    Raises:
        TypeError: the dtype is not supported.

    Example:
        >>> import fastvjp
        >>> fastvjp.astype(fastvjp.array([1.7, -1.7]), "int32")
        array([1, -1], dtype=int32)
    """
    wanted = as_dtype(dtype, "astype")
    if order is not None and type(order) is not str:
        check_stream(order)
        order = "K"
    if not copy and order == "K" and type(a) is array and a.dtype == wanted and has_views(a):
        return a
    cast_array = _astype(a, wanted)
    return cast_array if order == "K" else placed(cast_array, as_array(a, "astype"), order, "astype")


@recorded()
def _astype(a: ArrayLike, dtype: np.dtype) -> array:
    return itself(cast(as_array(a, "astype"), dtype))


def _set_real(base: array, value: array) -> array:
    return value if base.dtype.kind != "c" else value + 1j * imag(base)


def _set_imag(base: array, value: array) -> array:
    if base.dtype.kind != "c":
        raise ValueError(
            "[imag] The imaginary part of a real array is read-only, as NumPy's is. Hint: x.imag.copy()."
        )
    return real(base) + 1j * value


@public(recorded(view=_set_real), numpy=np.real, method=property)
def real(a: ArrayLike) -> array:
    """Real part; a real array itself.

    Example:
        >>> import fastvjp
        >>> fastvjp.real(fastvjp.array([1 + 2j, 3.0]))
        array([1, 3], dtype=float32)
    """
    x = as_array(a, "real")
    return emit("real", x) if x._var.aval.dtype.kind == "c" else itself(x)


@public(recorded(view=_set_imag), numpy=np.imag, method=property)
def imag(a: ArrayLike) -> array:
    """Imaginary part; zeros for a real array.

    Example:
        >>> import fastvjp
        >>> fastvjp.imag(fastvjp.array([1 + 2j, 3.0]))
        array([2, 0], dtype=float32)
    """
    x = as_array(a, "imag")
    return emit("imag", x) if x._var.aval.dtype.kind == "c" else full_like_aval(x._var.aval, 0)


def real_set(self: array, value: ArrayLike) -> None:
    """`x.real = value`, in place."""
    self._var = _set_real(self, fitted(value, real(self), self.shape, "real"))._var


def imag_set(self: array, value: ArrayLike) -> None:
    """`x.imag = value`, in place."""
    self._var = _set_imag(self, fitted(value, imag(self), self.shape, "imag"))._var


@public(unary, numpy=np.conjugate)
def conjugate(a: ArrayLike) -> array:
    """Complex conjugate; a real array itself.

    Example:
        >>> import fastvjp
        >>> fastvjp.conjugate(1 + 2j)
        array(1-2j, dtype=complex64)
    """
    x = as_array(a, "conjugate")
    return emit("conjugate", x) if x._var.aval.dtype.kind == "c" else itself(x)


conj = conjugate


@public(recorded(), numpy=np.angle)
def angle(a: ArrayLike, deg: bool = False) -> array:
    """Angle in [-pi, pi] of complex numbers (0 or pi of real ones), floating; in degrees if asked.

    Example:
        >>> import fastvjp
        >>> fastvjp.angle(fastvjp.array([1j, -1.0]))
        array([1.5708, 3.14159], dtype=float32)
    """
    result = floating("angle", a)
    return degrees(result) if deg else result
