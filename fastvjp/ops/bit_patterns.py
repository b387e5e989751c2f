"""The bits of numbers, read as numbers of another dtype."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.array import array, as_array, from_numpy, numpy_of
from ..arrays.public import public
from ..core.avals import as_dtype
from .common import ArrayLike


@public(method=True)
def view(a: ArrayLike, dtype: Any) -> array:
    """The bits of an array as numbers of another dtype; reads the values, and has no gradient.

    Args:
        a: array.
        dtype: the dtype of the result. Where it is of another size, the last axis is longer or shorter.

    Returns:
        Array of that dtype; `a` itself, with its gradient, where it has it.

    Raises:
        TracedValueError: the values are not known (under vmap or compile).
        ValueError: the last axis cannot be cut so, or there is none.

    Example:
        >>> import fastvjp
        >>> fastvjp.view(fastvjp.array([1.0, -1.0]), fastvjp.uint32)
        array([1065353216, 3212836864], dtype=uint32)
    """
    x, wanted = as_array(a, "view"), as_dtype(dtype, "view")
    if x.dtype == wanted:
        return array._of(x._var)
    try:
        return from_numpy(np.ascontiguousarray(numpy_of(x._var)).reshape(x.shape).view(wanted), "view")
    except ValueError:
        raise ValueError(
            f"[view] An array {x._var.aval} cannot be seen as {wanted} along its last axis."
        ) from None
