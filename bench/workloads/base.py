"""What a workload is: a mathematical statement, and a maker of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Size = Mapping[str, int]
Array = np.ndarray
Made = tuple[Sequence[Any], Sequence[Any]]


@dataclass(frozen=True)
class Workload:
    """`fun(np, *wrt, *constants, **static)` is the statement; `np` stands for a library's namespace.

    `make(rng, **size)` gives `(wrt, constants)`: the arrays by which to differentiate, and the rest.
    """

    name: str
    fun: Callable[..., Any]
    make: Callable[..., Made]
    quick: Size
    """For tests and quick runs."""
    table: tuple[Size, ...]
    """For the table."""
    dtypes: tuple[str, ...] = ("float32",)
    static: tuple[str, ...] = ()
    """Entries of the size that `fun` takes as keyword arguments."""
    matmul_flops: Callable[..., float] | None = None
    """Of value and gradient, from the size, where matrix products are what takes the time."""
    native: bool = False
    """Whether it calls what some library has as one fused function (attention, layer_norm, ...)."""
    tolerance: Mapping[str, float] | None = None
    """Where `TOLERANCE` is too strict."""


TOLERANCE = {"float32": 1e-4, "float64": 1e-9}
"""Largest difference from the float64 reference allowed, over the largest entry of value or gradient."""


@dataclass(frozen=True)
class Problem:
    """A workload with its inputs of one size and dtype, as NumPy arrays."""

    workload: Workload
    size: Size
    dtype: str
    wrt: tuple[Array, ...]
    constants: tuple[Array, ...]
    cotangent: Array

    @property
    def label(self) -> str:
        """Such as `chain 1000000 float32`."""
        return f"{self.workload.name} {label(self.size)} {self.dtype}"

    @property
    def scalar(self) -> bool:
        """Whether the value is a number: then its cotangent is 1."""
        return self.cotangent.ndim == 0

    @property
    def tolerance(self) -> float:
        """See `TOLERANCE`."""
        return (self.workload.tolerance or TOLERANCE)[self.dtype]

    @property
    def nbytes(self) -> int:
        """Bytes of inputs, cotangent, value and gradients: what has to be read or written once."""
        given = sum(x.nbytes for x in (*self.wrt, *self.constants))
        return given + sum(x.nbytes for x in self.wrt) + 2 * self.cotangent.nbytes

    @property
    def flops(self) -> float:
        """Of matrix products, or 0."""
        count = self.workload.matmul_flops
        return count(**self.size) if count else 0.0

    def fun(self, ops: Any) -> Callable[..., Any]:
        """The statement in a library's namespace, as a function of all arrays."""
        static = {name: self.size[name] for name in self.workload.static}
        statement = self.workload.fun
        return lambda *arrays: statement(ops, *arrays, **static)

    def astype(self, dtype: str) -> Problem:
        """The same numbers in another precision."""
        wrt, constants = _cast(self.wrt, dtype), _cast(self.constants, dtype)
        return Problem(self.workload, self.size, dtype, wrt, constants, self.cotangent.astype(dtype))


def label(size: Size) -> str:
    """Such as `4x8x128x64`."""
    return "x".join(str(n) for n in size.values())


def _cast(arrays: Sequence[Any], dtype: str) -> tuple[Array, ...]:
    found = [np.asarray(x) for x in arrays]
    return tuple(np.array(x, dtype, order="C") if x.dtype.kind == "f" else x for x in found)


def problem(workload: Workload, size: Size, dtype: str, seed: int = 0) -> Problem:
    """Draw inputs; the cotangent has the shape of what the statement returns in NumPy."""
    from ..libraries.namespaces import numpy_namespace

    rng = np.random.default_rng(seed)
    wrt, constants = workload.make(rng, **size)
    found = Problem(workload, size, dtype, _cast(wrt, dtype), _cast(constants, dtype), np.ones((), dtype))
    value = np.asarray(found.fun(numpy_namespace())(*found.wrt, *found.constants))
    if value.ndim == 0:
        return found
    cotangent = rng.uniform(0.5, 1.5, value.shape).astype(dtype)
    return Problem(workload, size, dtype, found.wrt, found.constants, cotangent)
