"""`__array_ufunc__` and `__array_function__` of our arrays: how NumPy's calls reach the tables.

An argument that a table's entry does not take is refused by name, never ignored, because a silent conversion
would lose gradients.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from types import EllipsisType
from typing import Any

import numpy as np

from .. import ops
from ..arrays.array import array, as_array
from ..arrays.calls import is_operand
from ..arrays.public import attach
from ..core.avals import as_dtype
from .numpy_functions import FUNCTIONS, OVER_AXES, SCIPY_UFUNCS, UFUNCS
from .operators import kept

CONSTANTS = "Hint: np.asarray(x) gives the values of a fastvjp array as constants, without gradient."


# --- ufuncs ------------------------------------------------------------------------------------------------


def _array_ufunc(self: array, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """What NumPy calls for `ufunc(*inputs)`, `ufunc.reduce`, ... where an input or `out` is ours."""
    ours = UFUNCS.get(ufunc) or _of_scipy(ufunc)
    for x in inputs:
        if type(x) is not array and not is_operand(x):
            return NotImplemented
    if ours is not None and method == "__call__" and not kwargs:
        return ours(*inputs)
    called = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    if ours is None:
        raise TypeError(f"[{called}] No such function for fastvjp arrays. {CONSTANTS}")
    outs = kwargs.pop("out", None)
    if method == "__call__":
        result = _call(called, ours, ufunc, inputs, outs, **kwargs)
    elif method == "outer":
        a, b = as_array(inputs[0], called), as_array(inputs[1], called)
        columns = ops.reshape(a, a.shape + (1,) * b.ndim)
        result = _call(called, ours, ufunc, (columns, b), outs, **kwargs)
    elif (ufunc, method) in OVER_AXES:
        result = _over_axis(called, OVER_AXES[ufunc, method], *inputs, **kwargs)
    else:
        raise TypeError(f"[{called}] No such method for fastvjp arrays. {CONSTANTS}")
    return result if outs is None else _write(called, outs, result)


def _of_scipy(ufunc: np.ufunc) -> Callable[..., Any] | None:
    """scipy.special's, if that is imported (we never import it)."""
    special = sys.modules.get("scipy.special")
    return SCIPY_UFUNCS.get(ufunc.__name__) if getattr(special, ufunc.__name__, None) is ufunc else None


def _call(
    called: str,
    ours: Callable[..., Any],
    ufunc: np.ufunc,
    inputs: tuple[Any, ...],
    outs: tuple[Any, ...] | None,
    where: Any = True,
    dtype: Any = None,
    **kwargs: Any,
) -> Any:
    _no_more(called, kwargs)
    if dtype is not None:
        wanted = as_dtype(dtype, called)
        computed = {types.split("->")[1] for types in ufunc.types}
        if wanted.char not in computed:
            raise TypeError(f"[{called}] It does not compute in dtype {wanted}.")
        if not computed <= {"?", "O"}:  # a test gives bool whatever its operands
            inputs = tuple([as_array(x, called, wanted) for x in inputs])
    result = ours(*inputs)
    if where is not True:
        if outs is None or ufunc.nout != 1:
            raise TypeError(
                f"[{called}] where= without out= leaves elements undefined. "
                f"Hint: use np.where(mask, result, other)."
            )
        result = ops.where(where, result, outs[0])
    return result


def _over_axis(
    called: str, ours: Callable[..., Any], a: Any, axis: Any = 0, dtype: Any = None, **kwargs: Any
) -> Any:
    """A ufunc's method, which works along the first axis unless told otherwise."""
    return _supported(called, ours, (a, axis), kwargs if dtype is None else {"dtype": dtype, **kwargs})


def _write(called: str, outs: tuple[Any, ...], result: Any) -> Any:
    """Give the arrays of `out` the results: their names rebind."""
    results = result if isinstance(result, tuple) else (result,)
    for out, value in zip(outs, results, strict=True):
        if out is None:
            continue
        if not isinstance(out, array):
            raise TypeError(
                f"[{called}] A fastvjp array cannot be written into a {type(out).__name__} "
                f"(out= or an in-place operator). Hint: write y = y + x, or make y a fastvjp.array. "
                f"{CONSTANTS}"
            )
        out._var = kept(out, ops.broadcast_to(value, out.shape), called)._var
    written = tuple(value if out is None else out for out, value in zip(outs, results, strict=True))
    return written if isinstance(result, tuple) else written[0]


# --- functions: the call -----------------------------------------------------------------------------------

_HARMLESS: dict[str, tuple[Any, ...] | EllipsisType] = {
    "order": ("C", "K", "A", None),
    "subok": (True, False),
    "casting": ("same_kind",),
    "copy": (None, True),
    "device": (None, "cpu"),
    "kind": ...,
    "stable": ...,
    "optimize": ...,
    "overwrite_input": ...,
    "signature": (None,),
    "mode": ("raise",),
    "method": ("linear",),
    "weights": (None,),
}
"""Keywords that change nothing about the result, with the values for which this holds (... for any)."""


def _array_function(self: array, func: Callable[..., Any], types: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """What NumPy calls for a function of its own where an argument is ours."""
    for t in types:
        if t is not array and not issubclass(t, array | np.ndarray):
            return NotImplemented
    ours = FUNCTIONS.get(func)
    if ours is not None and not kwargs and len(args) <= _parameters(ours)[0]:
        return ours(*args)
    called = f"{func.__module__}.{func.__name__}".replace("numpy", "np", 1)
    if ours is None:
        raise TypeError(f"[{called}] Not supported for fastvjp arrays. {CONSTANTS}")
    out = kwargs.pop("out", None)
    result = _supported(called, ours, args, kwargs)
    return result if out is None else _write(called, (out,), result)


def _supported(called: str, ours: Callable[..., Any], args: tuple, kwargs: dict[str, Any]) -> Any:
    """Call our function unless an argument is none of its parameters; that is refused by name."""
    positional, named, flags = _parameters(ours)
    kwargs = {key: value for key, value in kwargs.items() if value is not np._NoValue}
    if not flags & inspect.CO_VARKEYWORDS:
        unknown = {key: kwargs.pop(key) for key in list(kwargs) if key not in named}
        _no_more(called, unknown)
    if len(args) > positional and not flags & inspect.CO_VARARGS:
        raise TypeError(
            f"[{called}] Expected at most {positional} positional arguments "
            f"({', '.join(named[:positional])}), got {len(args)}. Hint: pass the others by keyword."
        )
    return ours(*args, **kwargs)


@functools.cache
def _parameters(ours: Callable[..., Any]) -> tuple[int, tuple[str, ...], int]:
    """Number of positional parameters, names of all, flags."""
    code = inspect.unwrap(ours).__code__
    return code.co_argcount, code.co_varnames[: code.co_argcount + code.co_kwonlyargcount], code.co_flags


def _no_more(called: str, kwargs: dict[str, Any]) -> None:
    for key, value in kwargs.items():
        harmless = _HARMLESS.get(key, ())
        if harmless is not ... and not any(value is h or (type(value) is str and value == h) for h in harmless):
            raise TypeError(f"[{called}] {key}={value!r:.40} is not supported for fastvjp arrays. {CONSTANTS}")


attach("__array_ufunc__", _array_ufunc)
attach("__array_function__", _array_function)
