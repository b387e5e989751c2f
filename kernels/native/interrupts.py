"""Ctrl-C waits while Numba is imported or compiles: neither can be left half done and begun again."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def postponed() -> Iterator[None]:
    """Context, and decorator, in which an interrupt waits until it is left.

    Python hands signals to the main thread only, and a handler of the user's that is not Python's stays as it is.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    waiting: list[tuple[int, FrameType | None]] = []
    try:
        signal.signal(signal.SIGINT, lambda number, frame: waiting.append((number, frame)))
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if waiting:
            before(*waiting[0])
