"""What the public ops share: operands to variables, promotion, broadcasting, axes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..arrays.array import array, as_array, as_operands
from ..arrays.conversion import weak_kind
from ..arrays.emit import cast, spread
from ..core.avals import DTYPES, as_dtype, inexact, int64, kind_of, promote, uint64, weak_dtype
from ..core.callers import place
from ..core.errors import DtypeError
from ..core.program import uniform
from ..core.scalars import WEAK

ArrayLike = Any
"""An `array`, a NumPy array or scalar, a Python number, or nested lists of them."""

RANGE = {d: (int(np.iinfo(d).min), int(np.iinfo(d).max)) for d in DTYPES.values() if d.kind in "iu"}
"""Least and largest value of the integer dtypes."""


def operands(name: str, *xs: ArrayLike, floating: bool = False, shape: tuple[int, ...] = ()) -> list[array]:
    """Promote to one dtype (a floating one if asked) and broadcast to one shape (with `shape`, if given)."""
    arrays = as_operands(xs, name)
    kinds = [WEAK.get(type(x)) or x._var.aval.dtype for x in arrays]
    if all(type(k) is type for k in kinds):
        kinds = [weak_dtype(x) for x in arrays]
    dtype = promote(*kinds)
    if floating:
        dtype = inexact(dtype)
    for x in arrays:
        if type(x) not in WEAK:
            shape = broadcast(shape, x._var.aval.shape, name)
    return [scalar(x, shape, dtype, name) if type(x) in WEAK else spread(cast(x, dtype), shape) for x in arrays]


_KINDS = {"b": "bool", "iu": "integer", "f": "floating", "c": "complex"}


def require(name: str, dtype: np.dtype, kinds: str, hint: str = "") -> None:
    """TypeError naming the op and the dtype unless its kind is among `kinds` (NumPy's letters: b i u f c)."""
    if kind_of(dtype) not in kinds:
        expected = " or ".join(shown for letters, shown in _KINDS.items() if letters[0] in kinds)
        hint = f" Hint: {hint}." if hint else ""
        raise DtypeError(f"[{name}] Unsupported dtype {dtype}. Expected: {expected}.{hint}")


def stored(value: ArrayLike, dtype: np.dtype, name: str) -> array:
    """What an array of a dtype holds of a value: of complex ones a real array the real part, as NumPy's.

    TypeError for Python's complex numbers, and a ComplexWarning for others.
    """
    real, kind = dtype.kind not in "cb", weak_kind(value)
    if real and kind is complex:
        raise TypeError(f"[{name}] Complex numbers do not fit an array of {dtype}. Hint: give their real parts.")
    x = as_array(value, name, None if kind is None else dtype)
    if real and x.dtype.kind == "c":
        file, line, *_ = place()
        message = f"[{name}] An array of {dtype} takes only the real part of complex values. Hint: x.real."
        warnings.warn_explicit(message, np.exceptions.ComplexWarning, file, line)
    return cast(x, dtype)


def scalar(x: Any, shape: tuple[int, ...], dtype: np.dtype, name: str) -> array:
    """A Python scalar as an array of one value; OverflowError where the dtype cannot hold it."""
    if dtype in RANGE and not RANGE[dtype][0] <= x <= RANGE[dtype][1]:
        raise OverflowError(f"[{name}] Python integer {x} does not fit {dtype}.")
    return array._of(uniform(x, shape, dtype))


def broadcast(a: tuple[int, ...], b: tuple[int, ...], name: str) -> tuple[int, ...]:
    """Shape to which two shapes broadcast; ValueError naming both and the op."""
    if a == b or not b:
        return a
    if not a:
        return b
    long, short = (a, b) if len(a) >= len(b) else (b, a)
    lead = len(long) - len(short)
    merged = list(long[:lead])
    for m, n in zip(long[lead:], short, strict=True):
        if m != n and 1 not in (m, n):
            raise ValueError(
                f"[{name}] Shapes {a} and {b} cannot be broadcast together. "
                f"Expected: equal sizes, or 1, counted from the last axis."
            )
        merged.append(n if m == 1 else m)
    return tuple(merged)


def axis_of(axis: Any, ndim: int, name: str) -> int:
    """A non-negative axis; NumPy's AxisError, a ValueError and an IndexError, where it is out of range."""
    try:
        number = axis.__index__()
    except AttributeError:
        raise TypeError(f"[{name}] Expected an integer axis, got {axis!r}.") from None
    if not -ndim <= number < ndim:
        raise np.exceptions.AxisError(f"[{name}] Axis {number} is out of range for an array with {ndim} axes.")
    return number % ndim


def axes_of(axis: int | Sequence[int] | None, ndim: int, name: str) -> tuple[int, ...]:
    """Sorted non-negative axes; all of them for None."""
    if axis is None:
        return tuple(range(ndim))
    given: Iterable[Any] = axis if isinstance(axis, tuple | list) else (axis,)
    axes = [axis_of(a, ndim, name) for a in given]
    if len(set(axes)) != len(axes):
        raise ValueError(f"[{name}] An axis is given twice in {axis}.")
    return tuple(sorted(axes))


def accumulated(name: str, a: ArrayLike, dtype: Any) -> array:
    """The operand in the dtype in which it is summed: 64 bits for integers."""
    x = as_array(a, name)
    if dtype is not None:
        return cast(x, as_dtype(dtype, name))
    kind = kind_of(x._var.aval.dtype)
    return cast(x, uint64 if kind == "u" else int64) if kind in "biu" else x
