"""The processes' logs as files: kept from run to run, never larger than a limit, shown masked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from persona.privacy.masking import mask

_KEPT = 3
_MAX_BYTES = 20 * 1024 * 1024
_TAIL_BYTES = 64 * 1024


def rotate(path: Path) -> None:
    """Move the log of the last run aside (``.1`` is the newest of three)."""
    for number in range(_KEPT, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        newer = path if number == 1 else path.with_name(f"{path.name}.{number - 1}")
        if newer.exists():
            newer.replace(older)


def cut_if_large(path: Path, limit: int = _MAX_BYTES) -> None:
    """Keep the newer half of a log that outgrew `limit` bytes as ``.1`` and start it anew.

    The process goes on writing to the same open file, which works because it appends.
    """
    try:
        if path.stat().st_size <= limit:
            return
        with path.open("r+b") as file:
            file.seek(-limit // 2, 2)
            path.with_name(f"{path.name}.1").write_bytes(file.read())
            file.truncate(0)
    except OSError:
        return  # a log that cannot be cut must not stop the stack


def tail(path: Path, lines: int) -> list[str]:
    """Return the last lines, personal data masked; empty if there is no log."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return mask(text).splitlines()[-lines:]


class LogFollower:
    """Yields the lines that were added since the last look, with the process's name (if any) before each."""

    def __init__(self, path: Path, name: str) -> None:
        """Begin at the present end of the file."""
        self._path = path
        self._name = name
        self._offset = path.stat().st_size if path.exists() else 0
        self._rest = b""

    def lines(self) -> Iterator[str]:
        """Yield whole new lines, masked."""
        try:
            with self._path.open("rb") as file:
                if file.seek(0, 2) < self._offset:
                    self._offset = 0
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return
        self._offset += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            text = mask(line.decode("utf-8", errors="replace"))
            yield f"{self._name:>7} | {text}" if self._name else text
