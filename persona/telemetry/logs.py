"""Log lines of all processes: one JSON object a line, or a line for people; always without personal data.

Everything goes through here, the libraries' lines and what ends a process too. The formatters mask, and see
to it that no line can be forged by what it tells of: no logger can forget it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from types import TracebackType
from typing import Any

from persona.telemetry import tracing
from persona.telemetry.log_format import LogFormat
from persona.telemetry.scrub import Scrubber, secrets_of

_SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
_LONGEST_MESSAGE = 8_000
_LONGEST_TROUBLE = 24_000
#: Line ends of any kind, terminal commands, signs that turn text around, and half characters.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
#: An id of ours, never a number that somebody sent as one.
_ID = re.compile(r"(?!.*\d{7})[A-Za-z0-9_-]{1,64}", re.ASCII)


class _Parts:
    """The cleaned parts of one record."""

    def __init__(self, record: logging.LogRecord, scrubber: Scrubber) -> None:
        try:
            message = record.getMessage()
        except Exception:  # logging itself would print template and arguments as they are
            message = f"{record.msg} (with arguments that do not fit)"
        self.message = scrubber.line(message[:_LONGEST_MESSAGE])
        self.fields: Mapping[str, Any] = getattr(record, "fields", None) or {}
        self.trouble = ""
        if record.exc_info and record.exc_info[0] is not None:
            self.trouble = logging.Formatter().formatException(record.exc_info)
        elif record.exc_text:
            self.trouble = record.exc_text
        if record.stack_info:
            self.trouble = f"{self.trouble}\n{record.stack_info}".strip()
        if self.trouble:
            self.trouble = scrubber.trouble(self.trouble[-_LONGEST_TROUBLE:])
        self.time = datetime.fromtimestamp(record.created, _SHANGHAI).isoformat(timespec="milliseconds")


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, process, logger, message, trace and conversation where known.

    Args:
        process: ``front``, ``rasa``, ``actions``.
        scrubber: cleans.
    """

    def __init__(self, process: str, scrubber: Scrubber) -> None:
        super().__init__()
        self._process = process
        self._scrubber = scrubber

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        parts = _Parts(record, self._scrubber)
        line: dict[str, Any] = {
            "time": parts.time,
            "level": record.levelname,
            "process": self._process,
            "logger": record.name,
            "message": parts.message,
        }
        trace = tracing.current()
        if trace is not None:
            line["trace_id"] = trace.trace_id
            if _ID.fullmatch(trace.conversation_id):
                line["conversation_id"] = trace.conversation_id
        for name, value in parts.fields.items():
            line.setdefault(name, _plain(value, self._scrubber))
        if parts.trouble:
            line["exception"] = parts.trouble
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
        return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class TextFormatter(logging.Formatter):
    """A line for people; what follows of an exception is indented, so that nothing in it looks like a line.

    Args:
        scrubber: cleans.
    """

    def __init__(self, scrubber: Scrubber) -> None:
        super().__init__()
        self._scrubber = scrubber

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        parts = _Parts(record, self._scrubber)
        trace = tracing.current()
        where = f" [{trace.trace_id[:8]}]" if trace is not None else ""
        fields = "".join(f" {name}={_plain(v, self._scrubber)}" for name, v in parts.fields.items())
        told = _visible(f"{parts.message}{fields}")
        line = f"{parts.time} {record.levelname:<7} {record.name}{where}  {told}"
        return line + "".join(f"\n    {_visible(more)}" for more in parts.trouble.splitlines())


def configure(
    process: str,
    *,
    loggers: Sequence[str],
    level: str = "",
    environ: Mapping[str, str] | None = None,
    whole_process: bool = True,
) -> logging.Handler:
    """Send everything that is logged in this process to stderr; return the handler that does.

    Args:
        process: its name in each line.
        loggers: this project's own in the process; `level` holds for them, WARNING for all others.
        level: ``ZHIXIN_LOG_LEVEL``, else INFO, by default.
        whole_process: what ends the process or a thread is logged as well, and no longer printed by Python.
        environ: ``ZHIXIN_LOG_FORMAT``, ``ZHIXIN_MODE``, and the secrets that are never shown.
    """
    from persona.telemetry import metrics  # no command line waits for it

    environ = os.environ if environ is None else environ
    scrubber = Scrubber(secrets_of(environ))
    chosen = LogFormat(environ.get("ZHIXIN_LOG_FORMAT") or "auto").settled(environ.get("ZHIXIN_MODE", ""))
    handler = logging.StreamHandler(sys.stderr)
    formatter = JsonFormatter(process, scrubber) if chosen is LogFormat.JSON else TextFormatter(scrubber)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler, metrics.CountErrors()], force=True)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a line that cannot be written is lost, not shown raw
    for name in loggers:
        logging.getLogger(name).setLevel((level or environ.get("ZHIXIN_LOG_LEVEL") or "INFO").upper())
    if whole_process:
        sys.excepthook = _log_the_end
        threading.excepthook = _log_the_end_of_a_thread
    return handler


def _log_the_end(kind: type[BaseException], exc: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        logging.getLogger("zhixin").critical("the process ends by an exception", exc_info=(kind, exc, trace))


def _log_the_end_of_a_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        found = (args.exc_type, args.exc_value, args.exc_traceback)
        logging.getLogger("zhixin").error("a thread ended by an exception", exc_info=found)


def _plain(value: Any, scrubber: Scrubber) -> Any:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return round(value, 3)
    return scrubber.line(str(value)[:200])


def _visible(text: str) -> str:
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
