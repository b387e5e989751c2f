"""What a row is, and what rows are made of: dtypes, domains of operands, and functions that fill a row in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

import fastvjp as mx
from fastvjp.arrays.emit import emit
from fastvjp.core.primitive import REGISTRY

BOOL = ("bool",)
INTEGER = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOAT = ("float32", "float64")
COMPLEX = ("complex64", "complex128")
INEXACT = FLOAT + COMPLEX
NUMERIC = INTEGER + INEXACT
ALL = BOOL + NUMERIC
KINDS = ("bool", "int8", "int32", "int64", "uint8", "uint64", *INEXACT)
"""Of functions that treat integers of all widths alike: the default ones, the shortest and the longest."""
INTO_FLOAT = ("int8", "int32", *FLOAT)
INTO_INEXACT = ("int8", "int32", *INEXACT)
"""Of functions that compute integers in floating point: two stand for them all."""

Interval = tuple[float, float]
Shape = tuple[int, ...]
Choice = tuple[Shape, dict[str, Any]]
"""A shape, and keyword arguments of the function."""
ALONG: list[Choice] = [
    ((2, 3, 4), {"axis": 1}),
    ((3, 4), {"axis": 1}),
    ((1, 3), {"axis": 0}),
    ((0, 3), {"axis": 1}),
]
"""Of functions along one axis."""


@dataclass(frozen=True)
class Domain:
    """Numbers of one operand: drawn from `real` (for complex numbers both parts from `parts`), or integers.

    With `spacing` they lie around multiples of it (plus `offset`), an eighth of it away from them at most;
    `distinct` ones are around different multiples each. `whole` ones are integers of any dtype.
    """

    real: tuple[Interval, ...] = ((-3, 3),)
    parts: tuple[Interval, ...] = ((-1.2, -0.2), (0.2, 1.2))
    integers: tuple[int, int] = (-9, 9)
    spacing: float = 0
    offset: float = 0
    distinct: bool = False
    whole: bool = False
    dtype: str | None = None
    """Of an operand which does not follow the others (a condition, an index)."""

    def draw(self, rng: np.random.Generator, shape: Shape, dtype: Any) -> np.ndarray:
        """Random numbers of this domain."""
        wanted = np.dtype(self.dtype or dtype)
        if wanted.kind == "c":
            values = self._reals(rng, shape, self.parts) + 1j * self._reals(rng, shape, self.parts)
        elif wanted.kind == "f":
            values = self._reals(rng, shape, self.real)
        else:
            low, high = (0, 1) if wanted.kind == "b" else self.integers
            values = rng.integers(max(low, 0) if wanted.kind == "u" else low, high + 1, shape)
        return np.asarray(values, wanted)

    def _reals(self, rng: np.random.Generator, shape: Shape, intervals: tuple[Interval, ...]) -> Any:
        if self.whole:
            return rng.integers(self.integers[0], self.integers[1] + 1, shape)
        chosen = np.array(intervals)[rng.integers(len(intervals), size=shape)]
        values = rng.uniform(chosen[..., 0], chosen[..., 1])
        if self.spacing:
            multiples = np.rint(values / self.spacing)
            if self.distinct:
                multiples = rng.permutation(multiples.size).reshape(shape) - multiples.size // 2
            values = (multiples + rng.uniform(-0.125, 0.125, shape)) * self.spacing + self.offset
        return values


@dataclass(frozen=True)
class Case:
    """One row. `fun` takes fastvjp arrays, `reference` the same as NumPy arrays."""

    primitive: str
    fun: Callable[..., Any]
    reference: Callable[..., Any]
    domains: tuple[Domain, ...]
    shapes: tuple[Shape, ...]
    dtypes: tuple[str, ...]
    variant: str = ""
    ulp: int = 4
    """Error allowed, in units in the last place of the result ..."""
    at_least: float = 0
    """... or of this number where the result is smaller, for what cancels in between."""
    smooth: Callable[..., Any] | None = None
    """The function whose derivative is asked for, where that is not the derivative of `reference`."""

    @property
    def elementwise(self) -> bool:
        """Whether operands may be of any shapes that broadcast."""
        return REGISTRY[self.primitive].elementwise

    def draw(self, rng: np.random.Generator, dtype: str, *shapes: Shape) -> list[np.ndarray]:
        """Random operands, of other shapes than the row's if any are given."""
        pairs = zip(self.domains, shapes or self.shapes, strict=True)
        return [domain.draw(rng, shape, dtype) for domain, shape in pairs]

    def __str__(self) -> str:
        return f"{self.primitive}-{self.variant}" if self.variant else self.primitive


