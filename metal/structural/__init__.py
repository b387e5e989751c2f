"""Shaders of structural primitives, by families, and how they are dispatched."""

from . import convolution, indexing, matmul, random, scans, sorting, structure

__all__ = ["convolution", "indexing", "matmul", "random", "scans", "sorting", "structure"]
