"""NumPy's functions on our arrays: those that have no public name of ours, in families, and the protocol."""

from . import (
    choice,
    constants,
    creation,
    editing,
    elementwise,
    interpolation,
    joining,
    polynomials,
    products,
    protocol,
    reductions,
    statistics,
)

__all__ = [
    "choice",
    "constants",
    "creation",
    "editing",
    "elementwise",
    "interpolation",
    "joining",
    "polynomials",
    "products",
    "protocol",
    "reductions",
    "statistics",
]
