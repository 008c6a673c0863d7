"""Measures the speed and memory of a running stack."""
