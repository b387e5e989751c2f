"""Arrays among Python's and NumPy's: operators, methods, NumPy's functions."""
