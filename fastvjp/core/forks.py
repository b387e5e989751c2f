"""Forks wait while some thread imports or compiles: in the child no thread would go on with it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator


class _Forks:
    """How many threads are inside, which a fork waits for."""

    def __init__(self) -> None:
        self.own = threading.local()
        self.condition = threading.Condition()
        self.running = 0
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._wait, after_in_parent=self._go_on, after_in_child=self._begin)

    @property
    def depth(self) -> int:
        """How often this thread is inside."""
        return getattr(self.own, "depth", 0)

    def enter(self, change: int) -> None:
        """Count this thread in, or out."""
        with self.condition:
            self.running += change
            self.own.depth = self.depth + change
            self.condition.notify_all()

    def _wait(self) -> None:
        self.condition.acquire()
        while self.running > self.depth:
            self.condition.wait()

    def _go_on(self) -> None:
        self.condition.release()

    def _begin(self) -> None:
        self.condition, self.running = threading.Condition(), self.depth


_forks = _Forks()


@contextlib.contextmanager
def without_forks() -> Iterator[None]:
    """Context, and decorator, for which forks of other threads wait."""
    _forks.enter(1)
    try:
        yield
    finally:
        _forks.enter(-1)
