"""Kernels of fused steps, as generated source."""
