"""What every step becomes on this device: loops, kernels with their arguments, which one native call runs."""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..core.avals import Aval
from ..core.declared import Declared
from ..planning.plan import FusedStep, KernelStep, Scalar, View
from .elements.registry import KERNELS
from .native.code import BRIEF, COMPACT, THOROUGH, Effort
from .native.pointers import PythonPointer

CHUNK = 30_000
"""Nanoseconds of work that make a chunk, about: five times what handing it to another thread costs."""
START = 30
"""Operations that take as long as it takes to start a loop, about."""
LITTLE = 600
"""Operations of a plan that may take many times as long without notice, as a call takes microseconds; ..."""
LITTLE_SHARE = 1 / 3000
"""... so may such a share of all, ..."""
SMALL_SHARE = 1 / 100
"""... and such a share may take twice as long."""
MOVED = 1 << 15
"""Elements that make a chunk where they are only moved."""


@dataclass(frozen=True)
class Failure:
    """What is wrong where a kernel's status is not 0: a place, from 1.

    Args:
        exception: its class.
        message: what compiled code says, which tells the place, from 0, behind it.
        describe: the exception to raise from Python, for a place from 0; it may look at the argument words.
    """

    exception: type[Exception]
    message: str
    describe: Callable[[int, PythonPointer], Exception] | None = None

    def of(self, status: int, args: PythonPointer) -> Exception:
        """The exception for a status, of a kernel with these argument words."""
        if self.describe is None:
            return self.exception(f"{self.message} {status - 1}.")
        return self.describe(status - 1, args)


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
    failure: Failure | None = None
    during: Callable[..., int] | None = None
    """What is to call the function that runs it, with its argument: one for all loops that have one."""
    work: float = math.inf
    """Operations on numbers in all, about, as far as that is known."""
    effort: Effort | None = None
    """What LLVM is to do for it, if that does not depend on its work."""

    @property
    def is_shared(self) -> bool:
        """Whether it has chunks for several threads."""
        return 0 < self.grain < self.count

    @property
    def kernels(self) -> tuple[Loop, ...]:
        """Itself and all that it starts."""
        return (self,)

    def repeated(self, trips: int) -> Loop:
        """The same as part of the body of a loop."""
        return replace(self, work=self.work * trips)

    def with_efforts(self, chosen: Mapping[str, Effort]) -> Loop:
        """The same, with what LLVM is to do for each source."""
        return self if self.effort else replace(self, effort=chosen[self.source])


def bad_index(name: str, describe: Callable[[int, PythonPointer], Exception]) -> Failure:
    """Of a primitive that was given an index out of range."""
    message = f"[{name}] An index is out of range, in the flattened index at element"
    return Failure(IndexError, message, describe)


Allocate = Callable[[Aval], View]
"""Memory for the time of one step."""

Fused = Callable[[KernelStep], list[FusedStep] | None]
"""A structural primitive as fused steps, or None for operands of which it takes other loops."""

Lowering = Callable[[KernelStep, Allocate], list[Loop] | None]
"""The loops of a structural primitive, or None for operands that its Python launcher must take."""


fuses = Declared[Fused]("kernels.fuses")
"""Structural primitives as fused steps, which are preferred to ..."""
lowers = Declared[Lowering]("kernels.lowers")
"""... loops, and these to ..."""
launches = Declared[Callable[..., None]]("kernels.launches")
"""... functions in Python: `launch(*outputs, *inputs, **params)` writes into the outputs, C-contiguous arrays."""


def calling(kernel: str, *arguments: object) -> str:
    """Source of a loop that calls a kernel with types and functions of these names."""
    if kernel not in KERNELS:
        import difflib

        near = difflib.get_close_matches(kernel, KERNELS, 1)
        hint = f" Hint: did you mean {near[0]}?" if near else ""
        file = sys._getframe(1).f_code.co_filename
        raise ValueError(f"[kernels] {file} calls {kernel}. Expected: the name of an @kernel.{hint}")
    named = ", ".join(map(str, arguments))
    return f"def fused(args, start, stop):\n    return {kernel}(args, start, stop, {named})\n"


def efforts(loops: Sequence[Loop]) -> list[Loop]:
    """The loops of a plan, each with what LLVM is to do for it: as little as that makes no difference.

    The budget is one for all loops, of which the shortest take first; loops of one source have the same.
    """
    work: dict[str, float] = defaultdict(float)
    for kernel in (kernel for loop in loops for kernel in loop.kernels):
        work[kernel.source] += START + kernel.work
    total = sum(w for w in work.values() if w < math.inf)
    chosen, spent = {}, 0.0
    for source in sorted(work, key=work.__getitem__):
        spent += work[source]
        little = spent <= max(LITTLE, total * LITTLE_SHARE)
        chosen[source] = BRIEF if little else COMPACT if spent <= total * SMALL_SHARE else THOROUGH
    return [loop.with_efforts(chosen) for loop in loops]


def grain_for(iterations: int, cost: float) -> int:
    """Iterations of a chunk, for so many in all, each of about so many nanoseconds; 0 if one chunk takes all."""
    chunks = min(int(iterations * cost / CHUNK), iterations)
    return -(-iterations // chunks) if chunks > 1 else 0


def grain(elements: int) -> int:
    """Iterations of a chunk, if each moves so many elements."""
    return max(MOVED // max(elements, 1), 1)
