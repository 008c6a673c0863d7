"""Says how a type is served."""
