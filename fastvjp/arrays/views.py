"""Views: arrays that are part of another array, as NumPy's slices, rows, transposes and reshapes are.

A recording whose inputs are NumPy arrays makes them (`Trace.views`), and so does the array API's namespace outside
recordings (`VIEWS`). A view reads from its base and writes back into it; values are immutable all the same: the
base gets a new value, and a view whose base has another value than it has seen reads again. Only a view pays for
that: it has its `View` where other arrays have their recording. As long as nothing is changed a view is like
other results: it is pending, and gets its `View` before the next change. At the end of the recording those that
are still pending remain values.

Where an array is no view it depends on its memory what NumPy does: whether it can be changed that has no axes,
and whether a reshape is a view or a copy. Arguments and buffers have memory (`array._like`); results lie row by
row unless something in the recording does not (`Trace.rows`), from which NumPy may have taken its order.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..core.layouts import contiguous_strides
from ..core.program import Var
from ..recording.recorder import current

Write = Callable[..., Any]
"""`write(base, value, *statics, **options)`: the base with the value in the place of the view; None: read-only."""


VIEWS: Any = type("Views", (), {"__repr__": lambda _: "VIEWS"})()
"""In the place of a recording, of a finished array: its parts are views, and those of what is computed of it."""


class View:
    """How an array is a part of its base: `read(base, *statics, **options)`."""

    __slots__ = ("base", "known", "options", "read", "seen", "statics", "var", "write")

    def __init__(
        self,
        base: Any,
        var: Var,
        read: Callable[..., Any],
        write: Write | None,
        statics: Any,
        options: Any,
        known: bool,
    ) -> None:
        self.base = base
        self.read = read
        self.write = write
        self.statics = statics
        self.options = options
        self.known = known
        """Whether NumPy has a view here; else a copy, perhaps: then neither of the two may change."""
        self.seen = base._var
        """The base as it was read ..."""
        self.var = var
        """... and what was read then."""

    def variable(self, *_: Any) -> Var:
        """The view as it is now."""
        base = self.base._var
        if base is not self.seen:
            self._check()
            self.var = self.read(self.base, *self.statics, **self.options)._var
            self.seen = base
        return self.var

    def assign(self, value: Any) -> None:
        """Write the value, an array of the shape and dtype of the view, into the base."""
        self._check()
        if self.write is None:
            raise ValueError(f"[{_name(self.read)}] This view is read-only, as NumPy's is. Hint: x.copy().")
        self.base._var = self.write(self.base, value, *self.statics, **self.options)._var
        self.var, self.seen = value._var, self.base._var

    def _check(self) -> None:
        if self.base.shape != self.seen.aval.shape:
            raise ValueError(
                f"[shape] The shape of an array was set to {self.base.shape} where {_name(self.read)} had made a "
                f"view of it. Hint: x = x.reshape(...) leaves the array as it is."
            )
        if not self.known:
            name = _name(self.read)
            raise ValueError(
                f"[{name}] An array of shape {self.base.shape}, or what {name} made of it, is changed. Whether "
                "NumPy has a view or a copy here depends on the order in memory of what it was computed from, "
                f"which is not known. Hint: x.copy() before {name}."
            )

    def is_at(self, base: Any, *statics: Any) -> bool:
        """Whether it is this very part of that array."""
        return self.base is base and self.statics == statics

    def layout(self) -> np.ndarray | None:
        """A stand-in with the strides that NumPy's view would have: see `layout`."""
        of_base = layout(self.base) if self.known else None
        if of_base is None:
            return None
        lies = _LAYOUTS.get(_name(self.read), _as_numpy)
        return lies(self, of_base)


def _as_numpy(view: View, of_base: np.ndarray) -> np.ndarray:
    """What NumPy's function of the same name makes of the stand-in."""
    name = _name(view.read)
    found: np.ndarray = getattr(np, name)(of_base, *view.statics, **view.options)
    return found


def _section(view: View, of_base: np.ndarray) -> np.ndarray:
    found: np.ndarray = of_base[tuple([slice(*i) if type(i) is tuple else i for i in view.statics[0]])]
    return found


def _item(view: View, of_base: np.ndarray) -> np.ndarray:
    (index,) = view.statics
    items = index if isinstance(index, tuple) else (index,)
    found: np.ndarray = of_base[tuple([i.__index__() if hasattr(i, "__index__") else i for i in items])]
    return found


