"""Views: arrays that are part of another array, as NumPy's slices, rows, transposes and reshapes are.

A recording whose inputs are NumPy arrays makes them (`Trace.views`). A view reads from its base and writes back
into it; values are immutable all the same: the base gets a new value, and a view whose base has another value than
it has seen reads again. Only a view pays for that: it has its `View` where other arrays have their recording.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..core.program import Var

Write = Callable[..., Any]
"""`write(base, value, *statics, **options)`: the base with the value in the place of the view; None: read-only."""


class View:
    """How an array is a part of its base: `read(base, *statics, **options)`."""

    __slots__ = ("base", "options", "read", "seen", "statics", "var", "write")

    def __init__(
        self, base: Any, var: Var, read: Callable[..., Any], write: Write | None, statics: Any, options: Any
    ) -> None:
        self.base = base
        self.read = read
        self.write = write
        self.statics = statics
        self.options = options
        self.seen = base._var
        """The base as it was read ..."""
        self.var = var
        """... and what was read then."""

    def variable(self, *_: Any) -> Var:
        """The view as it is now."""
        base = self.base._var
        if base is not self.seen:
            self.var = self.read(self.base, *self.statics, **self.options)._var
            self.seen = base
        return self.var

    def assign(self, value: Any) -> None:
        """Write the value, an array of the shape and dtype of the view, into the base."""
        if self.write is None:
            raise ValueError(f"[{_name(self.read)}] This view is read-only, as NumPy's is. Hint: x.copy().")
        self.base._var = self.write(self.base, value, *self.statics, **self.options)._var
        self.var, self.seen = value._var, self.base._var

    def is_at(self, base: Any, *statics: Any) -> bool:
        """Whether it is this very part of that array."""
        return self.base is base and self.statics == statics

    def layout(self) -> np.ndarray:
        """A stand-in with the strides that NumPy's view would have; its memory must not be read."""
        of_base = layout(self.base)
        if _name(self.read) == "section":
            return of_base[tuple([slice(*i) if type(i) is tuple else i for i in self.statics[0]])]
        if _name(self.read) == "getitem":
            (index,) = self.statics
            items = index if isinstance(index, tuple) else (index,)
            return of_base[tuple([i.__index__() if hasattr(i, "__index__") else i for i in items])]
        if _name(self.read) == "as_strided":  # of which NumPy's knows no offset
            given = dict(zip(("shape", "strides"), self.statics, strict=False)) | self.options
            return np.lib.stride_tricks.as_strided(of_base, self.var.aval.shape, given.get("strides"))
        home: Any = np if hasattr(np, _name(self.read)) else np.lib.stride_tricks
        found: np.ndarray = getattr(home, _name(self.read))(of_base, *self.statics, **self.options)
        return found


def _name(function: Callable[..., Any]) -> str:
    return function.__name__.strip("_")


_MEMORY = np.zeros(1, np.uint8)


def layout(a: Any) -> np.ndarray:
    """A stand-in for an array, of the strides that NumPy's would have; its memory must not be read."""
    if type(a._trace) is View:
        return a._trace.layout()
    strides = [1] * a.ndim
    for i in range(a.ndim - 1, 0, -1):
        strides[i - 1] = strides[i] * max(a.shape[i], 1)
    return np.lib.stride_tricks.as_strided(_MEMORY, a.shape, strides)


# --- what views write --------------------------------------------------------------------------------------


def reshaped(base: Any, value: Any, *_: Any, **__: Any) -> Any:
    """The value of a view that has all elements of its base, in the same order."""
    return value.reshape(base.shape)


def is_reshape(base: Any, shape: Any) -> bool:
    """Whether NumPy reshapes without a copy: of what has been transposed or cut, it does not always."""
    if type(base._trace) is not View:
        return True
    try:
        np.reshape(layout(base), shape, copy=False)
    except ValueError:
        return False
    return True


def viewed(
    result: Any,
    base: Any,
    read: Callable[..., Any],
    write: Write | None,
    statics: tuple[Any, ...] = (),
    options: Mapping[str, Any] = {},
) -> Any:
    """The result of `read` as a view of `base`."""
    if write is reshaped and not is_reshape(base, result.shape):
        return result
    view = View(base, result._var, read, write, statics, options)
    result._held, result._trace, result._number = result._aval, view, -1
    return result
