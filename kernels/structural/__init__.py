"""Kernels of structural primitives, by families: fused steps, loops, or functions in Python."""

from . import indexing, linalg, matmul, reductions, scans, sorting, structure

__all__ = ["indexing", "linalg", "matmul", "reductions", "scans", "sorting", "structure"]
