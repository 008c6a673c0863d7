"""A small real backend that speaks the contract over any gateway: an example, and a double in tests."""
