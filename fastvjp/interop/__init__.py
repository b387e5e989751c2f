"""Arrays among Python's and NumPy's: operators, methods, NumPy's functions. Importing it sets them on `array`."""

from . import numpy_protocol, operators

__all__ = ["numpy_protocol", "operators"]
