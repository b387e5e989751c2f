"""Kernels of structural primitives, by families: fused steps, loops, or functions in Python."""

from . import convolution, fourier, indexing, linalg, matmul, reductions, scans, sorting, structure, windows

__all__ = [
    "convolution",
    "fourier",
    "indexing",
    "linalg",
    "matmul",
    "reductions",
    "scans",
    "sorting",
    "structure",
    "windows",
]
