"""What a log line looks like; apart, so that the settings load nothing else."""

from __future__ import annotations

from enum import Enum


class LogFormat(str, Enum):
    """What a log line looks like."""

    AUTO = "auto"  # text for a demo, JSON in production
    JSON = "json"
    TEXT = "text"

    def settled(self, mode: str) -> LogFormat:
        """Return JSON or TEXT."""
        if self is not LogFormat.AUTO:
            return self
        return LogFormat.TEXT if mode == "demo" else LogFormat.JSON
