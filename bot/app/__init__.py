"""Composition: settings, command line, supervisor, wiring."""
