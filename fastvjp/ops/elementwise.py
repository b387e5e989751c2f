"""How elementwise functions are made: promotion, allowed dtypes, what NumPy does instead for bool.

What every elementwise function has in common is said once: it accepts arrays, NumPy arrays, numbers and
nested lists; operands whose shapes do not broadcast raise ValueError, a dtype that the function is not defined
for TypeError. "Floating" functions compute bool and integers in floating point: float32 for up to 16 bits, else
float64, as NumPy.
"""

from __future__ import annotations

import math

from ..arrays.array import array
from ..arrays.emit import cast, emit, full_like_aval, spread
from ..core.avals import aval, bool_, inexact, int8, kind_of
from ..core.scalars import WEAK
from .common import RANGE, ArrayLike, as_array, broadcast, operands, require


def itself(x: array) -> array:
    """The same value under another name, so that assigning to elements of one leaves the other alone."""
    return array._of(x._var)


def as_floating(a: ArrayLike, name: str) -> array:
    """An array of the floating dtype in which NumPy computes with it."""
    x = as_array(a, name)
    return cast(x, inexact(x._var.aval.dtype))


def floating(name: str, a: ArrayLike, kinds: str = "fc") -> array:
    """Apply a floating primitive of one operand."""
    x = as_floating(a, name)
    require(name, x._var.aval.dtype, kinds)
    return emit(name, x)


def floating2(name: str, a: ArrayLike, b: ArrayLike, kinds: str = "fc") -> array:
    """Apply a floating primitive of two operands."""
    x, y = operands(name, a, b, floating=True)
    require(name, x._var.aval.dtype, kinds)
    return emit(name, x, y)


def numeric(name: str, a: ArrayLike, b: ArrayLike, boolean: str, kinds: str = "biufc") -> array:
    """Apply a primitive of two operands, for bool the logical one named `boolean`."""
    x, y = operands(name, a, b)
    require(name, x._var.aval.dtype, kinds)
    return emit(boolean if x._var.aval.dtype == bool_ else name, x, y)


def bool_as_int8(name: str, a: ArrayLike, b: ArrayLike, kinds: str) -> list[array]:
    """Two operands of an arithmetic that NumPy does on bool as on int8."""
    x, y = operands(name, a, b)
    require(name, x._var.aval.dtype, kinds)
    return [cast(x, int8), cast(y, int8)] if x._var.aval.dtype == bool_ else [x, y]


def rounding(name: str, a: ArrayLike) -> array:
    """Apply a primitive that rounds; what is whole already stays as it is."""
    x = as_array(a, name)
    require(name, x._var.aval.dtype, "biuf")
    return emit(name, x) if kind_of(x._var.aval.dtype) == "f" else itself(x)


def compare(name: str, a: ArrayLike, b: ArrayLike) -> array:
    """Compare; a Python integer that the other operand's dtype cannot hold lies beyond all that it can."""
    a, b = reachable(a, b, name), reachable(b, a, name)
    return emit(name, *operands(name, a, b))


def reachable(a: ArrayLike, other: ArrayLike, name: str) -> ArrayLike:
    """The operand, or an infinity for a Python integer outside the range of the other operand's dtype."""
    if WEAK.get(type(a)) is not int or type(other) in WEAK:
        return a
    limits = RANGE.get(as_array(other, name)._var.aval.dtype)
    return a if limits is None or limits[0] <= a <= limits[1] else math.copysign(math.inf, a)


def test(name: str, a: ArrayLike, always: bool) -> array:
    """Apply isnan, isinf or isfinite, which are constant on what is not floating."""
    x = as_array(a, name)
    if kind_of(x._var.aval.dtype) in "fc":
        return emit(name, x)
    return full_like_aval(aval(x._var.aval.shape, bool_), always)


def truth(name: str, *xs: ArrayLike) -> list[array]:
    """Operands as bool, of one shape."""
    arrays = [as_array(x, name) for x in xs]
    shape: tuple[int, ...] = ()
    for x in arrays:
        shape = broadcast(shape, x._var.aval.shape, name)
    return [spread(cast(x, bool_), shape) for x in arrays]


def bits(name: str, boolean: str, a: ArrayLike, b: ArrayLike) -> array:
    """Apply a primitive on integers, for bool the logical one named `boolean`."""
    return numeric(name, a, b, boolean, "biu")
