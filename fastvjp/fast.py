"""What transformers are made of, as `mlx.core.fast` groups it."""

# ruff: noqa: F403, PLE0605
from typing import TYPE_CHECKING

from .arrays.public import names
from .ops.transformers import *

if not TYPE_CHECKING:  # see fastvjp/ops/__init__.py
    __all__ = names(globals(), "fast")
