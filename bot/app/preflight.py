"""What must hold before anything is started; each failure is one sentence with what to do."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from pathlib import Path

from bot.app.settings import Settings, variable

#: Room for the databases, the logs and one model with its training files.
MIN_FREE_BYTES = 300 * 1024 * 1024


class StartError(Exception):
    """The stack cannot start; the text is one sentence for the one who typed the command."""


def data_dir(path: Path) -> None:
    """Make the data folder, for its owner alone, and prove that it can be written.

    Raises:
        StartError: it cannot be made or written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        (path / "logs").mkdir(exist_ok=True)
        probe = path / f".probe-{os.getpid()}"
        probe.write_bytes(b"\0" * 4096)
        probe.unlink()
    except OSError as exc:
        if exc.errno == errno.ENOSPC:
            raise StartError(f"the disk of {path} is full: free some space and start again") from exc
        raise StartError(
            f"the data folder {path} cannot be written ({exc.strerror}): set ZHIXIN_DATA_DIR to one that can"
        ) from exc


def disk(path: Path, needed: int = MIN_FREE_BYTES) -> None:
    """Check the free space.

    Raises:
        StartError: less than `needed` bytes are free.
    """
    free = shutil.disk_usage(path).free
    if free < needed:
        raise StartError(
            f"only {free // 2**20} MB are free on the disk of {path} and {needed // 2**20} MB are needed: "
            "free some space or set ZHIXIN_DATA_DIR to another disk"
        )


def ports(settings: Settings) -> None:
    """Check that the three ports can be listened on.

    Raises:
        StartError: names the first port that cannot, and the setting that changes it.
    """
    for key, host in (
        ("front_port", settings.front_host),
        ("rasa_port", settings.inner_host),
        ("action_port", settings.inner_host),
    ):
        port: int = getattr(settings, key)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As the servers do: connections of the last run that linger (TIME_WAIT) are no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as exc:
                raise StartError(_port_sentence(key, host, port, exc)) from exc


def _port_sentence(key: str, host: str, port: int, exc: OSError) -> str:
    if exc.errno == errno.EADDRINUSE:
        return f"port {port} is taken by another program: choose another with {variable(key)}=<port>"
    if exc.errno == errno.EACCES:
        return f"port {port} may not be used by this user: choose one from 1024 with {variable(key)}=<port>"
    return f"{host}:{port} cannot be listened on ({exc.strerror}): check ZHIXIN_FRONT_HOST, {variable(key)}"
