"""Functions of NumPy that are given the values of arrays: their results have no gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...arrays.array import array, as_array, numpy_of
from ...arrays.public import implements


class Lacking(TypeError):
    """We have no such function, or it does not take such an argument: only NumPy's, on values, does."""


_FUNCTIONS = (
    np.array2string, np.array_repr, np.array_str, np.digitize, np.isin, np.lexsort,
    np.may_share_memory, np.nanargmax, np.nanargmin, np.save, np.savetxt, np.savez,
    np.savez_compressed, np.shares_memory, np.spacing,
)  # fmt: skip


def _freely(function: Callable[..., Any]) -> Callable[..., Any]:
    """It prints, or gives integers or truth values, so that no gradient is lost by what it reads."""

    def constant(*args: Any, **kwargs: Any) -> Any:
        result = _called(function, args, kwargs, lambda x: numpy_of(x._var))
        return as_array(result, function.__name__) if isinstance(result, np.ndarray | np.generic) else result

    return constant


def by_values(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What NumPy's function returns for the values of arrays; an error if another thread differentiates them."""
    return _called(function, args, kwargs, np.asarray)


def _called(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    read: Callable[[array], np.ndarray],
) -> Any:
    def values(tree: Any) -> Any:
        """Arguments with NumPy arrays in the place of ours."""
        if isinstance(tree, array):
            return read(tree)
        return type(tree)(map(values, tree)) if type(tree) in (list, tuple) else tree

    return function(*values(args), **{key: values(value) for key, value in kwargs.items()})


for _function in _FUNCTIONS:
    implements(_function)(_freely(_function))
