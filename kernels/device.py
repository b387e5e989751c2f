"""The cpu device: buffers are NumPy arrays, plans run as native calls."""

import contextlib

import numpy as np

from ..core.program import Op
from ..devices import num_threads
from ..planning.plan import Plan
from .native.code import llvm
from .native.jit import jit_disabled
from .runtime.buffers import upload
from .runtime.executable import Executable
from .runtime.lowering import is_launched

name = "cpu"

if not jit_disabled():
    with contextlib.suppress(Exception):  # what is wrong with LLVM is told where something cannot be compiled
        llvm()  # whose import belongs to that of the device, not to the first call


def dtype(dtype: np.dtype) -> np.dtype:
    """The dtype that an array of this one gets here: the same."""
    return dtype


def holds(dtype: np.dtype) -> bool:
    """It has numbers of every dtype."""
    return True


def check(shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Any array can be here."""


def repeats(op: Op) -> bool:
    """Whether an op can be part of a loop: no Python runs in one."""
    primitive = op.primitive
    return primitive.definition is None and (primitive.elementwise or not is_launched(primitive.name))


def compile(plan: Plan) -> Executable:
    """Make a plan ready to run."""
    num_threads()  # a wrong setting is an error at the first use, whether that needs threads or not
    return Executable(plan)


__all__ = ["check", "compile", "dtype", "holds", "name", "repeats", "upload"]
