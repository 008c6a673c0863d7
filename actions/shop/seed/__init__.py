"""The demo shop's data: a catalogue, people and their past, reproducible by seed and day."""
