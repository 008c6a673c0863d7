"""Logs of the Rasa process and of training: the project's one way, Rasa's own only from WARNING on."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

from persona.telemetry import logs


def configure_logging(level: str, *, process: str = "rasa", whole_process: bool = False) -> None:
    """Set up the process's logs; `level` holds for this project's own loggers.

    Args:
        level: ``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``.
        process: its name in each line.
        whole_process: log what ends the process, too.
    """
    own = ("zhixin", "bot", "persona")
    logs.configure(process, loggers=own, level=level, whole_process=whole_process)
    # Importing Rasa shows a page of its libraries' deprecations, whatever filters are set.
    logging.getLogger("py.warnings").setLevel(logging.ERROR)
    _configure_structlog()


def _configure_structlog() -> None:
    """Send Rasa's structured logs through `logging`.

    Unasked it prints every one of them, with what was said.
    """
    import structlog

    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, _event_only, structlog.processors.KeyValueRenderer()],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _event_only(_logger: Any, _name: str, told: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep what happened and figures: the other values are messages, entities and whole trackers."""
    kept = ("event", "event_info", "exc_info")
    return {
        name: value
        for name, value in told.items()
        if name in kept or (isinstance(value, int | float) and not isinstance(value, bool))
    }
