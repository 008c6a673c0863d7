"""Runs the real supervisor over three fake processes: ``python -m tests.bot.app.fake_stack``."""

from __future__ import annotations

import os
import sys

from bot.app.children import ChildSpec
from bot.app.settings import load
from bot.app.supervisor import Supervisor

_FAKE = "tests.bot.app.fake_process"


def _spec(name: str, port_key: str) -> ChildSpec:
    return ChildSpec(name, _FAKE, (), port_key, "/health", (port_key.upper(), name))


def main() -> int:
    stages = ((_spec("actions", "action_port"), _spec("rasa", "rasa_port")), (_spec("front", "front_port"),))
    return Supervisor(
        load(),
        lambda line: print(line, flush=True),
        lambda *_: None,
        stages=stages,
        follow="--logs" in sys.argv,
        ready_within_s=float(os.environ.get("FAKE_READY_WITHIN_S", "30")),
    ).run()


if __name__ == "__main__":
    sys.exit(main())
