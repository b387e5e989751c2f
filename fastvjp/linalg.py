"""Linear algebra, as `mlx.core.linalg` groups it; it computes on the CPU, whatever the device."""

# ruff: noqa: F403, PLE0605
from typing import TYPE_CHECKING

from .arrays.public import names
from .ops.decompositions import *
from .ops.determinants import *
from .ops.least_squares import *
from .ops.matrix_functions import *
from .ops.matrix_products import *
from .ops.norms import *
from .ops.solving import *

if not TYPE_CHECKING:  # see fastvjp/ops/__init__.py
    __all__ = names(globals(), "linalg")
