"""What an index means: NumPy's basic and advanced indexing, brought to one `slice` and one linear index."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from types import NoneType
from typing import Any, NamedTuple

import numpy as np

from ..arrays.array import array, as_array
from ..arrays.emit import cast, constant, emit, filled, inverse, leading, permuted, reshaped, sliced, spread
from ..core.avals import int64
from ..core.errors import PlaceError
from .common import broadcast

Index = np.ndarray | array
"""An array of integers: on the host where its values are known, else traced."""


@dataclass(frozen=True)
class Advanced:
    """One array of an index: the axis of the sliced view that it is for, and (for messages) of the array."""

    axis: int
    named: int
    index: Index


class Parsed(NamedTuple):
    """An index as a section of the array, a reshape (integers drop axes, None adds them) and arrays."""

    start: tuple[int, ...]
    stop: tuple[int, ...]
    step: tuple[int, ...]
    section: tuple[int, ...]
    """Shape of the section."""
    view: tuple[int, ...]
    """Shape of the section without the dropped axes and with the new ones."""
    advanced: tuple[Advanced, ...]
    place: int
    """Where in the result the axes of the index arrays stand."""

    def covers(self, shape: tuple[int, ...]) -> bool:
        """Whether the section is all of an array of this shape, in order."""
        return self.section == shape and all(s == 1 for s in self.step)

    def of(self, x: array) -> array:
        """The view of `x`."""
        return reshaped(sliced(x, self.start, self.stop, self.step), self.view)


def parse(shape: tuple[int, ...], index: Any, name: str) -> Parsed:
    """Understand an index of an array of this shape; IndexError where it is none."""
    items = [index_item(i, name) for i in (index if isinstance(index, tuple) else (index,))]
    items = _filled_up(items, len(shape), name)
    starts, stops, steps, sizes, view = [], [], [], [], []
    advanced: list[Advanced] = []
    places: list[tuple[int, int]] = []  # of integers and arrays: position in the index and in the view
    axis = 0
    for position, item in enumerate(items):
        if item is Ellipsis:
            continue
        if item is None:
            view.append(1)
            continue
        if isinstance(item, np.ndarray) and item.dtype == np.bool_:
            mask_shape = item.shape
            masked = shape[axis : axis + item.ndim]
            if len(masked) < item.ndim or any(m not in (n, 0) for m, n in zip(mask_shape, masked, strict=True)):
                raise PlaceError(
                    f"[{name}] A mask of shape {mask_shape} does not match an array of shape {shape} "
                    f"from axis {axis} on."
                )
            places.append((position, len(view)))
            found = item.nonzero() if item.ndim else (np.zeros(int(item), np.int64),)
            for i, where in enumerate(found):
                advanced.append(Advanced(len(view), axis + i, where))
                view.append(mask_shape[i] if item.ndim else 1)
            taken, item = item.ndim, slice(None)
        elif isinstance(item, np.ndarray | array):
            places.append((position, len(view)))
            advanced.append(Advanced(len(view), axis, item))
            view.append(shape[axis])
            taken, item = 1, slice(None)
        elif isinstance(item, int):
            n = shape[axis]
            if not -n <= item < n:
                raise PlaceError(f"[{name}] Index {item} is out of range for axis {axis} of size {n}.")
            places.append((position, len(view)))
            starts.append(item % n)
            stops.append(item % n + 1)
            steps.append(1)
            sizes.append(1)
            axis += 1
            continue
        else:
            taken = 1
            view.append(len(range(*item.indices(shape[axis]))))
        for n in shape[axis : axis + taken]:
            start, stop, step = item.indices(n)
            starts.append(start)
            stops.append(stop)
            steps.append(step)
            sizes.append(len(range(start, stop, step)))
        axis += taken
    adjacent = all(b[0] - a[0] == 1 for a, b in itertools.pairwise(places))
    place = places[0][1] if places and adjacent else 0
    return Parsed(tuple(starts), tuple(stops), tuple(steps), tuple(sizes), tuple(view), tuple(advanced), place)


def basic_index(index: Any) -> tuple[Any, ...] | None:
    """An index of ints, slices of ints, None and Ellipsis as a key, slices as tuples; None for any other."""
    if type(index) is slice:
        item = start, stop, step = index.start, index.stop, index.step
        if type(start) in _BOUND and type(stop) in _BOUND and type(step) in _BOUND:
            return (item,)
        return None
    if type(index) is not tuple:
        return (index,) if type(index) is int or index is None or index is Ellipsis else None
    found: tuple[Any, ...] = ()
    for entry in index:
        part = None if type(entry) is tuple else basic_index(entry)
        if part is None:
            return None
        found += part
    return found


_BOUND = frozenset({int, NoneType})


def index_item(item: Any, name: str) -> Any:
    """One entry of an index as None, Ellipsis, slice, int, NumPy array or traced integer array."""
    if item is None or item is Ellipsis or isinstance(item, slice):
        return item
    if isinstance(item, array):
        if item.dtype.kind not in "iub":
            raise PlaceError(f"[{name}] Expected an index of integers or booleans, got {item.dtype}.")
        if item.dtype.kind in "iu" and item._var.value is None:
            return item
        item = np.asarray(item)
    elif isinstance(item, bool | np.bool_):
        return np.asarray(item)
    elif hasattr(item, "__index__") and not isinstance(item, np.ndarray):
        return item.__index__()
    elif not isinstance(item, np.ndarray):
        if not isinstance(item, list | tuple | range) and not hasattr(item, "__array__"):
            raise PlaceError(
                f"[{name}] Cannot index with {type(item).__name__} {item!r:.80}. Expected: integers, slices, "
                f"None, Ellipsis, and arrays or lists of integers or booleans."
            )
        return index_item(_from_list(item, name), name)
    if item.dtype.kind not in "iub":
        raise PlaceError(f"[{name}] Expected an index of integers or booleans, got {item.dtype}.")
    return int(item) if item.ndim == 0 and item.dtype != np.bool_ else item


def _from_list(item: Any, name: str) -> Index:
    if _holds_array(item):
        return as_array(item, name)
    try:
        found = np.asarray(item)
    except ValueError as error:
        raise PlaceError(f"[{name}] Ragged index: {error}.") from None
    return found.astype(np.int64) if found.size == 0 else found


def _holds_array(item: Any) -> bool:
    return isinstance(item, array) or (isinstance(item, list | tuple) and any(map(_holds_array, item)))


def _filled_up(items: list[Any], ndim: int, name: str) -> list[Any]:
    """The items with full slices behind the Ellipsis, or at the end where there is none."""
    used = 0
    dots = [i for i, item in enumerate(items) if item is Ellipsis]
    for item in items:
        if isinstance(item, np.ndarray) and item.dtype == np.bool_:
            used += item.ndim
        elif item is not None and item is not Ellipsis:
            used += 1
    if len(dots) > 1:
        raise PlaceError(f"[{name}] An index can have one Ellipsis ('...'), got {len(dots)}.")
    if used > ndim:
        raise PlaceError(f"[{name}] Too many indices: {used} for an array with {ndim} axes.")
    at = dots[0] if dots else len(items)
    # the Ellipsis stays: even of no axes it separates arrays
    return [*items[: at + 1], *[slice(None)] * (ndim - used), *items[at + 1 :]]


class Rows:
    """The canonical form of indexing by arrays: rows of a 2-D array by one linear index.

    The indexed axes are moved to the front and merged; `index` is 1-D into the merged axis.
    """

    def __init__(self, shape: tuple[int, ...], advanced: tuple[Advanced, ...], place: int, name: str) -> None:
        self.shape = shape
        self.order = leading([a.axis for a in advanced], len(shape))
        self.count = math.prod(shape[a.axis] for a in advanced)
        self.rest = tuple([shape[i] for i in self.order[len(advanced) :]])
        self.index, self.found = linear_index([(a.index, a.named, shape[a.axis]) for a in advanced], name)
        self.result = (*self.rest[:place], *self.found, *self.rest[place:])
        """Shape of what is indexed."""
        first = tuple(range(place, place + len(self.found)))
        self.result_order = leading(first, len(self.result))

    def rows(self, x: array) -> array:
        """The array of the indexed shape, with the merged axis first."""
        return reshaped(permuted(x, self.order), (self.count, *self.rest))

    def unrows(self, rows: array) -> array:
        """Undo `rows`."""
        return permuted(reshaped(rows, tuple([self.shape[i] for i in self.order])), inverse(self.order))

    def selected(self, y: array) -> array:
        """Values of the result's shape as one row for each entry of the index."""
        return reshaped(permuted(y, self.result_order), (math.prod(self.found), *self.rest))

    def unselected(self, rows: array) -> array:
        """Undo `selected`."""
        shape = tuple([self.result[i] for i in self.result_order])
        return permuted(reshaped(rows, shape), inverse(self.result_order))


