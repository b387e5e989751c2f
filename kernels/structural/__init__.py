"""Kernels of structural primitives, by families: fused steps, loops, or functions in Python."""

from . import (
    convolution,
    fourier,
    indexing,
    linalg,
    lu,
    matmul,
    matrix_functions,
    qr,
    random,
    reductions,
    scans,
    small,
    sorting,
    spectral,
    structure,
    windows,
)

__all__ = [
    "convolution",
    "fourier",
    "indexing",
    "linalg",
    "lu",
    "matmul",
    "matrix_functions",
    "qr",
    "random",
    "reductions",
    "scans",
    "small",
    "sorting",
    "spectral",
    "structure",
    "windows",
]
