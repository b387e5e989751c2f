"""The cpu device: buffers are NumPy arrays, plans run as native calls."""

from ..devices import num_threads
from ..plan import Plan
from .buffers import upload
from .executable import Executable

name = "cpu"


def compile(plan: Plan) -> Executable:
    """Make a plan ready to run."""
    num_threads()  # a wrong setting is an error at the first use, whether that needs threads or not
    return Executable(plan)


__all__ = ["compile", "name", "upload"]
