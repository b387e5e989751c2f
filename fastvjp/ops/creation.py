"""Arrays from shapes and numbers.

An array of one value takes no memory and no op. A shape is an int or a sequence of ints; a negative size
raises ValueError, a dtype that is not supported TypeError.
"""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays.array import array, from_numpy
from ..arrays.emit import cast, full_like_aval, spread
from ..arrays.public import public
from ..core.avals import as_dtype, aval, float32, int32, int64, kind_of, promote, weak_dtype
from ..core.program import uniform
from ..core.scalars import WEAK
from .arithmetic import add, multiply
from .common import RANGE, ArrayLike, as_array, broadcast, operands, scalar, stored
from .rounding import floor

Shape = int | Sequence[int]


def shape_of(shape: Shape, name: str) -> tuple[int, ...]:
    """A shape as a tuple of sizes, none of them negative."""
    given = shape if isinstance(shape, tuple | list | np.ndarray) else (shape,)
    try:
        sizes = tuple([operator.index(n) for n in given])
    except TypeError:
        raise TypeError(f"[{name}] Expected an int or a sequence of ints as shape, got {shape!r}.") from None
    if any(n < 0 for n in sizes):
        raise ValueError(f"[{name}] Negative size in shape {sizes}.")
    return sizes


def _filled(vals: ArrayLike, shape: tuple[int, ...], dtype: np.dtype | None, name: str) -> array:
    """`vals` broadcast to a shape, in a dtype (None for its own)."""
    if type(vals) in WEAK:
        dtype = weak_dtype(vals) if dtype is None else dtype
        if type(vals) is complex and dtype.kind not in "cb":
            raise TypeError(f"[{name}] The complex number {vals} cannot fill an array of {dtype}.")
        if dtype.kind in "iu":
            vals = int(vals)
        return scalar(vals if dtype.kind != "b" else bool(vals), shape, dtype, name)
    if isinstance(vals, np.generic):
        dtype = as_dtype(vals.dtype, name) if dtype is None else dtype
        return array._of(uniform(vals.astype(dtype), shape, dtype))
    x = as_array(vals, name) if dtype is None else stored(vals, dtype, name)
    if broadcast(shape, x._var.aval.shape, name) != shape:
        raise ValueError(f"[{name}] Values of shape {x._var.aval.shape} cannot be broadcast to {shape}.")
    return array._of(spread(x if dtype is None else cast(x, dtype), shape)._var)


@public()
def zeros(shape: Shape, dtype: Any = float32) -> array:
    """Array of zeros.

    Example:
        >>> import fastvjp
        >>> fastvjp.zeros(2)
        array([0, 0], dtype=float32)
    """
    return full_like_aval(aval(shape_of(shape, "zeros"), as_dtype(dtype or float32, "zeros")), 0)


@public()
def ones(shape: Shape, dtype: Any = float32) -> array:
    """Array of ones.

    Example:
        >>> import fastvjp
        >>> fastvjp.ones((1, 2))
        array([[1, 1]], dtype=float32)
    """
    return full_like_aval(aval(shape_of(shape, "ones"), as_dtype(dtype or float32, "ones")), 1)


empty = zeros


@public()
def full(
    shape: Shape, vals: ArrayLike | None = None, dtype: Any = None, *, fill_value: ArrayLike | None = None
) -> array:
    """Array of given values.

    Args:
        shape: shape of the result.
        vals: a number, or an array that is broadcast to the shape; its vjp is the sum of the cotangent.
        dtype: element type; by default that of `vals` (float32 for a Python float, int32 for an int).
        fill_value: NumPy's name for `vals`.

    Raises:
        ValueError: `vals` does not broadcast to the shape.
        TypeError: none or both of `vals` and `fill_value` are given; a complex number for a real dtype.

    Example:
        >>> import fastvjp
        >>> fastvjp.full((2, 2), fastvjp.array([1.0, 2.0]))
        array([[1, 2],
               [1, 2]], dtype=float32)
    """
    value = _one_of(vals, fill_value, "full")
    return _filled(value, shape_of(shape, "full"), None if dtype is None else as_dtype(dtype, "full"), "full")


def _one_of(vals: ArrayLike | None, fill_value: ArrayLike | None, name: str) -> ArrayLike:
    if (vals is None) == (fill_value is None):
        raise TypeError(f"[{name}] Expected one of vals and fill_value.")
    return fill_value if vals is None else vals


@public()
def zeros_like(a: ArrayLike, dtype: Any = None) -> array:
    """Array of zeros of the shape and, unless another is given, the dtype of `a`.

    Example:
        >>> import fastvjp
        >>> fastvjp.zeros_like(fastvjp.array([1, 2]))
        array([0, 0], dtype=int32)
    """
    return full_like(a, 0, dtype)


