"""Rounding.

Operands broadcast against one another and are promoted as in NumPy 2: see `elementwise`.
"""

from __future__ import annotations

import builtins

import numpy as np

from ..arrays.array import array
from ..arrays.calls import recorded, unary
from ..arrays.emit import cast, emit
from ..arrays.public import public
from ..core.avals import inexact, kind_of
from .arithmetic import divide, multiply
from .common import ArrayLike, as_array, require
from .elementwise import itself, rounding
from .logical import less, where


@public(unary, numpy=np.floor)
def floor(a: ArrayLike) -> array:
    """Largest integers that are not greater, in the dtype of the operand, which is real.

    Example:
        >>> import fastvjp
        >>> fastvjp.floor(fastvjp.array([1.5, -1.5]))
        array([1, -2], dtype=float32)
    """
    return rounding("floor", a)


@public(unary, numpy=np.ceil)
def ceil(a: ArrayLike) -> array:
    """Smallest integers that are not less, in the dtype of the operand, which is real.

    Example:
        >>> import fastvjp
        >>> fastvjp.ceil(fastvjp.array([1.5, -1.5]))
        array([2, -1], dtype=float32)
    """
    return rounding("ceil", a)


@public(unary, numpy=(np.trunc, np.fix))
def trunc(a: ArrayLike) -> array:
    """Integers next towards 0, in the dtype of the operand, which is real.

    Example:
        >>> import fastvjp
        >>> fastvjp.trunc(fastvjp.array([1.5, -1.5]))
        array([1, -1], dtype=float32)
    """
    x = as_array(a, "trunc")
    require("trunc", x._var.aval.dtype, "biuf")
    return where(less(x, 0), ceil(x), floor(x)) if kind_of(x._var.aval.dtype) == "f" else itself(x)


@public(recorded(), numpy=(np.round, np.around, np.rint), method=True)
def round(a: ArrayLike, decimals: int = 0) -> array:
    """Nearest number of so many decimals, halves to the even neighbour, in the dtype of the operand.

    Computed as in NumPy: scaled by a power of ten, rounded, and scaled back.

    Args:
        a: any array; the parts of complex numbers are rounded each for itself.
        decimals: negative ones round to tens, hundreds, ...

    Example:
        >>> import fastvjp
        >>> fastvjp.round(fastvjp.array([1.25, 2.5]), 1)
        array([1.2, 2.5], dtype=float32)
    """
    x = as_array(a, "round")
    dtype = x._var.aval.dtype
    if kind_of(dtype) not in "fc":
        return itself(x) if decimals >= 0 else cast(round(cast(x, inexact(dtype)), decimals), dtype)
    if decimals == 0:
        return emit("round", x)
    factor = 10.0 ** builtins.abs(decimals)
    if decimals > 0:
        return divide(emit("round", multiply(x, factor)), factor)
    return multiply(emit("round", divide(x, factor)), factor)
