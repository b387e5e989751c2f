"""What runs of an executable write to: words, and scratch memory for its temporaries, each thread's own."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...core.avals import Aval
from ..native.memory import KEPT_SCRATCH, address_of, own_memory, scratch_memory
from .assembly import Assembly

OWN_SCRATCH = 1 << 12
"""Bytes of temporaries that a plan has for itself, in each thread, and need not be told where they are."""


@dataclass(frozen=True)
class Scratch:
    """Where temporaries lie in memory of `size` bytes."""

    size: int
    offsets: Mapping[int, int]
    """Of every temporary, by its buffer's number."""
    touched: Mapping[int, Aval]
    """Temporaries that launches touch, from Python."""

    def arrays(self, memory: np.ndarray | None) -> dict[int, np.ndarray]:
        """The temporaries that launches touch."""
        return {i: np.ndarray(a.shape, a.dtype, memory, self.offsets[i]) for i, a in self.touched.items()}


class Frame(threading.local):
    """One thread's words, and the scratch memory that they know; or, if it is private, those of a single run.

    It refers to nothing that refers to it: an executable dies with the last reference to it.
    """

    def __init__(self, assembly: Assembly, scratch: Scratch, private: bool = False) -> None:
        words = np.array(assembly.words, np.int64)
        self.memory = bytearray(words.tobytes())  # which `pack` writes to faster than to an array
        self.words = np.frombuffer(self.memory, np.int64)
        self.base = address_of(self.words)
        self.assembly, self.places, self.private = assembly, scratch, private
        self.scratch: np.ndarray | None = None
        for at, word in assembly.pointers:
            self.words[at] = self.base + 8 * word
        self.words[assembly.calls] = self.base
        if 0 < scratch.size <= OWN_SCRATCH:
            self.scratch = np.empty(scratch.size, np.uint8)
            self._place(self.scratch)

    def settle(self) -> np.ndarray:
        """This thread's scratch memory, with the temporaries placed in it."""
        scratch = (own_memory if self.private else scratch_memory)(self.places.size)
        if scratch is not self.scratch:
            self._place(scratch)
            self.scratch = scratch if self.places.size <= KEPT_SCRATCH else None
        return scratch

    def _place(self, scratch: np.ndarray) -> None:
        base = address_of(scratch)
        for buffer, offset in self.places.offsets.items():
            self.words[self.assembly.word[buffer]] = base + offset
