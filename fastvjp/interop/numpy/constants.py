"""Functions of NumPy that are given the values of arrays: their results have no gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...arrays.array import array, as_array, numpy_of
from ...arrays.public import implements

_FUNCTIONS = (
    np.array2string, np.array_repr, np.array_str, np.digitize, np.lexsort, np.may_share_memory, np.save,
    np.savetxt, np.savez, np.savez_compressed, np.searchsorted, np.shares_memory,
)  # fmt: skip


def _by_values(function: Callable[..., Any]) -> Callable[..., Any]:
    def constant(*args: Any, **kwargs: Any) -> Any:
        result = by_values(function, args, kwargs)
        return as_array(result, function.__name__) if isinstance(result, np.ndarray | np.generic) else result

    return constant


def by_values(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What NumPy's function returns for the values of arrays."""
    return function(*_values(args), **{key: _values(value) for key, value in kwargs.items()})


def _values(tree: Any) -> Any:
    """Arguments with NumPy arrays in the place of ours."""
    if isinstance(tree, array):
        return numpy_of(tree._var)
    return type(tree)(map(_values, tree)) if type(tree) in (list, tuple) else tree


for _function in _FUNCTIONS:
    implements(_function)(_by_values(_function))
