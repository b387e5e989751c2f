"""Random numbers, as `mlx.core.random` groups them.

`state` is the key from which those come that are not given: a list of one array. Under `vmap` and `compile`, which
call a function once for many results, a key must be given, or the state be one of the compiled function's:
`inputs=random.state, outputs=random.state`.
"""

# ruff: noqa: F403, PLE0605
from typing import TYPE_CHECKING, Any

from .arrays.public import names
from .ops import random as _random
from .ops.distributions import *
from .ops.random import *

if not TYPE_CHECKING:  # see fastvjp/ops/__init__.py
    __all__ = names(globals(), "random")


def __getattr__(name: str) -> Any:
    if name == "state":
        return _random.current_state()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
