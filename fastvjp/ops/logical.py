"""Comparison, tests, choice, logic and bits.

Operands broadcast against one another and are promoted as in NumPy 2: see `elementwise`.
"""

from __future__ import annotations

import math

import numpy as np

from ..arrays.array import array, as_arrays
from ..arrays.calls import binary, recorded, unary
from ..arrays.emit import cast, emit, full_like_aval, spread
from ..arrays.public import public
from ..arrays.views import has_views
from ..core.avals import aval, bool_, kind_of
from ..core.dtypes import finfo
from .arithmetic import abs, add, multiply, subtract
from .common import ArrayLike, as_array, operands, require
from .complex_parts import imag, real
from .elementwise import bits, bool_as_int8, compare, itself, test, truth


# --- comparison ---------------------------------------------------------------------------------------------
@public(binary, numpy=np.equal)
def equal(a: ArrayLike, b: ArrayLike) -> array:
    """Return `a == b`, elementwise.

    Example:
        >>> import fastvjp
        >>> fastvjp.equal(fastvjp.array([1, 2]), 2)
        array([False, True], dtype=bool)
    """
    return compare("equal", a, b)


@public(binary, numpy=np.not_equal)
def not_equal(a: ArrayLike, b: ArrayLike) -> array:
    """Return `a != b`, elementwise.

    Example:
        >>> import fastvjp
        >>> fastvjp.not_equal(fastvjp.array([1, 2]), 2)
        array([True, False], dtype=bool)
    """
    return compare("not_equal", a, b)


@public(binary, numpy=np.less)
def less(a: ArrayLike, b: ArrayLike) -> array:
    """Return `a < b`, elementwise; complex numbers compare by real, then by imaginary part.

    Example:
        >>> import fastvjp
        >>> fastvjp.less(fastvjp.array([1, 2]), 2)
        array([True, False], dtype=bool)
    """
    return compare("less", a, b)


@public(binary, numpy=np.less_equal)
def less_equal(a: ArrayLike, b: ArrayLike) -> array:
    """Return `a <= b`, elementwise; complex numbers as in `less`.

    Example:
        >>> import fastvjp
        >>> fastvjp.less_equal(fastvjp.array([1, 3]), 2)
        array([True, False], dtype=bool)
    """
    return compare("less_equal", a, b)


@public(binary, numpy=np.greater)
def greater(a: ArrayLike, b: ArrayLike) -> array:
    """Return `a > b`, elementwise; complex numbers as in `less`.

    Example:
        >>> import fastvjp
        >>> fastvjp.greater(fastvjp.array([1, 3]), 2)
        array([False, True], dtype=bool)
    """
    return compare("greater", a, b)


@public(binary, numpy=np.greater_equal)
def greater_equal(a: ArrayLike, b: ArrayLike) -> array:
    """Return `a >= b`, elementwise; complex numbers as in `less`.

    Example:
        >>> import fastvjp
        >>> fastvjp.greater_equal(fastvjp.array([1, 2]), 2)
        array([False, True], dtype=bool)
    """
    return compare("greater_equal", a, b)


# --- tests and choice ---------------------------------------------------------------------------------------
@public(recorded(3))
def where(condition: ArrayLike, x: ArrayLike, y: ArrayLike) -> array:
    """Elements of `x` where the condition holds, of `y` elsewhere.

    The gradient passes only to the chosen one; the other takes an exact 0, even where its own derivative is
    inf or nan.

    Args:
        condition: bool, or anything that is true where it is not 0.
        x: values where it holds.
        y: values where it does not; all three broadcast.

    Returns:
        Array of the broadcast shape and the promoted dtype of x and y.

    Example:
        >>> import fastvjp
        >>> x = fastvjp.array([-1.0, 2.0])
        >>> fastvjp.where(x > 0, x, 0)
        array([0, 2], dtype=float32)
    """
    c = cast(as_array(condition, "where"), bool_)
    chosen, other = operands("where", x, y, shape=c._var.aval.shape)
    return emit("select", spread(c, chosen._var.aval.shape), chosen, other)


@public(unary, numpy=np.isnan)
def isnan(a: ArrayLike) -> array:
    """Whether each element is nan.

    Example:
        >>> import fastvjp
        >>> fastvjp.isnan(fastvjp.array([1.0, float("nan")]))
        array([False, True], dtype=bool)
    """
    return test("isnan", a, False)


@public(unary, numpy=np.isinf)
def isinf(a: ArrayLike) -> array:
    """Whether each element is inf or -inf.

    Example:
        >>> import fastvjp
        >>> fastvjp.isinf(fastvjp.array([1.0, -float("inf")]))
        array([False, True], dtype=bool)
    """
    return test("isinf", a, False)


@public(unary, numpy=np.isfinite)
def isfinite(a: ArrayLike) -> array:
    """Whether each element is neither infinite nor nan.

    Example:
        >>> import fastvjp
        >>> fastvjp.isfinite(fastvjp.array([1.0, float("nan")]))
        array([True, False], dtype=bool)
    """
    return test("isfinite", a, True)


