"""The primitives, by families: each with its inference, derivative rules and batching rule."""
