"""Plans as dispatches, and how they run."""
