"""NumPy's functions that make arrays: floating and complex ones are recorded, so that traced values fit into them.

Integers and booleans stay NumPy's: nothing flows through them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array, as_array, from_numpy
from ...arrays.public import NUMPY
from ...arrays.views import in_order, is_memory, lies_in_rows, placed
from ...core.program import uniform
from ...recording.recorder import current
from .modules import holds_array, instead, lifted, replace

_RECORDED = "fdFD"
"""The dtypes that are recorded, by NumPy's characters."""


def adopted(made: Any) -> Any:
    """A new array of NumPy as one that can be written to with traced values, in a recording."""
    trace = current()
    if trace is None or type(made) is not np.ndarray or made.dtype.char not in _RECORDED:
        return made
    trace.views = True
    return _buffer(from_numpy(made, "array"), made)


def _buffer(x: array, made: np.ndarray) -> array:
    """An array that stands for this memory of NumPy's."""
    x._like = True if made.flags.c_contiguous else made
    return x


def _of_one_value(original: Any, value: float) -> None:
    @instead(original)
    def make(*args: Any, **options: Any) -> Any:
        made = np.empty(*args, **options)  # memory that is never touched
        trace = current()
        if trace is None or made.dtype.char not in _RECORDED:
            return original(*args, **options)
        trace.views = True
        trace.rows = trace.rows and lies_in_rows(made)
        return _buffer(array._of(uniform(made.dtype.type(value), made.shape, made.dtype)), made)


for _constant, _value in ((np.zeros, 0), (np.ones, 1), (np.empty, 0)):
    _of_one_value(_constant, _value)


def _of_numbers(original: Any) -> None:
    @instead(original)
    def make(*args: Any, **options: Any) -> Any:
        if not any(map(holds_array, (*args, *options.values()))):
            return adopted(original(*args, **options))
        return original(*map(lifted, args), **{name: lifted(value) for name, value in options.items()})


for _maker in (
    np.eye, np.identity, np.tri, np.geomspace, np.logspace, np.linspace, np.diagflat, np.fromfunction,
    np.zeros_like, np.ones_like, np.empty_like, np.copy, np.diag, np.tile,
):  # fmt: skip
    _of_numbers(_maker)


@instead(np.full)
def _full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", **options: Any) -> Any:
    if not holds_array(fill_value):
        return adopted(np.full(shape, fill_value, dtype, order, **options))  # type: ignore[call-overload]
    made = ops.full(shape, as_array(fill_value, "full"), dtype)
    made._like = True
    return made


@instead(np.full_like)
def _full_like(a: Any, fill_value: Any, *args: Any, **options: Any) -> Any:
    if type(a) is not array and not holds_array(fill_value):
        return adopted(np.full_like(a, fill_value, *args, **options))
    like = lifted(a) if holds_array(a) else np.asarray(a)
    return NUMPY[np.full_like](like, lifted(fill_value), *args, **options)


@instead(np.arange)
def _arange(*args: Any, **options: Any) -> Any:
    if not any(type(x) is array for x in (*args, *options.values())):
        return adopted(np.arange(*args, **options))
    start, stop, step = [(0, *args, 1), (*args, 1), args][min(len(args), 3) - 1]
    count = len(np.arange(*[x.item() if type(x) is array else x for x in (start, stop, step)]))
    return start + step * np.arange(count)


@instead(np.array)
def _array(
    object: Any, dtype: Any = None, *, copy: bool | None = True, order: str = "K", subok: bool = False,
    ndmin: int = 0, **options: Any,
) -> Any:  # fmt: skip
    if not holds_array(object):
        made = np.array(object, dtype, copy=copy, order=order, subok=subok, ndmin=ndmin, **options)  # type: ignore[call-overload]
        return made if made is object else adopted(made)
    copy = {np._CopyMode.ALWAYS: True, np._CopyMode.NEVER: False, np._CopyMode.IF_NEEDED: None}.get(copy, copy)  # type: ignore[call-overload]
    x = as_array(object, "array", None if dtype is None else np.dtype(dtype))
    if order not in ("K", None) or (x is object and (copy or not (x.shape or is_memory(x)))):
        x = placed(x.copy(), x, order or "K", "array")
    elif x is not object and x.ndim < 2:
        x._like = True
    return x.reshape((1,) * (ndmin - x.ndim) + x.shape) if x.ndim < ndmin else x


_ORDERS = {np.ascontiguousarray: "C_CONTIGUOUS", np.asfortranarray: "F_CONTIGUOUS"}


def _conversion(original: Any) -> None:
    @instead(original)
    def convert(a: Any, dtype: Any = None, *args: Any, **options: Any) -> Any:
        if isinstance(a, np.ndarray | np.generic):
            return original(a, dtype, *args, **options)
        if not holds_array(a):
            return adopted(original(a, dtype, *args, **options))
        made = _array(a, dtype, copy=None, ndmin=int(original is np.ascontiguousarray))
        flag = _ORDERS.get(original)
        return in_order(made, flag) if flag else made


for _converter in (
    np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray, np.asarray_chkfinite, np.require,
):  # fmt: skip
    _conversion(_converter)


@instead(np.fromiter)
def _fromiter(iter: Iterable[Any], dtype: Any, count: int = -1, **options: Any) -> Any:
    items = list(iter)
    if not holds_array(items):
        return adopted(np.fromiter(items, dtype, count, **options))
    return _array(items if count < 0 else items[:count], dtype)


class _Kind(type):
    """The class that recorded arrays and NumPy's are instances of."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, np.ndarray | array)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, np.ndarray | array)

    def __call__(cls, shape: Any, dtype: Any = float, buffer: Any = None, **options: Any) -> Any:
        made = np.ndarray(shape, dtype, buffer, **options)
        return made if buffer is not None or current() is None else adopted(np.zeros_like(made))

    def __getattr__(cls, name: str) -> Any:
        return getattr(np.ndarray, name)


class ndarray(metaclass=_Kind):
    """`numpy.ndarray` as the class of recorded arrays, too."""


replace(np.ndarray, ndarray)
