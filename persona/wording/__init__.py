"""Response name + strategy + typed facts -> words."""

from persona.wording.engine import Button, Utterance, Wording
from persona.wording.errors import WordingError

__all__ = ["Button", "Utterance", "Wording", "WordingError"]
