"""Arrays among Python's and NumPy's: operators, methods, NumPy's functions. Importing it sets them on `array`."""

from . import imported, in_place, numpy, operators

__all__ = ["imported", "in_place", "numpy", "operators"]
