"""Kernels of structural primitives, by families: fused steps, loops, or functions in Python."""

from . import indexing, matmul, reductions, scans, sorting, structure

__all__ = ["indexing", "matmul", "reductions", "scans", "sorting", "structure"]
