"""What can go wrong with words."""

from __future__ import annotations


class WordingError(Exception):
    """A response cannot be spoken.

    Attributes:
        response: its name.
        cause: what is wrong, without any value of a fact.
    """

    def __init__(self, response: str, cause: str) -> None:
        super().__init__(f"{response}: {cause}")
        self.response = response
        self.cause = cause
