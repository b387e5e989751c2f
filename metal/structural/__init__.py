"""Shaders of structural primitives."""