def linear_index(indices: list[tuple[Index, int, int]], name: str) -> tuple[array, tuple[int, ...]]:
    """One 1-D int64 index into merged axes, from (index, axis, size) for each; and the broadcast shape.

    Values known on the host are checked now, others by the kernel that uses them.
    """
    shape: tuple[int, ...] = ()
    for index, _, _ in indices:
        try:
            shape = broadcast(shape, index.shape, name)
        except ValueError:
            shapes = ", ".join(str(i.shape) for i, _, _ in indices)
            raise PlaceError(f"[{name}] Indices of shapes {shapes} cannot be broadcast together.") from None
    known: np.ndarray | None = None
    traced: array | None = None
    scale, total = 1, math.prod(size for _, _, size in indices)
    for index, axis, size in reversed(indices):
        if isinstance(index, array):
            term = emit("normalize_index", cast(index, int64), size=size)
            if len(indices) > 1:  # what is out of range for one axis must be so for the merged axis
                term = emit("maximum", term, filled(term.shape, term, -total))
                term = emit("multiply", term, filled(term.shape, term, scale))
            term = spread(term, shape)
            traced = term if traced is None else emit("add", traced, term)
        else:
            part = _checked(index, axis, size, name) * scale
            known = part if known is None else known + part
        scale *= size
    flat = (math.prod(shape),)
    if traced is None:
        assert known is not None
        return constant(np.array(np.broadcast_to(known, shape), np.int64).reshape(flat)), shape
    if known is not None:
        traced = emit("add", traced, spread(constant(np.array(known, np.int64, order="C")), shape))
    return reshaped(traced, flat), shape


def _checked(index: np.ndarray, axis: int, size: int, name: str) -> np.ndarray:
    """Non-negative int64 values; IndexError naming the first that is out of range."""
    index = index.astype(np.int64)
    bad = (index < -size) | (index >= size)
    if bad.any():
        first = index[bad].flat[0]
        raise PlaceError(f"[{name}] Index {first} is out of range for axis {axis} of size {size}.")
    return np.where(index < 0, index + size, index)
