"""The CPU device: element functions and array kernels for Numba, generated loops, and how plans run."""
