"""Arithmetic, powers, rounding.

Operands broadcast against one another and are promoted as in NumPy 2: see `elementwise`.
"""

from __future__ import annotations

import numpy as np

from ..arrays.array import array, as_arrays, numpy_of
from ..arrays.calls import binary, keyed, unary
from ..arrays.emit import cast, emit, full_like_aval
from ..arrays.public import public
from ..core.avals import DTYPES, bool_, float64, int8, kind_of, promote
from ..core.scalars import as_float
from .common import ArrayLike, as_array, operands, require
from .elementwise import bool_as_int8, floating, itself, numeric

MAX_INTEGER_EXPONENT = 32
"""Up to this exponent a power is repeated multiplication, compiled for the exponent."""


# --- arithmetic ---------------------------------------------------------------------------------------------
@public(binary, numpy=np.add)
def add(a: ArrayLike, b: ArrayLike) -> array:
    """Sum of two operands; for bool the logical or.

    Example:
        >>> import fastvjp
        >>> fastvjp.add(fastvjp.array([1.0, 2.0]), 3)
        array([4, 5], dtype=float32)
    """
    return numeric("add", a, b, "logical_or")


@public(binary, numpy=np.subtract)
def subtract(a: ArrayLike, b: ArrayLike) -> array:
    """Difference `a - b`.

    Raises:
        TypeError: bool operands.

    Example:
        >>> import fastvjp
        >>> fastvjp.subtract(3, fastvjp.array([1.0, 2.0]))
        array([2, 1], dtype=float32)
    """
    x, y = operands("subtract", a, b)
    require("subtract", x._var.aval.dtype, "iufc", "use logical_xor, or cast to int32 first")
    return emit("subtract", x, y)


@public(binary, numpy=np.multiply)
def multiply(a: ArrayLike, b: ArrayLike) -> array:
    """Product of two operands; for bool the logical and.

    Example:
        >>> import fastvjp
        >>> fastvjp.multiply(fastvjp.array([1.0, 2.0]), 3)
        array([3, 6], dtype=float32)
    """
    return numeric("multiply", a, b, "logical_and")


@public(binary, numpy=np.divide)
def divide(a: ArrayLike, b: ArrayLike) -> array:
    """Quotient `a / b`, floating; float64 for bool and integers of any size, as in NumPy.

    Example:
        >>> import fastvjp
        >>> fastvjp.divide(fastvjp.array([1.0, 2.0]), 4)
        array([0.25, 0.5], dtype=float32)
    """
    x, y = operands("divide", as_float(a), as_float(b))
    if x._var.aval.dtype.kind in "biu":
        x, y = cast(x, float64), cast(y, float64)
    return emit("divide", x, y)


true_divide = divide


@public(binary, numpy=np.floor_divide)
def floor_divide(a: ArrayLike, b: ArrayLike) -> array:
    """Largest integers not greater than `a / b`, in the promoted dtype; an integer divided by 0 gives 0.

    Example:
        >>> import fastvjp
        >>> fastvjp.floor_divide(fastvjp.array([7, -7]), 2)
        array([3, -4], dtype=int32)
    """
    return emit("floor_divide", *bool_as_int8("floor_divide", a, b, "biuf"))


@public(binary, numpy=np.remainder)
def remainder(a: ArrayLike, b: ArrayLike) -> array:
    """Remainder `a - floor(a / b) * b`, with the sign of `b`.

    Example:
        >>> import fastvjp
        >>> fastvjp.remainder(fastvjp.array([7, -7]), 3)
        array([1, 2], dtype=int32)
    """
    return emit("remainder", *bool_as_int8("remainder", a, b, "biuf"))


mod = remainder


@public(numpy=np.divmod)
def divmod(a: ArrayLike, b: ArrayLike) -> tuple[array, array]:
    """Return `floor_divide(a, b)` and `remainder(a, b)`.

    Example:
        >>> import fastvjp
        >>> fastvjp.divmod(fastvjp.array([7, -7]), 3)
        (array([2, -3], dtype=int32), array([1, 2], dtype=int32))
    """
    return floor_divide(a, b), remainder(a, b)


@public(unary, numpy=np.negative)
def negative(a: ArrayLike) -> array:
    """Return `-a`.

    Raises:
        TypeError: bool operand.

    Example:
        >>> import fastvjp
        >>> fastvjp.negative([1.0, -2.0])
        array([-1, 2], dtype=float32)
    """
    x = as_array(a, "negative")
    require("negative", x._var.aval.dtype, "iufc", "use logical_not")
    return emit("negative", x)


