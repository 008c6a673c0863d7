"""The agents' pages and API."""
