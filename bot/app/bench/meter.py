"""What the kernel knows of a process: CPU time and memory (Linux's /proc)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Memory:
    """Resident memory of a process in MB; PSS counts shared pages by their share."""

    rss_mb: float
    pss_mb: float


def cpu_ms(pid: int) -> float | None:
    """Return user and system time used so far in milliseconds; None where /proc is missing."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rsplit(")", 1)[1].split()  # the name before may hold spaces
    return (int(fields[11]) + int(fields[12])) * 1000 / _TICKS


def memory(pid: int) -> Memory | None:
    """Return the memory of a process; None where /proc is missing."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return None
    sizes = {
        name.strip(): int(rest.split()[0])
        for name, _, rest in (line.partition(":") for line in text.splitlines()[1:])
        if rest.split()[1:] == ["kB"]
    }
    return Memory(round(sizes["Rss"] / 1024, 1), round(sizes["Pss"] / 1024, 1))
