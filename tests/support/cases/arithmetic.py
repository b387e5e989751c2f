"""Rows of the element functions of kernels/elements/arithmetic.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

import fastvjp as mx
from fastvjp import ops
from fastvjp.arrays.emit import emit

from .case import (
    ALL,
    ANY,
    BETWEEN,
    BOOL,
    CONDITION,
    DIVIDEND,
    DIVISOR,
    EVEN,
    FLOAT,
    INEXACT,
    INTEGER,
    INTO_FLOAT,
    INTO_INEXACT,
    KINDS,
    NUMERIC,
    ODD,
    POSITIVE,
    SIGNED,
    Case,
    elementwise,
    primitive,
)


def _scale(x: Any, y: Any) -> Any:
    return np.where(x == 0, x.dtype.type(0), x * np.conj(y))


def _placed(i: Any) -> Any:
    return np.where((i < -5) | (i >= 5), -(1 << 62), np.where(i < 0, i + 5, i))


def _power(n: int) -> Case:
    dtypes = NUMERIC if n >= 0 else INEXACT
    raise_it = {"fun": lambda x: mx.power(x, n), "variant": f"n={n}", "ulp": 4 + abs(n)}
    return elementwise("integer_power", lambda x: x ** np.array(n, x.dtype), dtypes, SIGNED, **raise_it)


def _power_over(x: Any, y: Any) -> Any:
    """x**(y - 1); of reals without the rounding of y - 1."""
    if x.dtype.kind == "c":
        return x ** (y - 1)
    a, whole = np.abs(x), np.rint(y) == y
    normal = (a**y >= np.finfo(x.dtype).tiny) & np.isfinite(a**y) & (a > 0) & np.isfinite(a)
    size = np.where(normal, a**y / a, a ** (y - 1))
    signed = np.where(whole & (np.rint(y / 2) == y / 2), np.copysign(size, x), size)
    return np.where((x < 0) & ~whole & ~np.isinf(x) & ~np.isinf(y), np.nan, signed)


def _power_less(x: Any, y: Any) -> Any:
    return emit("power_less", *mx.broadcast_arrays(x, y), n=1)


def _astype(target: str, dtypes: tuple[str, ...]) -> Case:
    to = {"fun": lambda x: mx.astype(x, target), "variant": target}
    return elementwise("astype", lambda x: x.astype(target), dtypes, ANY, **to)


CASES = [
    elementwise("add", np.add, ALL, ANY, ANY),
    elementwise("subtract", np.subtract, NUMERIC, ANY, ANY),
    elementwise("multiply", np.multiply, ALL, ANY, ANY),
    elementwise("divide", np.divide, INTO_INEXACT, ANY, SIGNED),
    elementwise("negative", np.negative, NUMERIC, ANY),
    elementwise("reciprocal", lambda x: np.divide(1, x), ("int32", *INEXACT), SIGNED),
    elementwise("square", np.square, NUMERIC, ANY),
    elementwise("power", np.power, NUMERIC, POSITIVE, replace(SIGNED, integers=(0, 4)), ulp=8),
    elementwise("power_less", _power_over, INEXACT, POSITIVE, SIGNED, fun=_power_less, ulp=8),
    _power(3),
    _power(5),
    _power(-2),
    elementwise("sqrt", np.sqrt, INTO_INEXACT, POSITIVE),
    elementwise("cbrt", np.cbrt, INTO_FLOAT, SIGNED),
    elementwise("rsqrt", lambda x: 1 / np.sqrt(x), INTO_INEXACT, POSITIVE),
    elementwise("scale", _scale, INEXACT, ANY, ANY, fun=ops.scale),
    elementwise("copy", np.copy, KINDS, ANY),
    elementwise("maximum", np.maximum, KINDS, EVEN, ODD),
    elementwise("minimum", np.minimum, KINDS, EVEN, ODD),
    elementwise("floor", np.floor, FLOAT, BETWEEN),
    elementwise("ceil", np.ceil, FLOAT, BETWEEN),
    elementwise("round", np.round, INEXACT, replace(BETWEEN, offset=0)),
    elementwise("sign", np.sign, INTEGER + FLOAT, SIGNED),
    elementwise("floor_divide", np.floor_divide, INTEGER + FLOAT, DIVIDEND, DIVISOR),
    elementwise("remainder", np.remainder, INTEGER + FLOAT, DIVIDEND, DIVISOR),
    elementwise("select", np.where, KINDS, CONDITION, ANY, ANY, fun=mx.where),
    elementwise("abs", np.abs, ("int8", "int16", "int32", "int64", *INEXACT), SIGNED),
    _astype("float32", BOOL + INTEGER),
    _astype("int32", BOOL + INTEGER + FLOAT),
    _astype("bool", NUMERIC),
    _astype("complex128", ALL),
    elementwise("normalize_index", _placed, ("int64",), ANY, fun=primitive("normalize_index", size=5)),
]
