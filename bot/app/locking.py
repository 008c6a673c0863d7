"""One stack per data folder: a lock that the supervisor and its processes hold together.

The processes inherit the lock's descriptor, so after the supervisor was killed the folder stays locked
until the last of them is gone, and a new start waits for that.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

#: Longest wait for the processes of a supervisor that is dead already.
WAIT_S = 20.0


class LockedError(Exception):
    """Another stack runs on the data folder."""


class DataLock:
    """The lock of a data folder. Its file holds the id of the supervisor's process."""

    def __init__(self, data_dir: Path) -> None:
        """Name the folder; nothing is taken yet."""
        self._path = data_dir / "zhixin.lock"
        self._descriptor: int | None = None

    @property
    def taken(self) -> bool:
        """Say whether this object holds the lock."""
        return self._descriptor is not None

    def take(self, say: Callable[[str], None], *, shared: bool = False) -> int:
        """Take the lock and return its descriptor.

        Args:
            say: told where the last run's processes are waited for.
            shared: beside others that share it: processes that run by themselves, a change of schema that is
                made beside them. A whole stack, and what replaces its data, takes the lock alone.

        Raises:
            LockedError: another stack holds it; the text says which.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + WAIT_S
        told = False
        while True:
            try:
                fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                pid = int(os.pread(descriptor, 20, 0).decode(errors="replace").strip() or 0)
                if (pid and alive(pid)) or time.monotonic() > deadline:
                    os.close(descriptor)
                    raise LockedError(
                        f"another zhixin (process {pid}) runs on {self._path.parent}: stop it first, "
                        "or give this one a data folder of its own with ZHIXIN_DATA_DIR"
                    ) from None
                if not told:
                    say("waiting for the processes of the last run to end ...")
                    told = True
                time.sleep(0.2)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return descriptor

    def release(self) -> None:
        """Give the lock back; harmless when it was not taken."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def alive(pid: int) -> bool:
    """Say whether a process of this id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def state_path(data_dir: Path) -> Path:
    """Return the file that tells other commands what runs: address and process ids."""
    return data_dir / "run.json"


def write_state(data_dir: Path, url: str, pids: dict[str, int]) -> None:
    """Tell other commands what runs."""
    state = {"url": url, "supervisor": os.getpid(), "pids": pids}
    state_path(data_dir).write_text(json.dumps(state), encoding="utf-8")


def read_state(data_dir: Path) -> tuple[str, dict[str, int]] | None:
    """Return address and process ids of the running stack, or None if none runs."""
    try:
        state = json.loads(state_path(data_dir).read_text(encoding="utf-8"))
        running = alive(int(state["supervisor"]))
        return (str(state["url"]), {str(k): int(v) for k, v in state["pids"].items()}) if running else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
