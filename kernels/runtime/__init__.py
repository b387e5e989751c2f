"""Plans as words in memory, and how they run."""
