"""A small real process in the place of Rasa, front or action server: serves 200 and obeys its environment.

``FAKE_DIES`` holds the name of the one that ends with code 3 by itself, ``FAKE_STUBBORN`` of the one that
ignores SIGTERM, ``FAKE_HANGS`` of the one that never serves.
"""

from __future__ import annotations

import http.server
import os
import signal
import sys
import threading


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def _end() -> None:
    print("calling 13812345678 failed", flush=True)
    os._exit(3)


def main() -> None:
    port, name = int(os.environ["ZHIXIN_" + sys.argv[1]]), sys.argv[2]
    if os.environ.get("FAKE_STUBBORN") == name:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.environ.get("FAKE_DIES") == name:
        threading.Timer(0.5, _end).start()
    if os.environ.get("FAKE_HANGS") == name:
        print("loading 13812345678", flush=True)
        threading.Event().wait()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
