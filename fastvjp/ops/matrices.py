"""What linear algebra shares: operands as matrices in floating point, of which some must fit others."""

from __future__ import annotations

import numpy as np

from ..arrays.array import array, as_array, as_arrays
from ..arrays.emit import cast, promoted, reshaped
from ..core.avals import COMPUTED, inexact
from .common import ArrayLike, require


def matrices(name: str, a: ArrayLike) -> array:
    """Matrices in the last two axes, in floating point."""
    x = floating(name, as_array(a, name))
    if x.ndim < 2:
        raise np.linalg.LinAlgError(
            f"[{name}] Expected matrices, in the last two axes of at least two, got the shape {x.shape}."
        )
    return x


def square(name: str, a: ArrayLike) -> array:
    """Square matrices in floating point."""
    x = floating(name, as_array(a, name))
    require_square(name, x)
    return x


def floating(name: str, x: array) -> array:
    """An array in floating point, of which LAPACK has none of 16 bits."""
    require(name, x.dtype, "biufc")
    if x.dtype in COMPUTED:
        raise TypeError(f"[{name}] Unsupported dtype {x.dtype}. Hint: cast it to {COMPUTED[x.dtype]} first.")
    return cast(x, inexact(x.dtype))


def require_square(name: str, x: array) -> None:
    """LinAlgError unless the last two axes are square matrices."""
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise np.linalg.LinAlgError(
            f"[{name}] Expected square matrices in the last two axes, got the shape {x.shape}."
        )


def system(name: str, a: ArrayLike, b: ArrayLike) -> tuple[array, array, bool]:
    """Square matrices and their right hand sides as columns, in one floating dtype; whether these are a vector."""
    x, y = promoted(as_arrays([a, b], name))
    x, y = floating(name, x), floating(name, y)
    require_square(name, x)
    if y.ndim == 0 or y.shape[max(y.ndim - 2, 0)] != x.shape[-1]:
        raise ValueError(
            f"[{name}] Matrices of shape {x.shape} and right hand sides of shape {y.shape} do not fit. Expected: "
            f"a vector of {x.shape[-1]} elements, or as many rows in the last two axes."
        )
    return x, reshaped(y, (y.size, 1)) if y.ndim == 1 else y, y.ndim == 1