@public(unary, numpy=np.isposinf)
def isposinf(a: ArrayLike) -> array:
    """Whether each element of a real array is inf.

    Example:
        >>> import fastvjp
        >>> fastvjp.isposinf([1.0, float("inf")])
        array([False, True], dtype=bool)
    """
    return _is_this_infinity("isposinf", a, math.inf)


@public(unary, numpy=np.isneginf)
def isneginf(a: ArrayLike) -> array:
    """Whether each element of a real array is -inf.

    Example:
        >>> import fastvjp
        >>> fastvjp.isneginf([1.0, -float("inf")])
        array([False, True], dtype=bool)
    """
    return _is_this_infinity("isneginf", a, -math.inf)


def _is_this_infinity(name: str, a: ArrayLike, infinity: float) -> array:
    x = as_array(a, name)
    require(name, x._var.aval.dtype, "biuf")
    if kind_of(x._var.aval.dtype) == "f":
        return equal(x, infinity)
    return full_like_aval(aval(x._var.aval.shape, bool_), False)


@public(numpy=np.nan_to_num)
def nan_to_num(
    a: ArrayLike,
    nan: ArrayLike = 0.0,
    posinf: ArrayLike | None = None,
    neginf: ArrayLike | None = None,
    copy: bool | None = True,
) -> array:
    """Replace nan and infinities.

    Args:
        a: any array; in complex ones each part is looked at for itself.
        nan: replacement of nan.
        posinf: replacement of inf; by default the largest number of the dtype.
        neginf: replacement of -inf; by default the least number of the dtype.
        copy: where slices are views, False puts the result into `a` itself; elsewhere arrays are values.

    Returns:
        Array of the shape and dtype of `a`.

    Example:
        >>> import fastvjp
        >>> fastvjp.nan_to_num(fastvjp.array([float("nan"), float("inf")]), posinf=9)
        array([0, 9], dtype=float32)
    """
    x = as_array(a, "nan_to_num")
    if not copy and x is a and has_views(x):
        x._var = nan_to_num(x, nan, posinf, neginf)._var
        return x
    dtype = x._var.aval.dtype
    if kind_of(dtype) not in "fc":
        return itself(x)
    if dtype.kind == "c":
        parts = [nan_to_num(part, nan, posinf, neginf) for part in (real(x), imag(x))]
        return add(cast(parts[0], dtype), multiply(cast(parts[1], dtype), 1j))
    largest = float(finfo(dtype).max)
    result = where(isnan(x), nan, x)
    result = where(equal(x, math.inf), largest if posinf is None else posinf, result)
    result = where(equal(x, -math.inf), -largest if neginf is None else neginf, result)
    return cast(result, dtype)


@public(numpy=np.isclose)
def isclose(
    a: ArrayLike, b: ArrayLike, rtol: ArrayLike = 1e-05, atol: ArrayLike = 1e-08, equal_nan: bool = False
) -> array:
    """Whether `|a - b| <= atol + rtol * |b|`, elementwise.

    Args:
        a: any array.
        b: array to which it is compared; the two broadcast.
        rtol: tolerance relative to `b`.
        atol: absolute tolerance.
        equal_nan: nan equals nan.

    Returns:
        Array of bool. An infinity is close to itself only.

    Example:
        >>> import fastvjp
        >>> fastvjp.isclose(fastvjp.array([1.0, 2.0]), fastvjp.array([1.0000001, 2.1]))
        array([True, False], dtype=bool)
    """
    x, y = operands("isclose", *as_arrays([a, b, rtol, atol], "isclose")[:2], floating=True)
    near = less_equal(abs(subtract(x, y)), add(atol, multiply(rtol, abs(y))))
    result = logical_or(logical_and(near, isfinite(y)), equal(x, y))
    return logical_or(result, logical_and(isnan(x), isnan(y))) if equal_nan else result


@public(numpy=np.allclose)
def allclose(
    a: ArrayLike, b: ArrayLike, rtol: ArrayLike = 1e-05, atol: ArrayLike = 1e-08, equal_nan: bool = False
) -> array:
    """Whether `isclose` holds for all elements: a bool array without axes.

    Example:
        >>> import fastvjp
        >>> bool(fastvjp.allclose(fastvjp.array([1.0, 2.0]), [1.0, 2.0]))
        True
    """
    return _all(isclose(a, b, rtol, atol, equal_nan))


@public(numpy=np.array_equal)
def array_equal(a: ArrayLike, b: ArrayLike, equal_nan: bool = False) -> array:
    """Whether shapes and all elements are equal, whatever the dtypes: a bool array without axes.

    Example:
        >>> import fastvjp
        >>> bool(fastvjp.array_equal(fastvjp.array([1.0, 2.0]), [1, 2]))
        True
    """
    x, y = as_arrays([a, b], "array_equal")
    if x._var.aval.shape != y._var.aval.shape:
        return full_like_aval(aval((), bool_), False)
    same = equal(x, y)
    return _all(logical_or(same, logical_and(isnan(x), isnan(y))) if equal_nan else same)


