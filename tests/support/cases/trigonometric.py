"""Rows of the element functions of kernels/elements/trigonometric.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special

import fastvjp as mx
from fastvjp.arrays.emit import emit

from .case import (
    ABOVE_ONE,
    ANY,
    FLOAT,
    INEXACT,
    INTO_FLOAT,
    INTO_INEXACT,
    SIGNED,
    UNIT,
    Case,
    Domain,
    elementwise,
    primitive,
)


def _bessel(n: int) -> Case:
    def reference(x: Any) -> Any:
        value = scipy.special.spherical_jn(n, x).astype(x.dtype)
        if x.dtype.kind == "c":
            return value
        far = [np.sin(x), -np.cos(x), -np.sin(x), np.cos(x)][n % 4] / x
        value = np.where(
            np.abs(x) < 1e-30, x**n, value
        )  # where SciPy's may be nan, and so here; NumPy's sinc(inf) is
        return np.where(np.abs(x) > 1e30, far, value)

    fun = primitive("spherical_bessel", n=n)
    return elementwise("spherical_bessel", reference, INEXACT, ANY, fun=fun, variant=f"n={n}", at_least=1)


def _hypot_slope(x: Any, y: Any) -> Any:
    """Of infinities and zeros as ours says; hypot of both scaled, so that nothing is denormal."""
    infinite = np.isinf(x) | np.isinf(y)
    u = np.where(infinite, np.copysign(np.isinf(x), x), x)
    v = np.where(infinite, np.copysign(np.isinf(y), y), y)
    size = np.maximum(np.abs(u), np.abs(v))
    unit = np.where(size < 1e-30, 1e30, np.where(size > 1e30, 1e-30, 1)).astype(x.dtype)
    return np.where((u == 0) & (v == 0), x, u * unit / np.hypot(u * unit, v * unit))


def _inversion(x: Any, y: Any) -> Any:
    """x / (x * x + y * y), divided by the longer side first; 0 at the origin and at infinity."""
    size, infinite = np.maximum(np.abs(x), np.abs(y)), np.isinf(x) | np.isinf(y)
    u, v = x / size, y / size
    none = np.where(infinite, np.copysign(x.dtype.type(0), x), 0)
    return np.where((size == 0) | infinite, none, u / (u * u + v * v) / size)


def _of_two(name: str) -> Any:
    return lambda x, y: emit(name, *mx.broadcast_arrays(x, y))


def _third_side(sign: int) -> Case:
    def reference(x: Any) -> Any:
        if x.dtype.kind == "c":
            t = x if sign < 0 else 1j * x
            return np.sqrt(1 - t) * np.sqrt(1 + t)
        return np.sqrt((1 - x) * (1 + x)) if sign < 0 else np.hypot(1, x)

    fun = primitive("third_side", sign=sign)
    return elementwise("third_side", reference, INEXACT, UNIT, fun=fun, variant=f"sign={sign}")


CASES = [
    elementwise("sin", np.sin, INTO_INEXACT, ANY),
    elementwise("cos", np.cos, INTO_INEXACT, ANY),
    elementwise("tan", np.tan, INTO_INEXACT, Domain(((-1.2, 1.2),))),
    elementwise("arcsin", np.arcsin, INTO_INEXACT, UNIT),
    elementwise("arccos", np.arccos, INTO_INEXACT, UNIT),
    elementwise("arctan", np.arctan, INTO_INEXACT, ANY),
    elementwise("arctan2", np.arctan2, INTO_FLOAT, SIGNED, SIGNED),
    elementwise("sinh", np.sinh, INTO_INEXACT, ANY),
    elementwise("cosh", np.cosh, INTO_INEXACT, ANY),
    elementwise("tanh", np.tanh, INTO_INEXACT, ANY),
    elementwise("tanh_slope", lambda x: 1 / np.cosh(x) ** 2, INEXACT, ANY, fun=primitive("tanh_slope")),
    elementwise("hypot", np.hypot, INTO_FLOAT, SIGNED, SIGNED),
    elementwise(
        "hypot_slope",
        _hypot_slope,
        FLOAT,
        SIGNED,
        SIGNED,
        fun=_of_two("hypot_slope"),
    ),
    elementwise("inversion", _inversion, FLOAT, SIGNED, SIGNED, fun=_of_two("inversion"), ulp=8),
    _third_side(-1),
    _third_side(1),
    _bessel(0),
    _bessel(3),
    elementwise("arcsinh", np.arcsinh, INTO_INEXACT, ANY),
    elementwise("arccosh", np.arccosh, INTO_INEXACT, ABOVE_ONE),
    elementwise("arctanh", np.arctanh, INTO_INEXACT, UNIT),
]
