"""The public ops, under the names of `mlx.core`: a file for each family; `__all__` has what they declare."""

# ruff: noqa: F403, PLE0605
from typing import TYPE_CHECKING

from ..arrays.public import names
from . import decompositions as _decompositions  # noqa: F401  whose functions fastvjp.linalg has
from . import determinants as _determinants  # noqa: F401
from . import distributions as _distributions  # noqa: F401  whose functions fastvjp.random has
from . import fourier as _fourier  # noqa: F401  whose functions fastvjp.fft has
from . import least_squares as _least_squares  # noqa: F401
from . import matrix_functions as _matrix_functions  # noqa: F401
from . import matrix_products as _matrix_products  # noqa: F401
from . import norms as _norms  # noqa: F401
from . import random as _random  # noqa: F401
from . import short_time as _short_time  # noqa: F401
from . import solving as _solving  # noqa: F401
from . import special as _special  # noqa: F401  whose functions fastvjp.special has
from . import transformers as _transformers  # noqa: F401  whose functions fastvjp.fast has
from .arithmetic import *
from .bit_patterns import *
from .broadcasting import *
from .chosen_products import *
from .complex_parts import *
from .contraction import *
from .convolution import *
from .creation import *
from .diagonals import *
from .differences import *
from .exponential import *
from .files import *
from .joining import *
from .linalg import *
from .logical import *
from .moving_windows import *
from .narrow_floats import *
from .order_statistics import *
from .quantization import *
from .reductions import *
from .rounding import *
from .scans import *
from .searching import *
from .shape import *
from .sorting import *
from .taking import *
from .trigonometric import *
from .windows import *

if not TYPE_CHECKING:  # a checker takes all that is imported; a list that is not written out would hide it
    __all__ = names(globals())
