"""Rows of functions of square matrices, against SciPy's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

import fastvjp as mx
from fastvjp.arrays.emit import emit

from .case import FLOAT, INEXACT, UNIT, Case, Shape, structural

OF_SCIPY: dict[str, Callable[..., Any]] = {
    "expm": scipy.linalg.expm,
    "logm": scipy.linalg.logm,
    "sqrtm": scipy.linalg.sqrtm,
}


def _positive(x: Any) -> Any:
    """With eigenvalues to the right of 0, apart from one another."""
    n = x.shape[-1]
    return x / 4 + np.diag(np.arange(1, n + 1)).astype(x.dtype)


def _each(function: Callable[..., Any], *xs: np.ndarray) -> np.ndarray:
    """A function of matrices, of each, in double precision."""
    double = complex if xs[0].dtype.kind == "c" else float
    flat = zip(*(x.astype(double).reshape(-1, *x.shape[-2:]) for x in xs), strict=True)
    return np.array([function(*x) for x in flat], xs[0].dtype).reshape(xs[0].shape)


def _function(name: str, shape: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    ready = (lambda x: x) if name == "expm" else _positive  # errors are of the size of the whole result

    def fun(x: Any) -> Any:
        return getattr(mx.linalg, name)(ready(x))

    def reference(x: Any) -> Any:
        return _each(OF_SCIPY[name], ready(x))

    shown = str(shape).replace(" ", "")
    return structural(name, fun, reference, (UNIT, shape), dtypes=dtypes, variant=shown)


def _along(name: str, x: np.ndarray, e: np.ndarray) -> np.ndarray:
    """The derivative at x along e, of which SciPy has that of the exponential."""
    if name == "expm":
        return scipy.linalg.expm_frechet(x, e, compute_expm=False)
    n = len(x)
    return OF_SCIPY[name](np.block([[x, e], [np.zeros_like(x), x]]))[:n, n:]


def _frechet(name: str, shape: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    ready = (lambda x: x) if name == "expm" else _positive  # errors are of the size of the whole result

    def fun(x: Any, e: Any) -> Any:
        return emit(f"{name}_frechet", ready(x), e)

    def reference(x: Any, e: Any) -> Any:
        return _each(lambda x, e: _along(name, x, e), ready(x), e)

    shown = str(shape).replace(" ", "")
    return structural(
        f"{name}_frechet", fun, reference, (UNIT, shape), (UNIT, shape), dtypes=dtypes, variant=shown
    )


def _sylvester(x: Shape, y: Shape, dtypes: tuple[str, ...] = FLOAT) -> Case:
    def fun(x: Any, y: Any, z: Any) -> Any:
        return mx.linalg.solve_sylvester(_positive(x), _positive(y), z)

    def reference(x: Any, y: Any, z: Any) -> Any:
        x, y = _positive(x), _positive(y)
        flat = zip(*(v.reshape(-1, *v.shape[-2:]) for v in (x, y, z)), strict=True)
        return np.array([scipy.linalg.solve_sylvester(*v) for v in flat], z.dtype).reshape(z.shape)

    z, shown = (*x[:-1], y[-1]), f"{x}{y}".replace(" ", "")
    return structural("sylvester", fun, reference, (UNIT, x), (UNIT, y), (UNIT, z), dtypes=dtypes, variant=shown)


CASES = [
    _function("expm", (3, 3), INEXACT),
    _function("expm", (2, 4, 4)),
    _function("expm", (0, 2, 2)),
    _function("logm", (3, 3), INEXACT),
    _function("logm", (2, 2, 2)),
    _function("sqrtm", (3, 3), INEXACT),
    _function("sqrtm", (2, 2, 2)),
    _frechet("expm", (3, 3), INEXACT),
    _frechet("expm", (2, 2, 2)),
    _frechet("logm", (3, 3), ("float64", "complex128")),
    _sylvester((3, 3), (2, 2), INEXACT),
    _sylvester((2, 2, 2), (2, 3, 3)),
]
