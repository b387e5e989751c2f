"""`__array_ufunc__` and `__array_function__` of our arrays: how NumPy's calls reach what implements them.

What we lack, a function or an argument of it, is NumPy's affair: it is given the values and returns its own
arrays. Within a recording that would lose gradients in silence; there it is refused by name.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import sys
from collections.abc import Callable, Mapping
from types import EllipsisType
from typing import Any, NamedTuple

import numpy as np

from ... import ops
from ...arrays.array import array, as_array
from ...arrays.calls import has_arithmetic, is_operand
from ...arrays.public import NUMPY, attach
from ...core.avals import as_dtype
from ...recording.recorder import is_recording
from ..operators import kept
from .constants import Lacking, by_values

CONSTANTS = (
    "Hint: write it with functions that fastvjp has, or give it a derivative by fastvjp.custom_function; "
    "np.asarray(fastvjp.stop_gradient(x)) gives the values as constants, without gradient."
)


# --- ufuncs ------------------------------------------------------------------------------------------------


def _array_ufunc(self: array, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    """What NumPy calls for `ufunc(*inputs)`, `ufunc.reduce`, ... where an input or `out` is ours."""
    ours = NUMPY.get(ufunc) or _of_scipy(ufunc)
    for x in inputs:
        if type(x) is not array and not is_operand(x):
            return NotImplemented
    if ours is not None and method == "__call__" and not kwargs:
        return ours(*inputs)
    home = "np" if getattr(np, ufunc.__name__, None) is ufunc else "scipy.special"
    called = f"{home}.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    if method == "at" and is_recording():
        return _recorded_at(called, ufunc, *inputs)
    outs = kwargs.pop("out", None)
    try:
        _check_writable(called, outs)
        result = _by_ours(called, ours, ufunc, method, inputs, outs, kwargs)
    except Lacking:
        if is_recording():
            raise
        if method == "at":
            return _at(ufunc, *inputs)
        if _are_numpys(outs):
            return by_values(getattr(ufunc, method), inputs, {"out": outs, **kwargs})
        result = by_values(getattr(ufunc, method), inputs, kwargs)
    return result if outs is None else _write(called, outs, result)


def _by_ours(
    called: str,
    ours: Callable[..., Any] | None,
    ufunc: np.ufunc,
    method: str,
    inputs: tuple[Any, ...],
    outs: tuple[Any, ...] | None,
    kwargs: dict[str, Any],
) -> Any:
    """The result of a ufunc or of a method of it as far as we have it; Lacking otherwise."""
    if ours is None:
        raise Lacking(f"[{called}] No such function for fastvjp arrays. {CONSTANTS}")
    if method == "__call__":
        return _call(called, ours, ufunc, inputs, outs, **kwargs)
    if method == "outer":
        a, b = as_array(inputs[0], called), as_array(inputs[1], called)
        columns = ops.reshape(a, a.shape + (1,) * b.ndim)
        return _call(called, ours, ufunc, (columns, b), outs, **kwargs)
    return _over_axis(called, getattr(ufunc, method), *inputs, **kwargs)


def _at(ufunc: np.ufunc, a: Any, *rest: Any) -> None:
    """A ufunc's in-place update of some elements; the name of an array of ours rebinds."""
    changed = np.array(a) if isinstance(a, array) else a
    by_values(ufunc.at, (changed, *rest), {})
    if isinstance(a, array):
        a._var = as_array(changed, f"np.{ufunc.__name__}.at")._var


_AT = {
    np.add: "add",
    np.subtract: "subtract",
    np.multiply: "multiply",
    np.divide: "divide",
    np.maximum: "maximum",
    np.minimum: "minimum",
}
"""Methods of `a.at[index]` by ufuncs."""


def _recorded_at(called: str, ufunc: np.ufunc, a: Any, index: Any, *values: Any) -> None:
    """`ufunc.at(a, index, values)`, where all of several values for one element count."""
    if not isinstance(a, array) or ufunc not in _AT:
        what = "a fastvjp array first" if ufunc in _AT else "add, subtract, multiply, divide, maximum or minimum"
        raise TypeError(f"[{called}] Expected {what}. Hint: make it with fastvjp.numpy. {CONSTANTS}")
    a._var = getattr(a.at[index], _AT[ufunc])(*values)._var


def _of_scipy(ufunc: np.ufunc) -> Callable[..., Any] | None:
    """Ours for one of scipy.special, if that is imported (we never import it)."""
    special, name = sys.modules.get("scipy.special._ufuncs"), ufunc.__name__
    return NUMPY.get(f"scipy.special.{name}") if getattr(special, name, None) is ufunc else None


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
    named = {name: kwargs.pop(name) for name in _parameters(ours) & kwargs.keys()} if kwargs else {}
    _no_more(called, kwargs)
    if dtype is not None:
        wanted = as_dtype(dtype, called)
        computed = {types.split("->")[1] for types in ufunc.types}
        if wanted.char not in computed:
            raise Lacking(f"[{called}] It does not compute in dtype {wanted}.")
        if not computed <= {"?", "O"}:  # a test gives bool whatever its operands
            inputs = tuple([as_array(x, called, wanted) for x in inputs])
    result = ours(*inputs, **named)
    if where is not True:
        if outs is None or ufunc.nout != 1:
            raise Lacking(
                f"[{called}] where= without out= leaves elements undefined. "
                f"Hint: use np.where(mask, result, other)."
            )
        result = ops.where(where, result, outs[0])
    return result


@functools.cache
def _parameters(ours: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(ours).parameters)


