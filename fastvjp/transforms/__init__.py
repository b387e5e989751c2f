"""The transforms: each maps a function to a function, by recording an op list and emitting another."""
