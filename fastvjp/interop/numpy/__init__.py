"""NumPy's functions on our arrays: those that have no public name of ours, in families, and the protocol."""

from . import choice, constants, creation, elementwise, joining, products, protocol, reductions, statistics

__all__ = [
    "choice",
    "constants",
    "creation",
    "elementwise",
    "joining",
    "products",
    "protocol",
    "reductions",
    "statistics",
]
