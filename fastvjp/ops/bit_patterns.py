"""The bits of numbers, read as numbers of another dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.array import array, as_array, from_numpy, numpy_of
from ..arrays.calls import recorded
from ..arrays.emit import cast, emit, full_like_aval, reshaped, section
from ..arrays.public import public
from ..arrays.views import has_views, viewed, whole
from ..core.avals import as_dtype
from .common import ArrayLike
from .indexing import getitem


@public(method=True)
def view(a: ArrayLike, dtype: Any = None) -> array:
    """The memory of an array as numbers of another dtype: complex numbers as their parts, or bit patterns.

    Parts of complex numbers, and complex numbers of parts, have gradients; other bits are read from the values,
    and have none.

    Args:
        a: array.
        dtype: the dtype of the result; by default that of `a`. Where it is of another size, the last axis is
            longer or shorter.

    Returns:
        Array of that dtype; a view where slices are views, to which one may write unless it shows other bits.

    Raises:
        TracedValueError: the values are not known (under vmap or compile).
        ValueError: the last axis cannot be cut so, or there is none.

    Example:
        >>> import fastvjp
        >>> fastvjp.view(fastvjp.array([1.0, -1.0]), fastvjp.uint32)
        array([1065353216, 3212836864], dtype=uint32)
        >>> fastvjp.view(fastvjp.array([1 + 2j, 3]), fastvjp.float32)
        array([1, 2, 3, 0], dtype=float32)
    """
    x = as_array(a, "view")
    nothing = dtype is None or dtype is np.ndarray  # not by ==, as NumPy has None equal float64
    wanted = x.dtype if nothing else as_dtype(dtype, "view")
    if x.dtype == wanted:
        return getitem(x, Ellipsis) if has_views(x) else whole(x)
    if x.ndim and {x.dtype, wanted} in _PAIRS and (wanted.kind == "f" or x.shape[-1] % 2 == 0):
        return _view(x, wanted)
    try:
        found = _bits(x, wanted)
    except ValueError:
        raise ValueError(
            f"[view] An array {x._var.aval} cannot be seen as {wanted} along its last axis."
        ) from None
    return viewed(found, x, _bits, _no_bits, (wanted,)) if has_views(x) else found


_PAIRS = [{np.dtype(np.float64), np.dtype(np.complex128)}, {np.dtype(np.float32), np.dtype(np.complex64)}]


def _bits(x: array, dtype: np.dtype) -> array:
    return from_numpy(np.ascontiguousarray(numpy_of(x._var)).reshape(x.shape).view(dtype), "view")


def _no_bits(base: array, value: array, dtype: np.dtype) -> array:
    raise ValueError(
        f"[view] The bits of an array of {base.dtype} cannot be written as {dtype}. Hint: x.view({dtype}).copy()."
    )


def _set_view(base: array, value: array, dtype: np.dtype) -> array:
    """What writing to a view writes: seeing it as it was is the inverse."""
    return _in_pairs(value) if base.dtype.kind == "c" else _parts(value)


@recorded(view=_set_view)
def _view(x: array, dtype: np.dtype) -> array:
    return _in_pairs(x) if dtype.kind == "c" else _parts(x)


def _in_pairs(x: array) -> array:
    """Complex numbers of neighbours along the last axis."""
    last, n = x.ndim - 1, x.shape[-1]
    dtype = np.result_type(x.dtype, np.complex64)
    first, second = [cast(section(x, last, i, n, 2), dtype) for i in (0, 1)]
    return emit("add", first, emit("multiply", second, full_like_aval(second._var.aval, 1j)))


def _parts(x: array) -> array:
    """Real and imaginary parts one behind the other along the last axis."""
    pairs = [reshaped(emit(part, x), (*x.shape, 1)) for part in ("real", "imag")]
    return reshaped(emit("concatenate", *pairs, axis=x.ndim), (*x.shape[:-1], 2 * x.shape[-1]))
