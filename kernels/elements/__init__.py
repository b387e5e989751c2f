"""Element functions: scalar functions written by hand, the unit of which all elementwise kernels are made."""

from . import (
    arithmetic,
    complex_parts,
    elliptic,
    entropy,
    exponential,
    gamma,
    incomplete,
    logical,
    normal,
    trigonometric,
)

ELEMENT_MODULES = (
    arithmetic,
    exponential,
    trigonometric,
    gamma,
    incomplete,
    elliptic,
    normal,
    entropy,
    logical,
    complex_parts,
)
"""Importing them registers their element functions, or helpers."""