def _strided(view: View, of_base: np.ndarray) -> np.ndarray:
    """Of which NumPy's function knows no offset."""
    given = dict(zip(("shape", "strides"), view.statics, strict=False)) | view.options
    return np.lib.stride_tricks.as_strided(of_base, view.var.aval.shape, given.get("strides"))


def _windows(view: View, of_base: np.ndarray) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(of_base, *view.statics, **view.options)


def _of_other_size(view: View, of_base: np.ndarray) -> np.ndarray:
    """Of parts of complex numbers, pairs as complex ones, other bits: strides count the elements of the view."""
    old, new = view.base.dtype.itemsize, view.var.aval.dtype.itemsize
    strides = [s * old // new for s in of_base.strides]
    if strides and (_name(view.read) == "view" or (_name(view.read) == "bits" and old != new)):
        strides[-1] = 1
    return _stand_in(view.var.aval.shape, tuple(strides))


_LAYOUTS: dict[str, Callable[[View, np.ndarray], np.ndarray]] = {
    "section": _section,
    "getitem": _item,
    "as_strided": _strided,
    "sliding_window_view": _windows,
    "real": _of_other_size,
    "imag": _of_other_size,
    "view": _of_other_size,
    "bits": _of_other_size,
}
"""How views lie that NumPy's function of the same name does not tell of a stand-in."""


def _name(function: Callable[..., Any]) -> str:
    return function.__name__.strip("_")


_MEMORY = np.zeros(1, np.uint8)


def settle() -> None:
    """Give pending views their `View`, from their bases as these are now."""
    trace = current()
    if trace is not None and trace.pending:
        pending, trace.pending = trace.pending, []
        for result, base, *how in pending:
            _become(result, View(base, result._var, *how))


def _become(result: Any, view: View) -> None:
    result._held, result._trace, result._number = result._aval, view, -1


def view_of(a: Any) -> View | None:
    """How an array is a part of another one; None if it is not."""
    settle()
    return a._trace if type(a._trace) is View else None


def is_memory(a: Any) -> bool:
    """Whether NumPy would have memory for it that can be changed, and no scalar."""
    return view_of(a) is not None or getattr(a, "_like", None) is not None


def layout(a: Any) -> np.ndarray | None:
    """A stand-in of bytes, never to be read, with the strides in elements that NumPy's array would have.

    None if they are not known.
    """
    view = view_of(a)
    if view is not None:
        return view.layout()
    like = getattr(a, "_like", None)
    trace = current()
    if like is False or (like is None and a.ndim > 1 and trace is not None and not trace.rows):
        return None
    theirs = [s // like.itemsize for s in like.strides] if isinstance(like, np.ndarray) else None
    return _stand_in(a.shape, tuple(theirs or contiguous_strides(a.shape)))


@functools.lru_cache(1024)
def _stand_in(shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    """An array of bytes that are not there; NumPy takes some microseconds to make one."""
    return np.lib.stride_tricks.as_strided(_MEMORY, shape, strides)


def lying_as(made: Any, x: Any) -> Any:
    """An array that stands for an argument, and lies as that does in NumPy's memory."""
    if isinstance(x, np.ndarray):
        if x.ndim != 1 or not x.flags.c_contiguous:
            made._like = x
    elif hasattr(x, "_like"):
        made._like = x._like
    return made


def lies_in_rows(x: np.ndarray) -> bool:
    """Whether what NumPy computes from an array lies row by row."""
    return x.ndim < 2 or x.flags.c_contiguous


# --- what views write --------------------------------------------------------------------------------------


def reshaped(base: Any, value: Any, *_: Any, **__: Any) -> Any:
    """The value of a view that has all elements of its base, in the same order."""
    return value.reshape(base.shape)


def kept_order(made: Any, like: Any) -> Any:
    """A new array that NumPy lays out in memory as another one lies."""
    lies = layout(like)
    if made.ndim < 2 or (lies is not None and lies.flags.c_contiguous):
        made._like = True
    elif getattr(made, "_like", None) is not None:
        del made._like
    return made


def axis_order(x: Any, order: Any, where: str) -> tuple[int, ...] | None:
    """How to transpose an array so that its elements come in one of NumPy's orders; None for C order.

    "F" has the first axis change fastest, "A" is that where an array lies so and "C" elsewhere, "K" is as it lies.
    Where arrays are not NumPy's, they are values in C order.
    """
    if order not in ("C", "F", "A", "K", None):
        raise ValueError(f"[{where}] Expected order 'C', 'F', 'A' or 'K', got {order!r}.")
    backward = tuple(reversed(range(x.ndim)))
    if order == "F":
        return backward
    if order in ("C", None) or x.ndim < 2 or not has_views(x):
        return None
    lies = layout(x)
    if lies is None:
        raise ValueError(
            f"[{where}] order={order!r} goes by how an array lies in memory, which is not known here: NumPy "
            "decides it anew for each result. Hint: use order 'C' or 'F'."
        )
    if order == "A":
        return backward if lies.flags.f_contiguous and not lies.flags.c_contiguous else None
    return tuple(sorted(range(x.ndim), key=lambda i: -abs(lies.strides[i])))


def placed(made: Any, like: Any, order: Any, where: str) -> Any:
    """A new array that lies in memory in one of NumPy's orders, of which "A" and "K" go by another array."""
    axes = axis_order(like, "C" if order == "K" else order, where)
    if order == "K" or made.ndim < 2 or not has_views(made):
        return kept_order(made, like)
    if axes is None:
        made._like = True
        return made
    made._like = _stand_in(made.shape, contiguous_strides(made.shape[::-1])[::-1])
    trace = current()
    if trace is not None:
        trace.rows = False
    return made


def in_order(x: Any, flag: Any) -> Any:
    """The array itself if it has this of NumPy's flags, C_CONTIGUOUS or F_CONTIGUOUS, else a copy that has it."""
    lies = layout(x)
    if lies is not None and lies.flags[flag]:
        return x
    made = x.copy()
    if lies is not None and flag == "C_CONTIGUOUS":
        return made
    trace = current()
    if trace is not None:
        trace.rows = False
    del made._like
    if lies is None:
        _become(made, View(x, x._var, _contiguous, None, (), {}, False))
    return made


def _contiguous(x: Any) -> Any:
    return x.copy()


def _lies_in_rows(base: Any) -> bool:
    """Whether it is known of an array that is no view."""
    like = getattr(base, "_like", None)
    trace = current()
    return base.ndim < 2 or trace is None or trace.rows if like is None else like is True


def _wide(shape: Any) -> list[int]:
    return [n for n in shape if n != 1]


_MAY_COPY = {"reshape", "ravel"}
"""Functions that give a view only where NumPy's needs no copy."""


def is_view(base: Any, name: str, shape: Any) -> bool | None:
    """Whether what NumPy's function makes is a view: not always of what was transposed or cut. None: not known."""
    if name not in _MAY_COPY or (name == "reshape" and (base.ndim < 2 or _wide(shape) == _wide(base.shape))):
        return True
    if view_of(base) is None and _lies_in_rows(base):
        return True
    lies = layout(base)
    if lies is None:
        return None
    if name == "ravel":
        return lies.flags.c_contiguous
    try:
        np.reshape(lies, shape, copy=False)
    except ValueError:
        return False
    return True


def whole(a: Any) -> Any:
    """What NumPy gives where a function has nothing to do: the array itself; elsewhere arrays are values."""
    return a if has_views(a) else type(a)._of(a._var)


def has_views(a: Any) -> bool:
    """Whether parts of an array, here and now, are views."""
    trace = current()
    if trace is not None:
        return trace.views
    return a._trace is VIEWS or type(a._trace) is View


def viewed(
    result: Any,
    base: Any,
    read: Callable[..., Any],
    write: Write | None,
    statics: tuple[Any, ...] = (),
    options: Mapping[str, Any] = {},
) -> Any:
    """The result of `read` as a view of `base`."""
    if not base._aval.shape and not is_memory(base):
        return kept_order(result, result) if _name(read) == "section" else result  # x[...] of a scalar is an array
    trace = current()
    known: bool | None = True
    if read.__name__ not in _IN_ROWS:
        known = is_view(base, _name(read), result.shape)
        if known is False:
            result._like = True  # a copy, row by row
            return result
        if write is not reshaped and trace is not None and trace.rows:
            lies = View(base, result._var, read, write, statics, options, True).layout()
            trace.rows = lies is not None and lies_in_rows(lies)
    if trace is not None:
        trace.pending.append((result, base, read, write, statics, options, known is True))
    else:
        _become(result, View(base, result._var, read, write, statics, options, known is True))
    return result


_IN_ROWS = {"_section", "getitem", "flip", "broadcast_to", "real", "imag", "_view"}
"""NumPy has views here in any case, and what is computed from them lies row by row if it does from their bases."""
