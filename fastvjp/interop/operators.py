"""Python's operators on arrays, and the methods of `array` that are no function of the same name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import ops
from ..arrays.array import array
from ..arrays.calls import operator
from ..arrays.emit import cast
from ..arrays.public import attach
from ..arrays.views import has_views, is_memory, layout, settle, view_of
from ..core.callers import place
from ..core.dtypes import can_cast
from ..core.errors import DtypeError
from ..ops.indexing import At, getitem, setitem, writes_itself

# --- operators ---------------------------------------------------------------------------------------------


def kept(old: array, new: array, where: str) -> array:
    """`new` in the shape and dtype of `old`, which it is to replace: NumPy's rule for in-place results."""
    if not can_cast(new.dtype, old.dtype, "same_kind"):
        raise DtypeError(
            f"[{where}] A result of dtype {new.dtype} does not fit an array of {old.dtype}. "
            f"Hint: write a = a {where[:-1] if where.endswith('=') else '+'} b, or cast first."
        )
    if new.shape != old.shape:
        raise ValueError(f"[{where}] A result of shape {new.shape} does not fit an array of shape {old.shape}.")
    return cast(new, old.dtype)


def _reflected(operate: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, other: operate(other, self)


def _in_place(operate: Callable[..., Any], where: str) -> Callable[..., Any]:
    """An operator that changes the object. NumPy's scalars it cannot change: there the name rebinds."""

    def operate_in_place(self: array, other: Any) -> Any:
        result = operate(self, other)
        if result is NotImplemented:
            return result
        if self.shape or is_memory(self):
            result = kept(self, result, where)
        elif has_views(self):
            return result
        self._var = result._var
        return self

    return operate_in_place


_ARITHMETIC: dict[str, tuple[str, Callable[..., Any]]] = {
    "add": ("+", ops.add),
    "sub": ("-", ops.subtract),
    "mul": ("*", ops.multiply),
    "truediv": ("/", ops.divide),
    "floordiv": ("//", ops.floor_divide),
    "mod": ("%", ops.remainder),
    "pow": ("**", ops.power),
    "matmul": ("@", ops.matmul),
    "and": ("&", ops.bitwise_and),
    "or": ("|", ops.bitwise_or),
    "xor": ("^", ops.bitwise_xor),
    "lshift": ("<<", ops.left_shift),
    "rshift": (">>", ops.right_shift),
}
for _name, (_symbol, _function) in _ARITHMETIC.items():
    _operate = operator(_function)
    attach(f"__{_name}__", _operate)
    attach(f"__r{_name}__", _reflected(_operate))
    attach(f"__i{_name}__", _in_place(_operate, f"{_symbol}="))
attach("__divmod__", operator(ops.divmod))
attach("__rdivmod__", _reflected(operator(ops.divmod)))

attach("__eq__", operator(ops.equal))
attach("__ne__", operator(ops.not_equal))
attach("__lt__", operator(ops.less))
attach("__le__", operator(ops.less_equal))
attach("__gt__", operator(ops.greater))
attach("__ge__", operator(ops.greater_equal))

attach("__neg__", ops.negative)
attach("__pos__", ops.positive)
attach("__abs__", ops.abs)
attach("__invert__", ops.bitwise_invert)

# --- elements ----------------------------------------------------------------------------------------------


def _setitem(self: array, index: Any, value: Any) -> None:
    if not writes_itself(self, index, value):
        if type(value) is array and value._aval.ndim and type(index) is int:
            _check_swap(self, value)
        self._var = setitem(self, index, value)._var


def _check_swap(a: array, row: array) -> None:
    """TypeError if a library exchanges rows: NumPy's `shuffle` does so with the memory of its own arrays only."""
    view = view_of(row)
    if view is not None and view.base is a and (found := place()).called != "store":
        raise TypeError(
            f"[setitem] {found.file}:{found.line}: {found.source} exchanges rows of an array by way of views, and "
            "rows would be lost. Hint: x[...] = x[rng.permutation(len(x))] instead of shuffle."
        )


def _contains(self: array, value: Any) -> bool:
    return bool(ops.any(ops.equal(self, value)))


def at(self: array) -> At:
    """`a.at[index].add(value)` and its kin: updates that return a new array."""
    return At(self)


def _round(self: array, ndigits: int | None = None) -> array:
    return ops.round(self, ndigits or 0)


attach("__getitem__", getitem)
attach("__setitem__", _setitem)
attach("__contains__", _contains)
attach("__round__", _round)
attach("at", property(at))

# --- methods -----------------------------------------------------------------------------------------------


def reshape(self: array, *shape: Any, order: str = "C") -> array:
    """The array under another shape, given as one tuple or as several ints; see `fastvjp.reshape`."""
    return ops.reshape(self, shape[0] if len(shape) == 1 else shape, order)


def transpose(self: array, *axes: Any) -> array:
    """The array with its axes permuted, given as one tuple or as several ints; by default reversed."""
    return ops.transpose(self, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None)


def transposed(self: array) -> array:
    """The array with its axes reversed."""
    return ops.transpose(self)


def strides(self: array) -> tuple[int, ...]:
    """Bytes from one element to the next along each axis, as NumPy's array of this shape would have them."""
    lies = layout(self)
    if lies is None:
        raise ValueError(
            "[strides] How NumPy's array would lie in memory depends on the order of what it was computed from, "
            "which is not known. Hint: x.copy().strides."
        )
    return tuple([s * self.dtype.itemsize for s in lies.strides])


def matrices_transposed(self: array) -> array:
    """The array with its last two axes exchanged."""
    return ops.swapaxes(self, -1, -2)


def conj(self: array) -> array:
    """Complex conjugate; where slices are views a real array itself, as NumPy's method gives it."""
    return self if self.dtype.kind != "c" and has_views(self) else ops.conj(self)


def _set_shape(self: array, shape: Any) -> None:
    """Give the object another shape, as NumPy does: where slices are views it becomes a view of what it was."""
    settle()
    was = array._of(self._var)
    was._held, was._trace, was._number = self._held, self._trace, self._number
    if hasattr(self, "_like"):
        was._like = self._like
    shaped = ops.reshape(was, shape)
    view = view_of(shaped)
    if has_views(was) and (view is None or not view.known):
        raise AttributeError(
            f"[shape] An array of shape {self.shape} does not take the shape {shape} in place, or it is not known "
            f"whether NumPy's would: that depends on how it lies in memory. Hint: x = x.reshape({shape})."
        )
    self._held, self._trace, self._number = shaped._held, shaped._trace, shaped._number


setattr(array, "shape", vars(array)["shape"].setter(_set_shape))  # noqa: B010  its getter stands below
attach("reshape", reshape)
attach("transpose", transpose)
attach("T", property(transposed))
attach("strides", property(strides))
attach("mT", property(matrices_transposed))
attach("conj", conj)
attach("conjugate", conj)
