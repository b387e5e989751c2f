"""Discrete Fourier transforms, as `mlx.core.fft` and `numpy.fft` group them; they are computed on the CPU.

The module is a backend of scipy.fft, too: `with scipy.fft.set_backend(fastvjp.fft)` its functions are recorded.
"""

# ruff: noqa: F403, PLE0605
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .arrays.array import array
from .arrays.public import PUBLIC, names
from .ops.fourier import *
from .ops.short_time import *

if not TYPE_CHECKING:  # see fastvjp/ops/__init__.py
    __all__ = names(globals(), "fft")

__ua_domain__ = "numpy.scipy.fft"
WITHOUT_MEANING = ("overwrite_x", "workers", "plan")
"""What scipy.fft's functions take and ours do not."""


def __ua_function__(method: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What scipy.fft calls for a function of its own; NotImplemented where no argument is an array of ours."""
    ours = PUBLIC.get(f"fft.{method.__name__}")
    if ours is None or not any(isinstance(x, array) for x in (*args, *options.values())):
        return NotImplemented
    return ours(*args, **{name: x for name, x in options.items() if name not in WITHOUT_MEANING})
