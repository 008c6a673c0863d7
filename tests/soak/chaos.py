"""What goes wrong during a soak: kills, pauses and a failing shop, drawn from a seed."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.soak.backend import SoakBackend
from tests.stack.harness import Stack

_VICTIMS = ("front", "rasa", "actions")
_FAULTS = ("down", "lost", "delay=2", "delay=4,lost")
#: What a backend does wrong; "done" and "lost" have done it, "duplicate" does it twice.
_BACKEND_FAULTS = (
    "slow=2",
    "slow=4,lost",
    "status=500",
    "status=500,done",
    "status=503,retry_after=1",
    "garbage",
    "garbage,done",
    "half",
    "lost",
    "duplicate",
    "duplicate,lost",
)


@dataclass
class Chaos:
    """Does one thing after the other to a stack until it is told to stop. Runs in the thread that started it.

    Attributes:
        backend: the shop's, where it is a process of its own: it fails, dies and stalls too.
        done: how often what happened.
    """

    stack: Stack
    random: random.Random
    say: Callable[[str], None] = print
    backend: SoakBackend | None = None
    done: Counter[str] = field(default_factory=Counter)

    def run(self, over: threading.Event, *, pause_s: float, most: int | None = None) -> None:
        """Make trouble, about `pause_s` of peace between, until `over` or `most`; leave the stack whole."""
        deck: list[str] = []
        while not over.is_set() and (most is None or self.done.total() < most):
            if over.wait(pause_s * (0.5 + self.random.random())):
                break
            if not deck:  # each kind comes as often as the others
                deck = [*(f"kill {name}" for name in _VICTIMS), "pause", "terminate", *self._shop_troubles()]
                self.random.shuffle(deck)
            self._do(deck.pop(), over)
        self.stack.fault("")
        self.stack.heal()

    def _shop_troubles(self) -> list[str]:
        if self.backend is None:
            return ["fault", "fault"]
        return ["backend kill", "backend pause", *(f"backend {fault}" for fault in _BACKEND_FAULTS)]

    def _do(self, trouble: str, over: threading.Event) -> None:
        self.done[trouble] += 1
        self.say(f"soak: {trouble}")
        if trouble.startswith("backend ") and self.backend is not None:
            self._harm(self.backend, trouble.removeprefix("backend "), over)
        elif trouble == "fault":
            self.stack.fault(self.random.choice(_FAULTS))
            over.wait(1 + 3 * self.random.random())
            self.stack.fault("")
        elif trouble == "pause":
            name = self.random.choice(_VICTIMS)
            self.stack.pause(name)
            time.sleep(0.5 + self.random.random() * 2)
            self.stack.go_on(name)
        elif trouble == "terminate":
            name = self.random.choice(("front", "actions"))
            self.stack.stop(name)
            self.stack.start(name)
        else:
            name = trouble.removeprefix("kill ")
            self.stack.kill(name)
            over.wait(self.random.random())
            self.stack.start(name)

    def _harm(self, backend: SoakBackend, trouble: str, over: threading.Event) -> None:
        if trouble == "kill":
            backend.kill()
            over.wait(0.5 + 3 * self.random.random())
            backend.start()
        elif trouble == "pause":
            backend.pause()
            time.sleep(1 + 5 * self.random.random())
            backend.go_on()
        else:
            backend.fault(trouble)
            over.wait(1 + 3 * self.random.random())
            backend.fault("")
