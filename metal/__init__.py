"""The Metal device: hand-written shaders through metalcompute."""
