"""Python's collector of cyclic garbage, out of the way where much is made that is all kept."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any


def uncollected(fun: Callable[..., Any], *args: Any) -> Any:
    """What a function returns; no cyclic garbage is looked for meanwhile.

    Among hundreds of thousands of objects that live on, that takes as long as to make them.
    """
    collects = gc.isenabled()
    try:
        gc.disable()
        return fun(*args)
    finally:
        if collects:
            gc.enable()
