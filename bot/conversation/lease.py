"""The lease under which one process works on a conversation.

A holder renews its lease while it works. Another process takes over once the lease has lapsed, or at once
where the holder is a process of this machine that no longer lives (a front killed and started again). Should
two ever believe they hold it, the record takes the answer of the one it names, and Rasa runs a message once.
"""

from __future__ import annotations

import os
import socket
import uuid
from datetime import timedelta
from pathlib import Path

#: How long a lease holds without renewal. Long against clock skew and pauses, short for a shopper who waits.
LEASE = timedelta(seconds=12)

#: How often it is renewed while a turn runs.
RENEWAL = timedelta(seconds=4)


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
    except OSError:
        return "-"


def _started(pid: int) -> str | None:
    """Return when a process started, in clock ticks; None if there is none; "" where it cannot be known."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else ""
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else fields[19]


def _place() -> str:
    return f"{socket.gethostname()[:60]}/{_boot()}"


def new_holder() -> str:
    """Return the name of a new holder: where it runs, its process, its start, and a random part."""
    pid = os.getpid()
    return f"{_place()}/{pid}/{_started(pid) or ''}/{uuid.uuid4().hex[:8]}"


def is_dead(holder: str) -> bool:
    """Return whether `holder` is a process of this machine that has ended; False where nobody can know."""
    try:
        host, boot, pid, started, _ = holder.split("/")
    except ValueError:
        return False
    if f"{host}/{boot}" != _place() or boot == "-" or not started:
        return False
    now = _started(int(pid))
    return now is None or now not in {"", started}
