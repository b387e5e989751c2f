"""The CPU device: element functions and array kernels for Numba, generated loops, and how plans run."""

from . import arithmetic, complex_parts, exponential, logical, trigonometric

ELEMENT_MODULES = (arithmetic, exponential, trigonometric, logical, complex_parts)
"""Importing them registers their element functions."""
