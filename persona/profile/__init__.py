"""Customer analytics over a shop's data."""
