"""Element functions in Metal, twins of those in kernels/elements."""
