"""Batch work over JSON lines: one good line in, one line out; a bad one is named and stops nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bot.app.output import CommandError, complain


def run(source: str, work: Callable[[dict[str, Any]], dict[str, Any]]) -> int:
    """Apply `work` to each line of a file (``-`` is stdin) and print the results.

    Args:
        source: path or ``-``.
        work: takes the line's object; raises ValueError, KeyError or TypeError where it is malformed.

    Returns:
        How many lines were bad; each was reported on stderr with its number, counted from 1.

    Raises:
        CommandError: the file cannot be read.
    """
    bad = 0
    out = sys.stdout
    for number, raw in enumerate(_lines(source), start=1):
        if not raw.strip():
            continue
        try:
            data = json.loads(raw.decode("utf-8-sig"))
            if not isinstance(data, dict):
                raise TypeError("an object is wanted")
            result = work(data)
        except (ValueError, KeyError, TypeError, RecursionError) as exc:
            bad += 1
            complain(f"line {number}: {_cause(exc)}")
            continue
        out.write(_dump(result) + "\n")
        out.flush()
    return bad


def _lines(source: str) -> Iterator[bytes]:
    if source == "-":
        yield from sys.stdin.buffer
        return
    try:
        with Path(source).open("rb") as file:
            yield from file
    except OSError as exc:
        raise CommandError(f"{source} cannot be read: {exc.strerror or exc}") from exc


def _dump(result: dict[str, Any]) -> str:
    text = json.dumps(result, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate in the input: only an escape can carry it
        return json.dumps(result)
    return text


def _cause(exc: Exception) -> str:
    if isinstance(exc, json.JSONDecodeError):
        return f"not JSON: {exc.msg} (column {exc.colno})"
    if isinstance(exc, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(exc, KeyError):
        return f"the key {exc} is missing"
    if isinstance(exc, RecursionError):
        return "nested too deeply"
    return str(exc)
