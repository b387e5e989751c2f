"""Kernels of structural primitives, each a loop or a call of a library."""
