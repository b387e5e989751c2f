"""Arrays among Python's and NumPy's: operators, methods, NumPy's functions. Importing it sets them on `array`."""

from . import imported, numpy, operators

__all__ = ["imported", "numpy", "operators"]
