"""Holds a backend against the contract and says what is wrong, field by field: ``zhixin shop check URL``."""
