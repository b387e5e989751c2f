"""Numba, which only element functions of users and `fastvjp.njit` need."""

from __future__ import annotations

import functools
from typing import Any

from .interrupts import postponed


@functools.cache
@postponed()
def import_numba() -> Any:
    """Numba, imported when it is first needed."""
    import numba as module

    return module
