"""The primitives, by families: each with its inference, derivative rules and batching rule."""

from . import (
    convolution,
    elementwise,
    fourier,
    indexing,
    joining,
    linalg,
    lu,
    marker,
    matrix_functions,
    products,
    qr,
    reductions,
    scans,
    spectral,
    views,
    windows,
)

__all__ = [
    "convolution",
    "elementwise",
    "fourier",
    "indexing",
    "joining",
    "linalg",
    "lu",
    "marker",
    "matrix_functions",
    "products",
    "qr",
    "reductions",
    "scans",
    "spectral",
    "views",
    "windows",
]
