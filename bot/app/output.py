"""What commands say: results on stdout, everything else on stderr, errors as one sentence."""

from __future__ import annotations

import sys


class CommandError(Exception):
    """A command cannot do what it was asked; the text is one sentence for the developer."""


def say(line: str) -> None:
    """Print one line at once."""
    print(line, flush=True)


def complain(line: str) -> None:
    """Print one line on stderr, with the program's name."""
    print(f"zhixin: {line}", file=sys.stderr, flush=True)