@public(unary, numpy=np.positive)
def positive(a: ArrayLike) -> array:
    """Return `+a`: the operand itself, as an array.

    Raises:
        TypeError: bool operand.

    Example:
        >>> import fastvjp
        >>> fastvjp.positive([1.0, -2.0])
        array([1, -2], dtype=float32)
    """
    x = as_array(a, "positive")
    require("positive", x._var.aval.dtype, "iufc")
    return itself(x)


@public(unary, numpy=np.absolute, method=True)
def abs(a: ArrayLike) -> array:
    """Absolute value; for complex numbers the modulus, a real array. The derivative at 0 is 0.

    Example:
        >>> import fastvjp
        >>> fastvjp.abs(fastvjp.array([-1.0, 2.0]))
        array([1, 2], dtype=float32)
    """
    x = as_array(a, "abs")
    return itself(x) if x._var.aval.dtype.kind in "bu" else emit("abs", x)


absolute = abs


@public(unary, numpy=np.sign)
def sign(a: ArrayLike) -> array:
    """-1, 0 or 1 by the sign of `a`; for complex numbers `a / |a|`, and 0 at 0.

    Raises:
        TypeError: bool operand.

    Example:
        >>> import fastvjp
        >>> fastvjp.sign(fastvjp.array([-3.0, 0.0, 2.0]))
        array([-1, 0, 1], dtype=float32)
    """
    x = as_array(a, "sign")
    require("sign", x._var.aval.dtype, "iufc")
    return emit("sign", x)


@public(binary, numpy=np.maximum, method=True)
def maximum(a: ArrayLike, b: ArrayLike) -> array:
    """Larger of two operands, nan where either is. Where they are equal each takes half the cotangent.

    Example:
        >>> import fastvjp
        >>> fastvjp.maximum(fastvjp.array([-1.0, 2.0]), 0)
        array([0, 2], dtype=float32)
    """
    return numeric("maximum", a, b, "logical_or")


@public(binary, numpy=np.minimum, method=True)
def minimum(a: ArrayLike, b: ArrayLike) -> array:
    """Smaller of two operands, nan where either is. Where they are equal each takes half the cotangent.

    Example:
        >>> import fastvjp
        >>> fastvjp.minimum(fastvjp.array([-1.0, 2.0]), 0)
        array([-1, 0], dtype=float32)
    """
    return numeric("minimum", a, b, "logical_and")


@public(numpy=np.clip, method=True)
def clip(
    a: ArrayLike,
    a_min: ArrayLike | None = None,
    a_max: ArrayLike | None = None,
    *,
    min: ArrayLike | None = None,
    max: ArrayLike | None = None,
) -> array:
    """Limit values to `a_min` from below and `a_max` from above: `minimum(maximum(a, a_min), a_max)`.

    Args:
        a: any array.
        a_min: lower limit, broadcast against `a`; None for none.
        a_max: upper limit, likewise.
        min: another name for a_min, as in NumPy.
        max: another name for a_max.

    Raises:
        TypeError: a limit is given under both names.

    Example:
        >>> import fastvjp
        >>> fastvjp.clip(fastvjp.array([-1.0, 0.5, 3.0]), 0, 1)
        array([0, 0.5, 1], dtype=float32)
    """
    if (a_min is not None and min is not None) or (a_max is not None and max is not None):
        raise TypeError("[clip] A limit is given twice: as a_min and min, or as a_max and max.")
    low, high = a_min if min is None else min, a_max if max is None else max
    x = itself(as_arrays([a, *[limit for limit in (low, high) if limit is not None]], "clip")[0])
    if low is not None:
        x = maximum(x, low)
    return x if high is None else minimum(x, high)


# --- powers -------------------------------------------------------------------------------------------------
@public(numpy=np.power)
def power(a: ArrayLike, b: ArrayLike) -> array:
    """Return `a` to the power `b`, in the promoted dtype.

    A small exponent that is a Python integer, or a float of integer value, becomes repeated multiplication.
    The derivative of `a**0` with respect to `a` is 0, at 0 too.

    Raises:
        ValueError: an integer to a negative integer power (where the exponents are known).

    Example:
        >>> import fastvjp
        >>> fastvjp.power(fastvjp.array([2.0, 3.0]), 2)
        array([4, 9], dtype=float32)
    """
    kind = type(b)
    if kind is int and -MAX_INTEGER_EXPONENT <= b <= MAX_INTEGER_EXPONENT:
        return _small_power(a, (b, int))
    if kind is float:
        if b == 0.5:
            return _root(a)
        if b.is_integer() and -MAX_INTEGER_EXPONENT <= b <= MAX_INTEGER_EXPONENT:
            return _small_power(a, (int(b), float))
    else:
        x, y = as_array(a, "power"), as_array(b, "power")
        integer = x._var.aval.dtype.kind in "biu" and y._var.aval.dtype.kind == "i"
        if integer and y._var.value is not None and np.any(numpy_of(y._var) < 0):
            raise _negative_power(promote(x._var.aval.dtype, y._var.aval.dtype))
    return _power(a, b)


