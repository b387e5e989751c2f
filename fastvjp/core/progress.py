"""What a first call is doing: a line on a terminal where it takes long, and a record for `logging`."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from . import environment

LONG = 2.0
"""Seconds after which planning and compiling is said to take long."""
EVERY = 0.2
"""Seconds from one line to the next, which is written over it."""
MODES = ("auto", "on", "off")

logger = logging.getLogger("fastvjp")


class Work:
    """Planning and compiling for a new program of so many operations."""

    def __init__(self, ops: int) -> None:
        self.ops = ops
        self.begun = time.perf_counter()
        self.planned = 0.0
        """Seconds until there was a plan."""
        self.kernels = self.finished = 0
        self.compiled = self.loaded = 0
        """Functions for these kernels, which may share some, or find them in memory."""
        self.ended = threading.Event()

    @property
    def seconds(self) -> float:
        """Since it has begun."""
        return time.perf_counter() - self.begun

    def __str__(self) -> str:
        doing = f"planning {self.ops} operations" if not self.planned else "compiling"
        if self.kernels:
            doing += f" kernels, {self.finished} of {self.kernels}"
        return f"fastvjp: {doing}, {self.seconds:.0f} s"

    def summary(self) -> str:
        """What there was to do, for the log."""
        left = self.seconds - self.planned
        return (
            f"{self.ops} operations: planned in {self.planned:.3f} s, made ready in {left:.3f} s; {self.kernels} "
            f"kernels, for which {self.compiled} functions were compiled and {self.loaded} loaded"
        )


class _OfThread(threading.local):
    work: Work | None = None


_current = _OfThread()


def current() -> Work | None:
    """What this thread is at."""
    return _current.work


@contextlib.contextmanager
def helping(work: Work | None) -> Iterator[None]:
    """Context in which this thread is at what another one has begun."""
    before, _current.work = _current.work, work
    try:
        yield
    finally:
        _current.work = before


@contextlib.contextmanager
def working(ops: int) -> Iterator[Work]:
    """Context for planning and compiling."""
    work, shown = Work(ops), _is_shown()
    try:
        if shown:
            threading.Thread(target=_show, args=(work,), name="fastvjp-progress", daemon=True).start()
        with helping(work):
            yield work
    finally:
        work.ended.set()
    level = logging.INFO if work.seconds >= LONG else logging.DEBUG
    if logger.isEnabledFor(level):
        logger.log(level, "%s", work.summary())


def count(**numbers: int) -> None:
    """Add to the numbers of what this thread is at: kernels, finished, compiled, loaded."""
    work = _current.work
    if work is not None:
        for name, number in numbers.items():
            setattr(work, name, getattr(work, name) + number)


def _is_shown() -> bool:
    mode = environment.progress()
    if mode not in MODES:
        raise ValueError(f"[FASTVJP_PROGRESS] Unknown mode {mode!r}. Expected: 'auto', 'on' or 'off'.")
    stream = sys.stderr
    if mode != "auto" or stream is None:
        return mode == "on" and stream is not None
    with contextlib.suppress(ValueError, OSError, AttributeError):  # one that is closed, or is no file
        return stream.isatty()
    return False


def _show(work: Work) -> None:
    """Write lines over each other, from when it takes long until it has ended, and then clear them."""
    if work.ended.wait(LONG):
        return
    stream: Any = sys.stderr
    written = ""
    with contextlib.suppress(ValueError, OSError):  # it is closed
        while not work.ended.wait(EVERY):
            text = str(work)
            if text != written:
                stream.write("\r" + text.ljust(len(written)))
                stream.flush()
                written = text
        stream.write("\r" + " " * len(written) + "\r")
        stream.flush()
