"""The contract with a shop's backend: ``openapi.yml`` and what reads it."""
