"""`a[index]`, `a[index] = value` and `a.at[index]`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.array import array, as_array
from ..arrays.calls import keyed
from ..arrays.emit import cast, emit, reshaped, sliced, spread
from ..arrays.views import has_views, layout, lies_in_rows, view_of, viewed
from ..core.avals import kind_of
from ..core.program import uniform
from ..core.scalars import WEAK
from ..recording.recorder import current
from .common import ArrayLike, broadcast, stored
from .indices import Advanced, Index, Parsed, Rows, basic_index, linear_index, parse


def getitem(a: ArrayLike, index: Any) -> array:
    """What `a[index]` gives: NumPy's basic and advanced indexing.

    Args:
        a: array.
        index: integer, slice, None, Ellipsis, array of integers (traced ones too), mask, or a tuple of them.

    Returns:
        Array of the selected elements. A view where a recording of NumPy's semantics gets one of them by integers,
        slices, None and Ellipsis, else a value.

    Raises:
        IndexError: too many indices, one out of range, a mask of another shape, or what is no index.
        TracedValueError: a mask whose values are not known (under vmap or compile).

    Example:
        >>> import fastvjp
        >>> fastvjp.array([1.0, 2.0, 3.0])[[0, -1]]
        array([1, 3], dtype=float32)
    """
    key = basic_index(index)
    if key is not None:
        found = _section(a, key)
        trace = current()
        if type(a) is not array or not (has_views(a) if trace is None else trace.views):
            return found
        scalar = not found._aval.shape and Ellipsis not in key  # NumPy's scalars are values
        return found if scalar else viewed(found, a, _section, _set_section, (key,))
    x = as_array(a, "getitem")
    parsed = parse(x.shape, index, "getitem")
    found = parsed.of(x)
    if parsed.advanced:
        found = selected(found, parsed.advanced, parsed.place, "getitem")
        trace = current()
        if trace is not None and trace.rows and found._aval.ndim > 1:
            trace.rows = _comes_in_rows(x, index)
    if x is a and has_views(x) and found._aval.shape and _is_basic(index):
        return viewed(found, a, getitem, _set_item, (index,))
    return found


def _is_basic(index: Any) -> bool:
    """Whether an index is of integers and slices, NumPy's and our own of no axes included; no truth values."""
    items = index if isinstance(index, tuple) else (index,)
    return not any(isinstance(i, _ADVANCED) or getattr(i, "ndim", 0) or _is_mask(i) for i in items)


_ADVANCED = (list, np.ndarray, bool, np.bool_)


def _is_mask(item: Any) -> bool:
    return isinstance(item, array) and item.dtype == np.bool_


def _comes_in_rows(x: array, index: Any) -> bool:
    """Whether it is known that NumPy's result of an advanced index lies row by row.

    It does where the array and those that index it do, and these come first.
    """
    items = list(index) if isinstance(index, tuple) else [index]
    while items and isinstance(items[-1], slice):
        items.pop()
    arrays_alone = not any(i is None or i is Ellipsis or isinstance(i, slice) for i in items)
    return arrays_alone and all(map(_lies_in_rows, [x, *items]))


def _lies_in_rows(item: Any) -> bool:
    if isinstance(item, array):
        item = layout(item)
    return item is not None and (not isinstance(item, np.ndarray) or lies_in_rows(item))


@keyed
def _section(a: ArrayLike, key: tuple[Any, ...]) -> array:
    """What a basic index gives, as `basic_index` has it."""
    x = as_array(a, "getitem")
    return parse(x.shape, _index_of(key), "getitem").of(x)


