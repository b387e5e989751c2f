"""Shaders of fused steps, as generated source."""
