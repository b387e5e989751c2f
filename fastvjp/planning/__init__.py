"""From an op list to a plan: steps as plain data that knows no device."""