def _index_of(key: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple([slice(*i) if type(i) is tuple else i for i in key])


def _set_item(base: array, value: array, index: Any) -> array:
    """What writing to a view writes whose index has NumPy's integers, or traced ones."""
    return setitem(base, index, value)


def _set_section(base: array, value: array, key: tuple[Any, ...]) -> array:
    """What writing to a view writes."""
    return setitem(base, _index_of(key), value)


def writes_itself(a: array, index: Any, value: Any) -> bool:
    """Whether `a[index] = value` gives an array its own part, as `a[index] += x` ends."""
    view = view_of(value) if type(value) is array else None
    return view is not None and view.read is _section and view.is_at(a, basic_index(index))


def selected(x: array, advanced: tuple[Advanced, ...], place: int, name: str) -> array:
    """The elements that advanced indices choose."""
    if _by_row(x.shape, advanced):
        return picked(x, advanced[-1].index, name)
    rows = Rows(x.shape, advanced, place, name)
    return rows.unselected(emit("gather", rows.rows(x), rows.index))


def _by_row(shape: tuple[int, ...], advanced: tuple[Advanced, ...]) -> bool:
    """Whether one element of each row is selected: the indices of all axes but the last are then a grid."""
    rows, last = shape[:-1], advanced[-1].index
    if not rows or len(advanced) != len(shape):
        return False
    if last.ndim > len(rows) or any(n not in (1, m) for n, m in zip(last.shape[::-1], rows[::-1], strict=False)):
        return False
    return all(
        isinstance(a.index, np.ndarray)
        and (1,) * (len(rows) - a.index.ndim) + a.index.shape == g.shape
        and (a.index == g).all()
        for a, g in zip(advanced, np.ogrid[tuple(map(slice, rows))], strict=False)
    )


def picked(x: array, index: Index, name: str) -> array:
    """The element of each row of `x`, along its last axis, that an index which broadcasts to the rows says."""
    rows, size = x.shape[:-1], x.shape[-1]
    flat, shape = linear_index([(index, x.ndim - 1, size)], name)
    return emit("pick", x, spread(reshaped(flat, shape), rows))


def setitem(a: ArrayLike, index: Any, value: ArrayLike) -> array:
    """The array that `a` names after `a[index] = value`.

    Args:
        a: array.
        index: as for `getitem`. Of several values for one element the last stays.
        value: array that broadcasts to the shape of `a[index]`; cast to the dtype of `a`.

    Returns:
        Array of the shape and dtype of `a`.

    Raises:
        IndexError: as for `getitem`.
        ValueError: the value does not broadcast to the indexed shape.

    Example:
        >>> import fastvjp
        >>> a = fastvjp.zeros(3)
        >>> a[1] = 5.0
        >>> a
        array([0, 5, 0], dtype=float32)
    """
    return _updated(as_array(a, "setitem"), index, value, "setitem", "scatter_set")


def _updated(x: array, index: Any, value: ArrayLike, name: str, scatter: str) -> array:
    """Combine what `index` selects with the value; `scatter` is the primitive that does so by rows."""
    combine = _COMBINES[scatter]
    mask = _whole_mask(x, index, value)
    if mask is not None:
        return emit("select", mask, combine(x, fitted(value, x, x.shape, name)), x)
    parsed = parse(x.shape, index, name)
    if not parsed.advanced:
        y = reshaped(fitted(value, x, parsed.view, name), parsed.section)
        return _replaced(x, parsed, combine(sliced(x, parsed.start, parsed.stop, parsed.step), y))
    view = parsed.of(x)
    rows = Rows(view.shape, parsed.advanced, parsed.place, name)
    y = rows.selected(fitted(value, x, rows.result, name))
    if y.size == 0:
        return array._of(x._var)
    new = rows.unrows(emit(scatter, rows.rows(view), rows.index, y))
    return _replaced(x, parsed, reshaped(new, parsed.section))


_COMBINES: dict[str, Callable[[array, array], array]] = {
    "scatter_set": lambda old, new: new,
    "scatter_add": functools.partial(emit, "add"),
    "scatter_multiply": functools.partial(emit, "multiply"),
    "scatter_max": functools.partial(emit, "maximum"),
    "scatter_min": functools.partial(emit, "minimum"),
}
"""What a scatter does to an element and a value."""


def _replaced(x: array, parsed: Parsed, y: array) -> array:
    if parsed.covers(x.shape):
        return array._of(y._var)
    if y.size == 0:
        return array._of(x._var)
    return emit("slice_update", x, y, start=parsed.start, stop=parsed.stop, step=parsed.step)


def _whole_mask(x: array, index: Any, value: ArrayLike) -> array | None:
    """The mask that alone indexes leading axes of `x`, for a scalar value, broadcast to the shape of `x`.

    Its values need not be known.
    """
    if not isinstance(index, np.ndarray | array) or index.dtype != np.bool_ or index.ndim == 0:
        return None
    if index.shape != x.shape[: index.ndim] or getattr(value, "ndim", 0 if type(value) in WEAK else 1):
        return None
    mask = as_array(index, "setitem")
    return spread(reshaped(mask, mask.shape + (1,) * (x.ndim - mask.ndim)), x.shape)


def fitted(value: ArrayLike, x: array, shape: tuple[int, ...], name: str) -> array:
    """The value in the dtype of `x`, broadcast to a shape as NumPy's assignment does."""
    if type(value) in WEAK:
        return _scalar(value, x, shape, name)
    y = stored(value, x.dtype, name)
    extra = y.ndim - len(shape)
    if extra > 0 and all(n == 1 for n in y.shape[:extra]):
        y = reshaped(y, y.shape[extra:])
    try:
        fits = broadcast(shape, y.shape, name) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"[{name}] A value of shape {y.shape} does not broadcast to the indexed {shape}.")
    return spread(y, shape)


