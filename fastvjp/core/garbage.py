"""Python's garbage collector while a recording grows, of which nothing is garbage before its end.

A full collection goes through all that has been recorded and planned, and comes again whenever that has grown
by a quarter: a third of the time of a long first call. Young objects are collected as ever.
"""

from __future__ import annotations

import gc
import os
import threading

NEVER = 1 << 30
"""Collections of the young before a full one."""


class Growing:
    """While there is one that has not ended, in whatever thread, there are no full collections."""

    def __init__(self) -> None:
        _all.begin(id(self))

    def end(self) -> None:
        """Let there be full collections again, unless others go on."""
        _all.end(id(self))

    __del__ = end


class _All:
    """Those that have not ended, and how often there were full collections before the first."""

    def __init__(self) -> None:
        self.forget()
        self.usual = gc.get_threshold()[2]
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.leave_others)

    def forget(self) -> None:
        """There are none."""
        self.lock = threading.RLock()  # an end may come within another: that of an object that is collected there
        self.growing: set[int] = set()

    def begin(self, one: int) -> None:
        """Count one in."""
        with self.lock:
            self.growing.add(one)
            young, middle, full = gc.get_threshold()
            if full != NEVER:
                self.usual = full
                gc.set_threshold(young, middle, NEVER)

    def end(self, one: int) -> None:
        """Count one out, if it is in."""
        with self.lock:
            if one in self.growing:
                self.growing.discard(one)
                if not self.growing:
                    self.restore()

    def restore(self) -> None:
        """What was before, unless somebody else has set something."""
        young, middle, full = gc.get_threshold()
        if full == NEVER:
            gc.set_threshold(young, middle, self.usual)

    def leave_others(self) -> None:
        """In a child, where the threads are not that could end what they have begun."""
        if self.growing:
            self.restore()
        self.forget()


_all = _All()