def _over_axis(called: str, method: Any, *inputs: Any, axis: Any = 0, dtype: Any = None, **kwargs: Any) -> Any:
    """A ufunc's method, which works along the first axis unless told otherwise."""
    if method not in NUMPY:
        raise Lacking(f"[{called}] No such method for fastvjp arrays. {CONSTANTS}")
    named = {"axis": axis, **kwargs} if dtype is None else {"axis": axis, "dtype": dtype, **kwargs}
    return _call_by_name(called, _passing(method), inputs, named)


def _are_numpys(outs: tuple[Any, ...] | None) -> bool:
    """Whether there is an `out`, and it is NumPy's."""
    return outs is not None and not any(isinstance(out, array) for out in outs)


def _check_writable(called: str, outs: tuple[Any, ...] | None) -> None:
    """Lacking where `out` is NumPy's, or within a recording partly so."""
    for out in outs or ():
        if not (out is None or isinstance(out, array)) and (is_recording() or _are_numpys(outs)):
            raise Lacking(
                f"[{called}] A fastvjp array cannot be written into a {type(out).__name__} "
                f"(out= or an in-place operator). Hint: write y = y + x, or make y a fastvjp.array. "
                f"{CONSTANTS}"
            )


def _write(called: str, outs: tuple[Any, ...], result: Any) -> Any:
    """Give the arrays of `out` the results: names of ours rebind, NumPy's are written into."""
    results = result if isinstance(result, tuple) else (result,)
    for out, value in zip(outs, results, strict=True):
        if isinstance(out, array):
            out._var = kept(out, ops.broadcast_to(value, out.shape), called)._var
        elif out is not None:
            np.copyto(out, np.asarray(value))
    written = tuple(value if out is None else out for out, value in zip(outs, results, strict=True))
    return written if isinstance(result, tuple) else written[0]


# --- functions: the call -----------------------------------------------------------------------------------

_HARMLESS: dict[str, tuple[Any, ...] | EllipsisType] = {
    "order": ("C", "K", "A", None),
    "subok": (True, False),
    "writeable": (False,),
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


def _array_function(
    self: array, func: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """What NumPy calls for a function of its own where an argument is ours."""
    for t in types:
        if t is not array and (not issubclass(t, array | np.ndarray) or has_arithmetic(t)):
            return NotImplemented
    out = kwargs.get("out")
    outs = None if out is None else (out,)
    try:
        _check_writable(_shown(func), outs)
        return _function(func, args, dict(kwargs))
    except Lacking:
        if is_recording():
            raise
    if outs is None or _are_numpys(outs):
        return by_values(func, args, kwargs)
    return _write(_shown(func), outs, by_values(func, args, {**kwargs, "out": None}))


def _function(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The result of one of NumPy's functions as far as we have it; Lacking otherwise."""
    if func not in NUMPY:
        raise Lacking(f"[{_shown(func)}] Not supported for fastvjp arrays. {CONSTANTS}")
    passing = _passing(func)
    if len(args) > passing.alike:
        kwargs = {**dict(zip(passing.others, args[passing.alike :], strict=False)), **kwargs}
        args = args[: passing.alike]
    elif not kwargs:
        return passing.ours(*args)
    out = kwargs.pop("out", None)
    result = _call_by_name(func, passing, args, kwargs)
    return result if out is None else _write(_shown(func), (out,), result)


def _shown(func: Any) -> str:
    return func if isinstance(func, str) else f"{func.__module__}.{func.__name__}".replace("numpy", "np", 1)


class _Passing(NamedTuple):
    """How the arguments of a function of NumPy reach ours."""

    ours: Callable[..., Any]
    known: frozenset[str] | None
    """The names of its parameters; None if it takes any."""
    alike: int = sys.maxsize
    """Number of parameters at the beginning that are the same in both: required ones, or of one name."""
    renamed: Mapping[str, str] = {}
    """Our names of those that NumPy calls otherwise."""
    others: tuple[str, ...] = ()
    """NumPy's names of its further positional parameters: their arguments are passed by name."""


@functools.cache
def _passing(function: Any) -> _Passing:
    ours = NUMPY[function]
    own = inspect.signature(ours).parameters
    try:
        theirs = inspect.signature(function).parameters
    except ValueError:  # it is written in C
        theirs = own
    kinds = {p.kind for p in own.values()}
    known = None if inspect.Parameter.VAR_KEYWORD in kinds else frozenset(own)
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return _Passing(ours, known)
    pairs = list(zip(_positional(own), _positional(theirs), strict=False))
    required = inspect.Parameter.empty
    alike = len(list(itertools.takewhile(lambda p: p[0] == p[1] or theirs[p[1]].default is required, pairs)))
    return _Passing(ours, known, alike, {b: a for a, b in pairs[:alike]}, _positional(theirs)[alike:])


def _positional(parameters: Mapping[str, inspect.Parameter]) -> tuple[str, ...]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple([name for name, p in parameters.items() if p.kind in kinds])


def _call_by_name(called: Any, passing: _Passing, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Call our function unless an argument is none of its parameters; that is refused by name."""
    named = {passing.renamed.get(name, name): x for name, x in named.items() if x is not np._NoValue}
    if passing.known is not None and not named.keys() <= passing.known:
        _no_more(_shown(called), {name: named.pop(name) for name in named.keys() - passing.known})
    return passing.ours(*args, **named)


def _no_more(called: str, kwargs: dict[str, Any]) -> None:
    for key, value in kwargs.items():
        harmless = _HARMLESS.get(key, ())
        if harmless is not ... and not any(value is h or (type(value) is str and value == h) for h in harmless):
            raise Lacking(f"[{called}] {key}={value!r:.40} is not supported for fastvjp arrays. {CONSTANTS}")


attach("__array_ufunc__", _array_ufunc)
attach("__array_function__", _array_function)