def _scalar(value: Any, x: array, shape: tuple[int, ...], name: str) -> array:
    if type(value) is complex:
        return spread(stored(value, x.dtype, name), shape)
    try:
        held: Any = x.dtype.type(value)
    except OverflowError:
        raise OverflowError(f"[{name}] Python integer {value} does not fit {x.dtype}.") from None
    return array._of(uniform(held, shape, x.dtype))


class At:
    """`a.at[index]`: updates at an index; all of several values for one element count.

    Its methods return a new array of the shape and dtype of `a` and leave `a` as it is.

    Example:
        >>> import fastvjp
        >>> fastvjp.zeros(2).at[[0, 0, 1]].add(1.0)
        array([2, 1], dtype=float32)
    """

    __slots__ = ("_array", "_index")

    def __init__(self, a: array, index: Any = None) -> None:
        self._array = a
        self._index = index

    def __getitem__(self, index: Any) -> At:
        return At(self._array, index)

    def set(self, value: ArrayLike) -> array:
        """Replace by the value; of several for one element the last stays."""
        return _updated(self._array, self._index, value, "at.set", "scatter_set")

    def add(self, value: ArrayLike) -> array:
        """Add the value."""
        return self._combined("add", "scatter_add", value)

    def subtract(self, value: ArrayLike) -> array:
        """Subtract the value."""
        x = self._array
        return self._combined("subtract", "scatter_add", emit("negative", cast(_as_value(value, x), x.dtype)))

    def multiply(self, value: ArrayLike) -> array:
        """Multiply by the value."""
        return self._combined("multiply", "scatter_multiply", value)

    def divide(self, value: ArrayLike) -> array:
        """Divide by the value; the array must be of a floating dtype."""
        x = self._array
        if kind_of(x.dtype) not in "fc":
            raise TypeError(f"[at.divide] Expected a floating dtype, got {x.dtype}. Hint: cast the array.")
        inverse = emit("reciprocal", cast(_as_value(value, x), x.dtype))
        return self._combined("divide", "scatter_multiply", inverse)

    def maximum(self, value: ArrayLike) -> array:
        """Take the larger of the element and the value."""
        return self._combined("maximum", "scatter_max", value)

    def minimum(self, value: ArrayLike) -> array:
        """Take the smaller of the element and the value."""
        return self._combined("minimum", "scatter_min", value)

    def _combined(self, method: str, scatter: str, value: ArrayLike) -> array:
        return _updated(self._array, self._index, value, f"at.{method}", scatter)


def _as_value(value: ArrayLike, x: array) -> array:
    return _scalar(value, x, (), "at") if type(value) in WEAK else as_array(value, "at")
