"""Shaders of structural primitives, by families, and how they are dispatched."""

from . import indexing, matmul, scans, sorting, structure

__all__ = ["indexing", "matmul", "scans", "sorting", "structure"]
