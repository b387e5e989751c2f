"""Users' own rules, primitives and kernels."""
