"""The Python array API standard on our arrays: NumPy's functions, whose results are always arrays of ours."""

from . import creation, functions, inspection
from .members import Special, namespace

__all__ = ["Special", "creation", "functions", "inspection", "namespace"]
