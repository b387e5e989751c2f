"""Random bits of keys: a function of the key alone, which no small change changes."""

from __future__ import annotations

from ..core.avals import Aval, aval
from ..core.primitive import structural


def _words(key: Aval, size: int) -> Aval:
    return aval((*key.shape[:-1], size), key.dtype)


structural("random_bits", "key", _words, vjp=None)
