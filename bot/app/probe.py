"""``python -m bot.app.probe NAME``: asks one process of this machine whether it serves; exit code 0 or 1.

For the health checks of containers: it loads nothing but the standard library and reads the same variables
as the process.
"""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Mapping

_TIMEOUT_S = 4.0

#: Name -> variable of its port, the port's default, variable of the address it listens on, health address.
_WHERE = {
    "actions": ("ZHIXIN_ACTION_PORT", 5055, "ZHIXIN_INNER_HOST", "/health"),
    "rasa": ("ZHIXIN_RASA_PORT", 5005, "ZHIXIN_INNER_HOST", "/webhooks/front/health"),
    "front": ("ZHIXIN_FRONT_PORT", 8080, "ZHIXIN_FRONT_HOST", "/readyz"),
}
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Ask, and say on stderr what was answered where it is not 200."""
    if len(arguments) != 1 or arguments[0] not in _WHERE:
        sys.stderr.write(f"usage: python -m bot.app.probe {{{','.join(_WHERE)}}}\n")
        return 2
    port_name, port, host_name, path = _WHERE[arguments[0]]
    host = environ.get(host_name) or "127.0.0.1"
    connection = http.client.HTTPConnection(
        _ANYWHERE.get(host, host), int(environ.get(port_name) or port), timeout=_TIMEOUT_S
    )
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        if response.status == 200:
            return 0
        sys.stderr.write(f"{response.status} {response.read(500).decode('utf-8', 'replace')}\n")
    except (OSError, http.client.HTTPException) as exc:
        sys.stderr.write(f"no answer: {exc}\n")
    finally:
        connection.close()
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
