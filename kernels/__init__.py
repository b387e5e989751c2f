"""The CPU device: element functions and array kernels, generated loops, and how plans run."""
