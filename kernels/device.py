"""The cpu device: buffers are NumPy arrays, plans run as native calls."""

import numpy as np

from ..devices import num_threads
from ..planning.plan import Plan
from .runtime.buffers import upload
from .runtime.executable import Executable

name = "cpu"


def dtype(dtype: np.dtype) -> np.dtype:
    """The dtype that an array of this one gets here: the same."""
    return dtype


def holds(dtype: np.dtype) -> bool:
    """It has numbers of every dtype."""
    return True


def check(shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Any array can be here."""


def compile(plan: Plan) -> Executable:
    """Make a plan ready to run."""
    num_threads()  # a wrong setting is an error at the first use, whether that needs threads or not
    return Executable(plan)


__all__ = ["check", "compile", "dtype", "holds", "name", "upload"]
