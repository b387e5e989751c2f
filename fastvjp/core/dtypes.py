"""Kinds of dtypes, and constants, under the names of `mlx.core`: they are NumPy's, to which bfloat16 is added."""

import math
from typing import Any

import numpy as np

from .avals import as_dtype, float16, is_bfloat16

Dtype = np.dtype
generic, number, integer, inexact = np.generic, np.number, np.integer, np.inexact
signedinteger, unsignedinteger = np.signedinteger, np.unsignedinteger
floating, complexfloating = np.floating, np.complexfloating
iinfo = np.iinfo
broadcast_shapes = np.broadcast_shapes

e, pi, inf, nan, euler_gamma = math.e, math.pi, math.inf, math.nan, np.euler_gamma
newaxis = None


def finfo(dtype: Any) -> Any:
    """Limits of a floating dtype, or of an array's, as `numpy.finfo`, for bfloat16 too.

    Example:
        >>> import fastvjp
        >>> float(fastvjp.finfo(fastvjp.bfloat16).eps)
        0.0078125
    """
    try:
        return np.finfo(dtype)
    except (TypeError, ValueError):
        import ml_dtypes

        return ml_dtypes.finfo(getattr(dtype, "dtype", dtype))


def _imported(dtype: Any) -> Any:
    """A dtype of which NumPy knows."""
    return as_dtype(dtype, "dtype") if is_bfloat16(dtype) else dtype


def issubdtype(arg1: Any, arg2: Any) -> bool:
    """Whether a dtype is another one, or of a kind, as `numpy.issubdtype`; bfloat16 is floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.issubdtype(fastvjp.bfloat16, fastvjp.floating)
        True
    """
    arg1, arg2 = _imported(arg1), _imported(arg2)
    return np.issubdtype(arg1, arg2) or (is_bfloat16(arg1) and np.issubdtype(floating, arg2))


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a dtype is of a kind of the array API standard, as `numpy.isdtype`; bfloat16 is real floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.isdtype(fastvjp.bfloat16, "real floating")
        True
    """
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if is_bfloat16(dtype):  # NumPy refuses to answer
        return any(is_bfloat16(k) or k in ("real floating", "numeric") for k in kinds)
    return np.isdtype(dtype, kind)


def can_cast(from_: Any, to: Any, casting: Any = "safe") -> bool:
    """Whether a dtype, or that of an array, may be cast to another one, as `numpy.can_cast`.

    Example:
        >>> import fastvjp
        >>> fastvjp.can_cast(fastvjp.bfloat16, fastvjp.float32), fastvjp.can_cast(fastvjp.float32, fastvjp.float16)
        (True, False)
    """
    own, wanted = _imported(getattr(from_, "dtype", from_)), np.dtype(_imported(to))
    if casting == "same_kind":  # of which NumPy knows nothing for bfloat16
        own, wanted = (float16 if is_bfloat16(d) else d for d in (own, wanted))
    return np.can_cast(own, wanted, casting)