def _all(x: array) -> array:
    if x._var.aval.size == 0:
        return full_like_aval(aval((), bool_), True)
    return emit("min", x, axes=tuple(range(x._var.aval.ndim))) if x._var.aval.ndim else x


# --- logic and bits -----------------------------------------------------------------------------------------
@public(binary, numpy=np.logical_and)
def logical_and(a: ArrayLike, b: ArrayLike) -> array:
    """Whether both operands are true, that is not 0.

    Example:
        >>> import fastvjp
        >>> fastvjp.logical_and(fastvjp.array([True, False]), True)
        array([True, False], dtype=bool)
    """
    return emit("logical_and", *truth("logical_and", a, b))


@public(binary, numpy=np.logical_or)
def logical_or(a: ArrayLike, b: ArrayLike) -> array:
    """Whether one or both of two operands are true, that is not 0.

    Example:
        >>> import fastvjp
        >>> fastvjp.logical_or(fastvjp.array([True, False]), False)
        array([True, False], dtype=bool)
    """
    return emit("logical_or", *truth("logical_or", a, b))


@public(binary, numpy=np.logical_xor)
def logical_xor(a: ArrayLike, b: ArrayLike) -> array:
    """Whether just one of two operands is true, that is not 0.

    Example:
        >>> import fastvjp
        >>> fastvjp.logical_xor(fastvjp.array([True, False]), True)
        array([False, True], dtype=bool)
    """
    return emit("not_equal", *truth("logical_xor", a, b))


@public(unary, numpy=np.logical_not)
def logical_not(a: ArrayLike) -> array:
    """Whether the operand is false, that is 0.

    Example:
        >>> import fastvjp
        >>> fastvjp.logical_not(fastvjp.array([True, False]))
        array([False, True], dtype=bool)
    """
    return emit("logical_not", *truth("logical_not", a))


@public(binary, numpy=np.bitwise_and)
def bitwise_and(a: ArrayLike, b: ArrayLike) -> array:
    """Bits that are set in both operands, integers or bool.

    Example:
        >>> import fastvjp
        >>> fastvjp.bitwise_and(fastvjp.array([6, 12]), 4)
        array([4, 4], dtype=int32)
    """
    return bits("bitwise_and", "logical_and", a, b)


@public(binary, numpy=np.bitwise_or)
def bitwise_or(a: ArrayLike, b: ArrayLike) -> array:
    """Bits that are set in one or both of two operands, integers or bool.

    Example:
        >>> import fastvjp
        >>> fastvjp.bitwise_or(fastvjp.array([2, 8]), 4)
        array([6, 12], dtype=int32)
    """
    return bits("bitwise_or", "logical_or", a, b)


@public(binary, numpy=np.bitwise_xor)
def bitwise_xor(a: ArrayLike, b: ArrayLike) -> array:
    """Bits that are set in just one of two operands, integers or bool.

    Example:
        >>> import fastvjp
        >>> fastvjp.bitwise_xor(fastvjp.array([6, 8]), 4)
        array([2, 12], dtype=int32)
    """
    return bits("bitwise_xor", "not_equal", a, b)


@public(unary, numpy=np.invert)
def bitwise_invert(a: ArrayLike) -> array:
    """All bits of an integer flipped; for bool the logical not.

    Example:
        >>> import fastvjp
        >>> fastvjp.bitwise_invert(fastvjp.array([0, 5]))
        array([-1, -6], dtype=int32)
    """
    x = as_array(a, "bitwise_invert")
    require("bitwise_invert", x._var.aval.dtype, "biu")
    return emit("logical_not" if x._var.aval.dtype == bool_ else "bitwise_invert", x)


@public(binary, numpy=np.left_shift)
def left_shift(a: ArrayLike, b: ArrayLike) -> array:
    """Integers `a * 2**b`, without the bits that do not fit.

    Example:
        >>> import fastvjp
        >>> fastvjp.left_shift(fastvjp.array([1, 3]), 2)
        array([4, 12], dtype=int32)
    """
    return emit("left_shift", *bool_as_int8("left_shift", a, b, "biu"))


@public(binary, numpy=np.right_shift)
def right_shift(a: ArrayLike, b: ArrayLike) -> array:
    """Integers `a / 2**b`, rounded down.

    Example:
        >>> import fastvjp
        >>> fastvjp.right_shift(fastvjp.array([4, -3]), 1)
        array([2, -2], dtype=int32)
    """
    return emit("right_shift", *bool_as_int8("right_shift", a, b, "biu"))


bitwise_left_shift, bitwise_right_shift = left_shift, right_shift
