"""Errors that NumPy raises as one type and MLX as another: they are both, as `numpy.exceptions.AxisError` is."""


class DtypeError(TypeError, ValueError):
    """An operation does not take the type: a TypeError as in NumPy, a ValueError as in MLX."""


class PlaceError(IndexError, ValueError):
    """An index does not fit: an IndexError as in NumPy, a ValueError as in MLX."""
