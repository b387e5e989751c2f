"""The exception of this package, by metalcompute's name."""

from __future__ import annotations


class error(Exception):
    """What a Metal device cannot do: compile a text, find a function, make a buffer, run a kernel."""
