"""Logs of the Rasa process and of training: masked, to stderr, Rasa's own only from WARNING on."""

from __future__ import annotations

import logging
import sys

from persona.privacy.masking import MaskingFilter


def configure_logging(level: str) -> None:
    """Set up the process's logs; `level` holds for this project's own loggers."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s  %(message)s"))
    handler.addFilter(MaskingFilter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("zhixin", "bot", "persona"):
        logging.getLogger(name).setLevel(level)
    # Importing Rasa shows a page of its libraries' deprecations, whatever filters are set.
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").setLevel(logging.ERROR)
    _configure_structlog()


def _configure_structlog() -> None:
    """Send Rasa's structured logs through `logging`.

    Unasked it prints every one of them, with what was said.
    """
    import structlog

    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, structlog.processors.KeyValueRenderer()],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
