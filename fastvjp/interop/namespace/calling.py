"""NumPy's functions that call Python functions, walk over elements, or build arrays by an index."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array, as_array, as_arrays
from ...arrays.public import implements
from .modules import holds_array, instead, lifted, replace


def _stacked(results: list[Any], shape: tuple[int, ...]) -> Any:
    """Results of a function for each place of a shape as an array, or a tuple of them."""
    if isinstance(results[0], tuple):
        return tuple([_stacked(list(part), shape) for part in zip(*results, strict=True)])
    whole = as_array(results, "array")
    return ops.reshape(whole, shape + whole.shape[1:])


class vectorize:
    """`numpy.vectorize` whose function may be given, and may return, recorded arrays without axes."""

    def __init__(self, pyfunc: Any = np._NoValue, *args: Any, **options: Any) -> None:
        self._plain: Any = np.vectorize(pyfunc, *args, **options)
        self._options = options

    def __call__(self, *args: Any, **options: Any) -> Any:
        """The function of each element."""
        plain = self._plain
        if plain.pyfunc is np._NoValue:  # a decorator with options
            return vectorize(args[0], **self._options)
        given = list(map(lifted, (*args, *options.values())))
        if not any(type(x) is array for x in given):
            return plain(*args, **options)
        if plain.signature is not None or plain.excluded:
            raise TypeError(
                "[np.vectorize] signature= and excluded= do not take traced arrays. Hint: fastvjp.vmap."
            )
        wide = np.broadcast_arrays(*given)
        results = []
        for place in np.ndindex(wide[0].shape):
            elements = [x[place] for x in wide]
            named = dict(zip(options, elements[len(args) :], strict=True))
            results.append(plain.pyfunc(*elements[: len(args)], **named))
        return _stacked(results, wide[0].shape)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)


replace(np.vectorize, vectorize)


@instead(np.apply_along_axis)  # also of constants: the function may have traced values
@implements(np.apply_along_axis)
def _apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **options: Any) -> Any:
    x = ops.moveaxis(as_array(arr, "apply_along_axis"), axis, -1)
    lead = x.shape[:-1]
    found = _stacked([func1d(x[place], *args, **options) for place in np.ndindex(lead)], lead)
    at = axis % x.ndim
    inner = found.ndim - len(lead)
    return ops.moveaxis(found, list(range(len(lead), found.ndim)), list(range(at, at + inner))) if inner else found


@instead(np.piecewise)
@implements(np.piecewise)
def _piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **options: Any) -> Any:
    x = as_array(x, "piecewise")
    conditions = [np.asarray(c) for c in (condlist if np.ndim(condlist[0]) or not x.ndim else [condlist])]
    if len(funclist) == len(conditions) + 1:
        conditions.append(~np.any(conditions, axis=0))
    result = ops.zeros_like(x)
    for condition, function in zip(conditions, funclist, strict=True):
        result[condition] = function(x[condition], *args, **options) if callable(function) else function
    return result


@implements(np.block)
def _block(arrays: Any) -> Any:
    def depth(part: Any) -> int:
        return 1 + depth(part[0]) if isinstance(part, list) else 0

    def joined(part: Any, axis: int) -> Any:
        if not isinstance(part, list):
            return widened(next(found))
        return ops.concatenate([joined(p, axis + 1) for p in part], axis)

    def widened(x: array) -> array:
        return ops.reshape(x, (1,) * (levels - x.ndim) + x.shape)

    def leaves(part: Any) -> Iterator[Any]:
        yield from itertools.chain.from_iterable(map(leaves, part)) if isinstance(part, list) else [part]

    levels, parts = depth(arrays), as_arrays(list(leaves(arrays)), "block")
    ndim, found = max(levels, *[x.ndim for x in parts]), iter(parts)
    first, levels = ndim - levels, ndim
    return joined(arrays, first) if isinstance(arrays, list) else joined(arrays, first).copy()


@instead(np.ndenumerate)
def _ndenumerate(arr: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    if not holds_array(arr):
        return iter(np.ndenumerate(arr))
    x = as_array(arr, "ndenumerate")
    return ((place, x[place]) for place in np.ndindex(x.shape))


class _Joined:
    """`np.r_` and `np.c_` of recorded arrays."""

    def __init__(self, plain: Any, columns: bool) -> None:
        self._plain = plain
        self._columns = columns

    def __getitem__(self, key: Any) -> Any:
        items = key if isinstance(key, tuple) else (key,)
        if not any(map(holds_array, items)):
            return self._plain[key]
        if any(isinstance(item, str) for item in items):
            name = "c_" if self._columns else "r_"
            raise TypeError(f"[np.{name}] Directives are not supported in a recording. Hint: np.concatenate.")
        parts = [as_array(np.r_[x] if isinstance(x, slice) else x, "r_") for x in items]
        if self._columns:
            return np.column_stack([ops.atleast_1d(x) for x in parts])
        return np.concatenate([ops.atleast_1d(x) for x in parts])


replace(np.r_, _Joined(np.r_, columns=False))
replace(np.c_, _Joined(np.c_, columns=True))
