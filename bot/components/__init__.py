"""All that Rasa loads from this project."""