@public()
def ones_like(a: ArrayLike, dtype: Any = None) -> array:
    """Array of ones of the shape and, unless another is given, the dtype of `a`.

    Example:
        >>> import fastvjp
        >>> fastvjp.ones_like(fastvjp.array([1, 2]))
        array([1, 1], dtype=int32)
    """
    return full_like(a, 1, dtype)


empty_like = zeros_like


@public()
def full_like(
    a: ArrayLike, vals: ArrayLike | None = None, dtype: Any = None, *, fill_value: ArrayLike | None = None
) -> array:
    """Array of given values, as `full` makes it, of the shape and, unless another is given, the dtype of `a`.

    Example:
        >>> import fastvjp
        >>> fastvjp.full_like(fastvjp.array([1.0, 2.0]), 7)
        array([7, 7], dtype=float32)
    """
    like = as_array(a, "full_like")._var.aval
    wanted = like.dtype if dtype is None else as_dtype(dtype, "full_like")
    return _filled(_one_of(vals, fill_value, "full_like"), like.shape, wanted, "full_like")


@public()
def eye(n: int, m: int | None = None, k: int = 0, dtype: Any = float32) -> array:
    """Matrix of ones on a diagonal and zeros elsewhere.

    Args:
        n: number of rows.
        m: number of columns; as many as rows by default.
        k: which diagonal: 0 the main one, positive above it, negative below.
        dtype: element type.

    Example:
        >>> import fastvjp
        >>> fastvjp.eye(2)
        array([[1, 0],
               [0, 1]], dtype=float32)
    """
    rows, columns = shape_of((n, n if m is None else m), "eye")
    return from_numpy(np.eye(rows, columns, k, as_dtype(dtype or float32, "eye")), "eye")


@public()
def identity(n: int, dtype: Any = float32) -> array:
    """Square matrix of ones on the main diagonal and zeros elsewhere.

    Example:
        >>> import fastvjp
        >>> fastvjp.identity(2)
        array([[1, 0],
               [0, 1]], dtype=float32)
    """
    return eye(n, dtype=dtype)


@public()
def tri(n: int, m: int | None = None, k: int = 0, dtype: Any = float32) -> array:
    """Matrix of ones on and below a diagonal and zeros above it; arguments as in `eye`.

    Example:
        >>> import fastvjp
        >>> fastvjp.tri(2)
        array([[1, 0],
               [1, 1]], dtype=float32)
    """
    rows, columns = shape_of((n, n if m is None else m), "tri")
    return from_numpy(np.tri(rows, columns, k, as_dtype(dtype or float32, "tri")), "tri")


@public()
def arange(
    start: float | None = None, stop: float | None = None, step: float | None = None, dtype: Any = None
) -> array:
    """Numbers in steps from `start` up to, but without, `stop`: `arange(stop)`, `arange(start, stop, step)`.

    Args:
        start: first number, 0 by default. A single positional argument is `stop`.
        stop: end of the half-open interval.
        step: difference of neighbours, 1 by default.
        dtype: element type; by default float32 if any of the numbers is a float, int32 if they are ints
            (int64 where int32 does not hold them).

    Raises:
        ValueError: step 0 or NaN, or an end that is not finite.
        TypeError: no end is given.

    Example:
        >>> import fastvjp
        >>> fastvjp.arange(1, 7, 2)
        array([1, 3, 5], dtype=int32)
    """
    if stop is None:
        start, stop = None, start
    if stop is None:
        raise TypeError("[arange] Expected at least the end of the range.")
    numbers = [_number(x) for x in (0 if start is None else start, stop, 1 if step is None else step)]
    if math.isinf(numbers[2]) and math.isfinite(numbers[0]):  # the first is the only one, if there is any
        numbers[2] = math.copysign(builtins.max(abs(numbers[1] - numbers[0]), 1), numbers[2])
    if numbers[2] == 0 or not builtins.all(math.isfinite(x) for x in numbers):
        raise ValueError(f"[arange] Expected finite ends and a step that is not 0, got {numbers}.")
    if dtype is None:
        whole = builtins.all(type(x) is int for x in numbers)
        fits = builtins.all(RANGE[int32][0] <= x <= RANGE[int32][1] for x in numbers)
        wanted = float32 if not whole else int32 if fits else int64
    else:
        wanted = as_dtype(dtype, "arange")
    exact = np.float64 if kind_of(wanted) == "f" else wanted
    return from_numpy(np.arange(*numbers, dtype=exact).astype(wanted), "arange")


def _number(x: Any) -> int | float:
    """A Python number from a scalar of any kind."""
    x = x if isinstance(x, int | float) else np.asarray(x).item()
    return int(x) if isinstance(x, int) else float(x)


