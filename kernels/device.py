"""The cpu device: buffers are NumPy arrays, plans run as native calls."""

from ..plan import Plan
from .buffers import upload
from .executable import Executable

name = "cpu"


def compile(plan: Plan) -> Executable:
    """Make a plan ready to run."""
    return Executable(plan)


__all__ = ["compile", "name", "upload"]
