"""Operators and methods of `array`, each of them an op of the same name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import ops

_OPERANDS = {float, int, bool, complex, np.ndarray, list, tuple}


def is_operand(value: Any) -> bool:
    """Whether an operator takes `value`; for anything else its own reflected operator is tried."""
    return type(value) in _OPERANDS or hasattr(value, "__array__") or isinstance(value, float | int | complex)


def kept(old: Any, new: Any, where: str) -> Any:
    """`new` in the shape and dtype of `old`, which it is to replace: NumPy's rule for in-place results."""
    if not np.can_cast(new.dtype, old.dtype, "same_kind"):
        raise TypeError(
            f"[{where}] A result of dtype {new.dtype} does not fit an array of {old.dtype}. "
            f"Hint: write a = a {where[:-1] if where.endswith('=') else '+'} b, or cast first."
        )
    if new.shape != old.shape:
        raise ValueError(f"[{where}] A result of shape {new.shape} does not fit an array of shape {old.shape}.")
    return new if new.dtype == old.dtype else ops.astype(new, old.dtype)


class _Late:
    """A method that is a public function: it takes its place at first use, as functions are built of arrays."""

    def __init__(self, find: Callable[[], Callable[..., Any]]) -> None:
        self.find = find

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner, self.name = owner, name

    def __get__(self, instance: Any, owner: type | None = None) -> Callable[..., Any]:
        function = self.find()
        setattr(self.owner, self.name, function)
        return function.__get__(instance, owner)


def _method(name: str) -> Any:
    return _Late(lambda: getattr(ops, name))


def _operator(name: str) -> Any:
    """The function of two operands; NotImplemented where it does not take the other one."""
    from ..arrays.calls import operator

    return operator(getattr(ops, name))


def _operators(name: str, symbol: str) -> tuple[Any, Any, Any]:
    """An operator, its reflected and its in-place form. The last returns another array: names rebind."""

    def reflected() -> Callable[..., Any]:
        operate = _operator(name)
        return lambda self, other: operate(other, self)

    def in_place() -> Callable[..., Any]:
        operate = _operator(name)

        def operate_in_place(self: Any, other: Any) -> Any:
            result = operate(self, other)
            return kept(self, result, f"{symbol}=") if self.shape and result is not NotImplemented else result

        return operate_in_place

    return _Late(lambda: _operator(name)), _Late(reflected), _Late(in_place)


def _comparison(name: str) -> Any:
    return _Late(lambda: _operator(name))


class Methods:  # noqa: PLW1641  array has the hash
    """What `array` offers beside its values."""

    __slots__ = ()

    # --- operators -----------------------------------------------------------------------------------------

    __add__, __radd__, __iadd__ = _operators("add", "+")
    __sub__, __rsub__, __isub__ = _operators("subtract", "-")
    __mul__, __rmul__, __imul__ = _operators("multiply", "*")
    __truediv__, __rtruediv__, __itruediv__ = _operators("divide", "/")
    __floordiv__, __rfloordiv__, __ifloordiv__ = _operators("floor_divide", "//")
    __mod__, __rmod__, __imod__ = _operators("remainder", "%")
    __pow__, __rpow__, __ipow__ = _operators("power", "**")
    __matmul__, __rmatmul__, __imatmul__ = _operators("matmul", "@")
    __and__, __rand__, __iand__ = _operators("bitwise_and", "&")
    __or__, __ror__, __ior__ = _operators("bitwise_or", "|")
    __xor__, __rxor__, __ixor__ = _operators("bitwise_xor", "^")
    __lshift__, __rlshift__, __ilshift__ = _operators("left_shift", "<<")
    __rshift__, __rrshift__, __irshift__ = _operators("right_shift", ">>")
    __divmod__, __rdivmod__ = _operators("divmod", "divmod")[:2]

    __eq__ = _comparison("equal")
    __ne__ = _comparison("not_equal")
    __lt__ = _comparison("less")
    __le__ = _comparison("less_equal")
    __gt__ = _comparison("greater")
    __ge__ = _comparison("greater_equal")

    __neg__ = _method("negative")
    __pos__ = _method("positive")
    __abs__ = _method("abs")
    __invert__ = _method("bitwise_invert")

    # --- shape ---------------------------------------------------------------------------------------------

    @property
    def T(self) -> Any:
        """The array with its axes reversed."""
        return ops.transpose(self)

    @property
    def mT(self) -> Any:
        """The array with its last two axes exchanged."""
        return ops.swapaxes(self, -1, -2)

    def reshape(self, *shape: Any) -> Any:
        """The array under another shape, given as one tuple or as several ints; see `fastvjp.reshape`."""
        return ops.reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes: Any) -> Any:
        """The array with its axes permuted, given as one tuple or as several ints; by default reversed."""
        return ops.transpose(self, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None)

    flatten, ravel, squeeze = _method("flatten"), _method("ravel"), _method("squeeze")
    swapaxes, moveaxis, split = _method("swapaxes"), _method("moveaxis"), _method("split")
    diag, diagonal, trace = _method("diag"), _method("diagonal"), _method("trace")
    take, repeat, nonzero, argsort = (
        _method("take"),
        _method("repeat"),
        _method("nonzero"),
        _method("argsort"),
    )

    # --- dtype and complex parts ---------------------------------------------------------------------------

    @property
    def real(self) -> Any:
        """The real part; the array itself if it is real."""
        return ops.real(self)

    @property
    def imag(self) -> Any:
        """The imaginary part; zeros if the array is real."""
        return ops.imag(self)

    astype, conj, conjugate = _method("astype"), _method("conj"), _method("conjugate")

    # --- elementwise ---------------------------------------------------------------------------------------

    abs, square, sqrt, rsqrt = _method("abs"), _method("square"), _method("sqrt"), _method("rsqrt")
    reciprocal, round, clip = _method("reciprocal"), _method("round"), _method("clip")
    exp, log, log1p = _method("exp"), _method("log"), _method("log1p")
    log2, log10, sin, cos = _method("log2"), _method("log10"), _method("sin"), _method("cos")
    maximum, minimum = _method("maximum"), _method("minimum")

    # --- reductions, scans, products -----------------------------------------------------------------------

    sum, mean, prod, var, std = (_method(name) for name in ("sum", "mean", "prod", "var", "std"))
    max, min, all, any = (_method(name) for name in ("max", "min", "all", "any"))
    argmax, argmin, logsumexp = _method("argmax"), _method("argmin"), _method("logsumexp")
    cumsum, cumprod = _method("cumsum"), _method("cumprod")

    def dot(self, other: Any) -> Any:
        """Product with another array, as `numpy.dot`."""
        from .numpy_functions import dot

        return dot(self, other)
