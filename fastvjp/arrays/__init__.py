"""`fastvjp.array`, what it is made from, and functions on it as recorded calls."""
