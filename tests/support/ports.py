"""Ports that stay free until a test's own process takes them."""

from __future__ import annotations

import os
import random
import socket

#: Below the ports that systems hand out by themselves (from 32768 on Linux): nobody takes one meanwhile.
_FIRST, _LAST = 20_000, 32_000
_order = random.Random(os.getpid())


def free_ports(count: int) -> list[int]:
    """Return so many ports of this machine that nobody listens on now, each another one."""
    found: list[int] = []
    while len(found) < count:
        port = _order.randint(_FIRST, _LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found
