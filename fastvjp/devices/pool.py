"""Memory that is used again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Memory = TypeVar("Memory")


class Pool(Generic[Memory]):
    """Memory that nobody needs, by size, what was returned last behind; at most so many bytes of it.

    Nobody waits for its lock, but does without: memory may be given back at any time, even in `take`, and a
    process may fork.

    Args:
        make: new memory of a size in bytes.
        most: bytes that are kept.
    """

    def __init__(self, make: Callable[[int], Memory], most: int) -> None:
        self.make = make
        self.most = most
        self.kept: dict[int, list[Memory]] = {}
        self.size = 0
        self.lock = threading.Lock()

    def take(self, size: int) -> Memory:
        """So many bytes, new ones where none are kept."""
        if self.lock.acquire(blocking=False):
            try:
                found = self.kept.pop(size, None)
                if found is not None:
                    self.size -= size
                    memory = found.pop()
                    if found:
                        self.kept[size] = found
                    return memory
            finally:
                self.lock.release()
        return self.make(size)

    def give_back(self, memory: Memory, size: int) -> None:
        """Keep it, instead of sizes that were returned longer ago."""
        if size > self.most or not self.lock.acquire(blocking=False):
            return
        try:
            found = self.kept.pop(size, [])
            found.append(memory)
            self.kept[size] = found
            self.size += size
            while self.size > self.most:
                oldest, found = next(iter(self.kept.items()))
                found.pop()
                self.size -= oldest
                if not found:
                    del self.kept[oldest]
        finally:
            self.lock.release()
