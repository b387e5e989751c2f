"""The order of steps: each comes behind those that write what it reads.

A step may take work while it stands among others, so that which comes first is known only in the end. Every step
knows all those that it comes after, as bits of one integer, so that it is quick to see whether taking an operand
would close a circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

FULL = 512
"""Steps in one segment: what is found out about their order grows with its square."""
CLOSED = -1


class Ordered:
    """A step in a segment. `number` is its place there, `after` the bits of the steps that it comes after."""

    def __init__(self) -> None:
        self.number = CLOSED
        self.after = 0

    def is_closed(self) -> bool:
        """Whether its segment has ended: it takes nothing more, and comes before all that follows."""
        return self.number == CLOSED

    def comes_after(self, other: Ordered) -> bool:
        """Whether it must come after another step of the open segment."""
        return not self.is_closed() and bool(self.after >> other.number & 1)

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
        if bits & ~step.after:
            for s in self.open:
                if s is step or s.comes_after(step):
                    s.after |= bits

    def close(self) -> None:
        """Put the steps in order; those that follow come after all of them."""
        done, ordered = 0, []
        for step in self.open:
            missing = [s for s in self.open if step.after >> s.number & 1 and not done >> s.number & 1]
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