pow = power


@keyed
def _small_power(a: ArrayLike, exponent: tuple[int, type]) -> array:
    """Power by a whole number that came as a Python number of this type."""
    x = as_array(a, "power")
    return integer_power(cast(x, promote(x._var.aval.dtype, exponent[1])), exponent[0])


@unary
def _root(a: ArrayLike) -> array:
    """`a**0.5`."""
    x = as_array(a, "power")
    return emit("sqrt", cast(x, promote(x._var.aval.dtype, float)))


@binary
def _power(a: ArrayLike, b: ArrayLike) -> array:
    return emit("power", *bool_as_int8("power", a, b, "biufc"))


def integer_power(x: array, n: int) -> array:
    """`x` to the power of a Python integer, by multiplications chosen when the kernel is compiled."""
    if n < 0 and kind_of(x._var.aval.dtype) not in "fc":
        raise _negative_power(x._var.aval.dtype)
    if n == 0:
        return full_like_aval(x._var.aval, 1)
    if n == 1:
        return itself(x)
    special = {2: "square", -1: "reciprocal"}.get(n)
    return emit("integer_power", x, n=n) if special is None else emit(special, x)


def _negative_power(dtype: np.dtype) -> ValueError:
    return ValueError(
        f"[power] {dtype} to a negative integer power is no integer. Hint: cast the base to float32 first."
    )


@public(unary, numpy=np.square, method=True)
def square(a: ArrayLike) -> array:
    """Return `a * a`; for bool the result is int8, as in NumPy.

    Example:
        >>> import fastvjp
        >>> fastvjp.square(fastvjp.array([2.0, 3.0]))
        array([4, 9], dtype=float32)
    """
    x = as_array(a, "square")
    return emit("square", cast(x, int8) if x._var.aval.dtype == bool_ else x)


@public(unary, numpy=np.sqrt, method=True)
def sqrt(a: ArrayLike) -> array:
    """Square root, floating; nan for negative real numbers.

    Example:
        >>> import fastvjp
        >>> fastvjp.sqrt(fastvjp.array([4.0, 9.0]))
        array([2, 3], dtype=float32)
    """
    return floating("sqrt", a)


@public(unary, numpy=np.cbrt)
def cbrt(a: ArrayLike) -> array:
    """Cube root of a real operand, negative of negative numbers, floating. The derivative at 0 is inf.

    Example:
        >>> import fastvjp
        >>> fastvjp.cbrt(fastvjp.array([8.0, -27.0]))
        array([2, -3], dtype=float32)
    """
    return floating("cbrt", a, "f")


@public(unary, method=True)
def rsqrt(a: ArrayLike) -> array:
    """Return `1 / sqrt(a)`, floating.

    Example:
        >>> import fastvjp
        >>> fastvjp.rsqrt(fastvjp.array([4.0, 16.0]))
        array([0.5, 0.25], dtype=float32)
    """
    return floating("rsqrt", a)


@public(unary, numpy=np.reciprocal, method=True)
def reciprocal(a: ArrayLike) -> array:
    """Return `1 / a`, floating (as in MLX; NumPy truncates integers).

    Example:
        >>> import fastvjp
        >>> fastvjp.reciprocal(fastvjp.array([2.0, 4.0]))
        array([0.5, 0.25], dtype=float32)
    """
    return floating("reciprocal", a)


@public(binary)
def scale(a: ArrayLike, b: ArrayLike) -> array:
    """`a * conj(b)`, but 0 wherever `a` is, even if `b` is inf or nan: a cotangent times a derivative.

    Example:
        >>> import fastvjp
        >>> fastvjp.scale(fastvjp.array([0.0, 2.0]), fastvjp.array([float("inf"), 3.0]))
        array([0, 6], dtype=float32)
    """
    return emit("scale", *operands("scale", a, b))


# --- for rules ----------------------------------------------------------------------------------------------
@public()
def copy(a: ArrayLike) -> array:
    """The same values, in memory of their own and contiguous.

    Example:
        >>> import fastvjp
        >>> fastvjp.copy([1.0, 2.0])
        array([1, 2], dtype=float32)
    """
    return emit("copy", as_array(a, "copy"))


def normalize_index(index: array, size: int) -> array:
    """int64 indices from the front for an axis of this size; ones outside it are marked as out of range."""
    return emit("normalize_index", cast(index, DTYPES["int64"]), size=size)
