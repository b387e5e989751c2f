"""What every step becomes on this device: loops, kernels with their arguments, which one native call runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..avals import Aval
from ..plan import KernelStep, Scalar, View


@dataclass(frozen=True)
class Loop:
    """A kernel, run over range(count) in chunks of `grain` iterations (0: in one).

    Its source defines `fused(args, start, stop)`, which returns a status, 0 if all is well. The argument words
    are the addresses of `arrays`, those of `scalars`, and `numbers` (sizes and strides). Chunks may run at the
    same time.
    """

    source: str
    arrays: tuple[View, ...]
    scalars: tuple[Scalar, ...]
    numbers: tuple[int, ...]
    count: int
    grain: int = 0
    error: Callable[[int], Exception] | None = None
    """The exception that a status stands for."""


Allocate = Callable[[Aval], View]
"""Memory for the time of one step."""

Lowering = Callable[[KernelStep, Allocate], list[Loop] | None]
"""The loops of a structural primitive, or None for operands that its Python launcher must take."""

CHUNK = 30_000
"""Nanoseconds of work that make a chunk, about: five times what handing it to another thread costs."""


def grain_for(iterations: int, cost: float) -> int:
    """Iterations of a chunk, for so many in all, each of about so many nanoseconds; 0 if one chunk takes all."""
    chunks = min(int(iterations * cost) // CHUNK, iterations)
    return -(-iterations // chunks) if chunks > 1 else 0
