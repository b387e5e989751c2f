"""The primitives, by families: each with its inference, derivative rules and batching rule."""

from . import elementwise, indexing, joining, linalg, marker, products, reductions, scans, views

__all__ = ["elementwise", "indexing", "joining", "linalg", "marker", "products", "reductions", "scans", "views"]
