"""Response name + strategy + typed facts -> words."""