@public()
def linspace(
    start: ArrayLike, stop: ArrayLike, num: int = 50, endpoint: bool = True, dtype: Any = float32
) -> array:
    """Evenly spaced numbers from `start` to `stop`.

    Args:
        start: first number; an array (of no axes, or any) is differentiable.
        stop: last number, likewise; the two broadcast.
        num: how many numbers.
        endpoint: whether `stop` itself is the last of them.
        dtype: element type; integers are rounded down.

    Returns:
        Array of shape (num, ...), the shape of `start` and `stop` behind its first axis.

    Raises:
        ValueError: a negative `num`.

    Example:
        >>> import fastvjp
        >>> fastvjp.linspace(0, 1, 5)
        array([0, 0.25, 0.5, 0.75, 1], dtype=float32)
    """
    (count,) = shape_of(num, "linspace")
    wanted = as_dtype(dtype or float32, "linspace")
    if builtins.all(isinstance(x, int | float | complex | np.generic) for x in (start, stop)):
        values = np.linspace(start, stop, count, endpoint)
        values = np.floor(values) if wanted.kind in "iu" else values
        return from_numpy(values.astype(wanted), "linspace")
    first, last = operands("linspace", start, stop, floating=True)
    floating = wanted if kind_of(wanted) in "fc" else first._var.aval.dtype
    way = np.linspace(0, 1, count, endpoint).reshape((count,) + (1,) * first._var.aval.ndim)
    to_go, gone = (from_numpy(part.astype(floating), "linspace") for part in (1 - way, way))
    result = add(multiply(cast(first, floating), to_go), multiply(cast(last, floating), gone))
    return cast(floor(result) if wanted.kind in "iu" else result, wanted)


@public()
def asarray(a: ArrayLike, dtype: Any = None, *, copy: bool | None = None) -> array:
    """An array of what is one: `a` itself if it is a `fastvjp.array` of this dtype.

    Args:
        a: whatever `fastvjp.array` takes.
        dtype: element type; by default as `fastvjp.array` chooses it.
        copy: True for another object in any case; False for an error where one is needed.

    Raises:
        ValueError: `copy` is False, and `a` is no `fastvjp.array` of this dtype.

    Example:
        >>> import fastvjp
        >>> fastvjp.asarray([1, 2])
        array([1, 2], dtype=int32)
    """
    made = as_array(a, "asarray", None if dtype is None else as_dtype(dtype, "asarray"))
    if copy is False and made is not a:
        raise ValueError(f"[asarray] A {type(a).__name__} becomes this array only by a copy, but copy=False.")
    return made.copy() if copy and made is a else made


@public()
def from_dlpack(x: ArrayLike, *, copy: bool | None = None) -> array:
    """An array of what offers DLPack; arguments and errors as of `asarray`.

    Example:
        >>> import fastvjp
        >>> import numpy as np
        >>> fastvjp.from_dlpack(np.ones(2))
        array([1, 1], dtype=float64)
    """
    return asarray(x, copy=copy)


@public()
def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    """The dtype to which arrays, dtypes and Python's numbers promote: NumPy 2's, numbers are weak.

    Raises:
        ValueError: nothing is given.

    Example:
        >>> import fastvjp
        >>> fastvjp.result_type(fastvjp.float32, 1.0, fastvjp.array([1], fastvjp.int8))
        dtype('float32')
    """
    if not arrays_and_dtypes:
        raise ValueError("[result_type] Expected at least one array or dtype.")
    numbers = [x for x in arrays_and_dtypes if type(x) in WEAK]
    others = [
        x.dtype if isinstance(x, array | np.ndarray | np.generic) else as_dtype(x, "result_type")
        for x in arrays_and_dtypes
        if type(x) not in WEAK
    ]
    if not others:  # the most general of the numbers says the kind
        kinds = [WEAK[type(x)] for x in numbers]
        last = builtins.max(kinds, key=(bool, int, float, complex).index)
        others = [weak_dtype(x) for x in numbers if WEAK[type(x)] is last]
    return promote(*others, *[WEAK[type(x)] for x in numbers])


@public()
def depends(inputs: Any, dependencies: Any) -> Any:
    """The inputs as they are: MLX's way to say what is computed first, which makes no difference here.

    Example:
        >>> import fastvjp
        >>> fastvjp.depends(fastvjp.array(1.0), fastvjp.array(2.0))
        array(1, dtype=float32)
    """
    return inputs


@public()
def contiguous(a: ArrayLike, allow_col_major: bool = False) -> array:
    """The array: how it lies in memory is nothing that a value has, see `copy` for orders.

    Example:
        >>> import fastvjp
        >>> fastvjp.contiguous(fastvjp.array([1.0, 2.0]).T)
        array([1, 2], dtype=float32)
    """
    return as_array(a, "contiguous").copy()
