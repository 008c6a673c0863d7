"""Reads a shopper's temperament from wording and history."""
