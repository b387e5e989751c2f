"""What everything is made of: shapes and dtypes, layouts, primitives, the op list, settings."""