ANY = Domain()
SIGNED = Domain(((-3, -0.3), (0.3, 3)))
POSITIVE = Domain(((0.3, 3),))
UNIT = Domain(((-0.7, 0.7),))
ABOVE_ONE = Domain(((1.2, 4),))
WHOLE = Domain(whole=True, integers=(-2, 2))
BETWEEN = Domain(spacing=1, offset=0.5, parts=((-3, 3),))
"""Far from integers."""
EVEN, ODD = (Domain(spacing=0.5, offset=o, parts=((-3, 3),)) for o in (0, 0.25))
"""Never near to one another."""
DISTINCT, DISTINCT_ODD = (replace(d, distinct=True) for d in (EVEN, ODD))
DIVIDEND = Domain(((-3.8, -2.6), (-1.7, -0.3), (0.3, 1.7), (2.6, 3.8)))
DIVISOR = Domain(((-2.4, -2), (2, 2.4)))
"""The quotient is far from integers."""
SHIFTS = Domain(integers=(0, 7))
CONDITION = Domain(dtype="bool")


def index(size: int) -> Domain:
    """Positions on an axis, with duplicates."""
    return Domain(integers=(0, size - 1), dtype="int64")


# --- rows ------------------------------------------------------------------------------------------------


def elementwise(
    primitive: str, reference: Callable[..., Any], dtypes: tuple[str, ...], *domains: Domain, **more: Any
) -> Case:
    """Row of a primitive that works on any shapes; the public function has its name unless `fun` is given."""
    fun = more.pop("fun", None) or getattr(mx, primitive, None)
    if fun is None:
        raise ValueError(f'there is no fastvjp.{primitive}. Hint: declare it in fastvjp/ops, or give fun="...".')
    return Case(primitive, fun, reference, domains, ((3, 4),) * len(domains), dtypes, **more)


def structural(
    primitive: str,
    fun: Callable[..., Any],
    reference: Callable[..., Any],
    *operands: tuple[Domain, Shape],
    dtypes: tuple[str, ...] = INEXACT,
    at_least: float = 1,
    **more: Any,
) -> Case:
    """Row of a primitive on arrays of given shapes; errors are measured against numbers of the size `at_least`."""
    domains, shapes = zip(*operands, strict=True)
    return Case(primitive, fun, reference, domains, shapes, dtypes, ulp=16, at_least=at_least, **more)


def variants(
    primitive: str,
    fun: Callable[..., Any],
    reference: Callable[..., Any],
    domain: Domain,
    *choices: Choice,
    dtypes: tuple[str, ...],
    more_dtypes: tuple[str, ...] = FLOAT,
) -> list[Case]:
    """A row for each shape and keyword arguments (of `fun` and `reference`); all dtypes in the first."""

    def row(i: int, shape: Shape, keywords: dict[str, Any]) -> Case:
        shown = ",".join([str(shape), *(f"{k}={v}" for k, v in keywords.items())]).replace(" ", "")
        return structural(
            primitive,
            lambda x: fun(x, **keywords),
            lambda x: reference(x, **keywords),
            (domain, shape),
            dtypes=dtypes if i == 0 else more_dtypes,
            variant=shown,
        )

    return [row(i, *choice) for i, choice in enumerate(choices)]


def with_zeros(cases: list[Case]) -> list[Case]:
    """Rows that differ from others by operands with zeros."""
    return [replace(case, variant=f"zeros,{case.variant}") for case in cases]


def primitive(name: str, **params: Any) -> Callable[..., Any]:
    """Apply a primitive that has no public function of its own."""
    return partial(emit, name, **params)
