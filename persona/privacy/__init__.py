"""Seals personal data at rest and masks it in logs."""
