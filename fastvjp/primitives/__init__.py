"""The primitives, by families: each with its inference, derivative rules and batching rule."""

from . import (
    convolution,
    elementwise,
    fourier,
    indexing,
    joining,
    linalg,
    marker,
    products,
    reductions,
    scans,
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
    "marker",
    "products",
    "reductions",
    "scans",
    "views",
    "windows",
]
