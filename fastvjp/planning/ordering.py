"""The order of steps: each comes behind those that write what it reads.

A step may take work while it stands among others, so that which comes first is known only in the end. Every step
knows all those that it comes after, as bits of one integer, so that it is quick to see whether taking an operand
would close a circle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

FULL = 512
"""Steps in one segment: what is found out about their order grows with its square."""
CLOSED = -1


class Ordered:
    """A step in a segment.

    `number` is its place there, `after` the bits of the steps that it comes after, and `followed` whether any step
    comes after it.
    """

    def __init__(self) -> None:
        self.number = CLOSED
        self.after = 0
        self.followed = False

    def is_closed(self) -> bool:
        """Whether its segment has ended: it takes nothing more, and comes before all that follows."""
        return self.number == CLOSED

    def comes_after(self, other: Ordered) -> bool:
        """Whether it must come after another step of the open segment."""
        return self.number != CLOSED and bool(self.after >> other.number & 1)

    def steps(self) -> Sequence[Any]:
        """The finished steps that it stands for."""
        raise NotImplementedError


class Segment:
    """The steps that may still take work, behind those that may not."""

    def __init__(self) -> None:
        self.done: list[list[Ordered]] = []
        self.open: list[Ordered] = []

    def is_full(self) -> bool:
        """Whether it is time to close it."""
        return len(self.open) >= FULL

    def add(self, step: Ordered) -> None:
        """Append a step."""
        step.number = len(self.open)
        self.open.append(step)

    def require(self, step: Ordered, other: Ordered | None) -> None:
        """Let a step, and those after it, come after another that does not come after it."""
        if other is None or other is step or other.is_closed():
            return
        bits = other.after | 1 << other.number
        other.followed = True
        if bits & ~step.after:
            step.after |= bits
            for s in self.open if step.followed else ():  # mostly a step that has just been added
                if s.after >> step.number & 1:
                    s.after |= bits

    def close(self) -> None:
        """Put the steps in order; those that follow come after all of them."""
        done, ordered = 0, []
        for step in self.open:
            missing = [self.open[number] for number in _numbers(step.after & ~done)]
            missing.sort(key=lambda s: (s.after.bit_count(), s.number))  # what a step comes after has fewer bits
            for s in (*missing, step):
                if not done >> s.number & 1:
                    ordered.append(s)
                    done |= 1 << s.number
        for step in self.open:
            step.number, step.after = CLOSED, 0
        self.done.append(ordered)
        self.open = []

    def finish(self) -> list[list[Ordered]]:
        """All steps in order, those of each segment by themselves."""
        self.close()
        return self.done


def _numbers(bits: int) -> Iterator[int]:
    """Of the bits that are set."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
