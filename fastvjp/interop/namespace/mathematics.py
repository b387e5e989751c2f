"""Python's `math` on recorded arrays."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import ops
from ...arrays.array import array
from .modules import replace

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": np.sqrt, "cbrt": np.cbrt, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log1p": np.log1p,
    "log2": np.log2, "log10": np.log10, "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin,
    "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2, "sinh": np.sinh, "cosh": np.cosh,
    "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "fabs": np.fabs,
    "pow": np.power, "degrees": np.degrees, "radians": np.radians, "isnan": np.isnan, "isinf": np.isinf,
    "isfinite": np.isfinite, "erf": ops.erf, "floor": np.floor, "ceil": np.ceil,
}  # fmt: skip


def _recorded(original: Any, ours: Callable[..., Any]) -> None:
    @functools.wraps(original)
    def call(*args: Any) -> Any:
        if not any(type(x) is array for x in args):
            return original(*args)
        for x in args:
            if type(x) is array and x.size != 1:
                raise TypeError(
                    f"[math.{original.__name__}] Expected one number, got an array of shape {x.shape}."
                )
        return ours(*[x.reshape(()) if type(x) is array and x.ndim else x for x in args])

    replace(original, call)


def _log(x: Any, base: Any = None) -> Any:
    return np.log(x) if base is None else np.log(x) / np.log(base)


def _hypot(*coordinates: Any) -> Any:
    return functools.reduce(np.hypot, coordinates, 0.0)


for _name, _function in _FUNCTIONS.items():
    if hasattr(math, _name):  # exp2 and cbrt came with 3.11
        _recorded(getattr(math, _name), _function)
_recorded(math.log, _log)
_recorded(math.hypot, _hypot)


def _over_items(original: Any, combine: Callable[[Any, Any], Any], first: float) -> None:
    @functools.wraps(original)
    def call(items: Any, **options: Any) -> Any:
        values = list(items)
        if not any(type(x) is array for x in values):
            return original(values, **options)
        return functools.reduce(combine, values, options.get("start", first))

    replace(original, call)


_over_items(math.fsum, lambda a, b: a + b, 0.0)
_over_items(math.prod, lambda a, b: a * b, 1)
