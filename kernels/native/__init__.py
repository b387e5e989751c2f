"""From Python functions to machine code: the jit wrapper, its cache, threads, BLAS."""
