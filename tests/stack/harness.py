"""The three real processes under a test's control, and a shopper who writes to them.

stack.kill("rasa")                    # kill -9
stack.start("rasa")                   # and wait until it serves
shopper = stack.shopper("u1001")      # or stack.shopper() for an anonymous one
answer = shopper.say("我的快递到哪了")
assert "查物流" in answer.buttons
shopper.tap("催一下")
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.app import children, prepare
from bot.app.children import ACTIONS, FRONT, RASA, ChildSpec
from bot.app.client import ChatSession, FrontClient, FrontUnreachableError
from bot.app.logs import tail
from bot.app.settings import PROJECT_ROOT, Settings, load, variable
from bot.app.tokens import sign
from tests.support.ports import free_ports

SPECS: dict[str, ChildSpec] = {spec.name: spec for spec in (ACTIONS, RASA, FRONT)}
_READY_WITHIN_S = 240.0


def environment(data_dir: Path, **settings: object) -> dict[str, str]:
    """Return our variables for a stack of its own: free ports, its own data, further settings by key."""
    front, rasa, action = free_ports(3)
    ours: dict[str, object] = {
        "data_dir": data_dir,
        "model_dir": os.environ.get("ZHIXIN_TEST_MODEL_DIR") or PROJECT_ROOT / "models",
        "front_port": front,
        "rasa_port": rasa,
        "action_port": action,
        "stop_within_s": 8,
        **settings,
    }
    return {variable(key): str(value) for key, value in ours.items()}


@dataclass(frozen=True)
class Answer:
    """What came back to one message."""

    replies: list[dict[str, Any]]

    @property
    def text(self) -> str:
        """All that is read, cards as their plain text, notices too; one reply a line."""
        return "\n".join(str(reply.get("text", "")) for reply in self.replies)

    @property
    def said(self) -> str:
        """The same without cards and notices: the bot's own words."""
        kinds = ("text", "buttons")
        return "\n".join(str(r.get("text", "")) for r in self.replies if r["type"] in kinds)

    @property
    def buttons(self) -> dict[str, str]:
        """Title -> opaque id of each button offered."""
        return {str(b["title"]): str(b["id"]) for reply in self.replies for b in reply.get("buttons") or ()}

    @property
    def cards(self) -> list[dict[str, Any]]:
        """The cards, in order."""
        return [reply for reply in self.replies if reply["type"] == "card"]


@dataclass
class Shopper:
    """One shopper in one conversation.

    Attributes:
        session: the conversation, with its id and secret.
        opening: what the bot said first.
        last: the newest answer.
    """

    session: ChatSession
    opening: Answer
    last: Answer = field(init=False)

    def __post_init__(self) -> None:
        """Begin with the opening."""
        self.last = self.opening

    def say(
        self, text: str, message_id: str | None = None, context: Mapping[str, str] | None = None
    ) -> Answer:
        """Type a message, perhaps with what is looked at."""
        self.last = Answer(self.session.say(text, message_id, context))
        return self.last

    def tap(self, title: str, message_id: str | None = None) -> Answer:
        """Tap a button of the newest answer whose title contains `title`."""
        fitting = [id_ for name, id_ in self.last.buttons.items() if title in name]
        assert fitting, f"no button {title!r} among {list(self.last.buttons)} after: {self.last.text}"
        self.last = Answer(self.session.tap(fitting[0], message_id))
        return self.last

    def send_picture(self, file: bytes, message_id: str | None = None) -> Answer:
        """Send a picture."""
        self.last = Answer(self.session.send_picture(file, message_id))
        return self.last

    def messages(self) -> list[dict[str, Any]]:
        """Return the whole conversation as the front has it."""
        return self.session.messages()

    def reading(self) -> dict[str, Any]:
        """Return belief, style, reading and intent of the last turn (demo mode)."""
        return self.session.reading()

    @property
    def intent(self) -> str:
        """The intent that the last typed message was understood as (demo mode)."""
        found = self.reading()["intent"]
        return str(found["name"]) if found else ""


class Stack:
    """The three processes. Each can be killed and started alone, which the supervisor does not allow.

    Args:
        data_dir: its data folder.
        settings: further settings by key, e.g. ``mode="production"``.
    """

    def __init__(self, data_dir: Path, **settings: object) -> None:
        self.env = environment(data_dir, **settings)
        self.settings: Settings = load(self.env, data_dir)
        self._processes: dict[str, tuple[subprocess.Popen[bytes], int]] = {}

    def __enter__(self) -> Stack:
        """Prepare databases and model and start all three."""
        self.settings.logs_dir.mkdir(parents=True, exist_ok=True)
        prepare.everything(self.settings, print, lambda: None)
        self.serve("00:00", "00:00")  # whatever the hour: the front keeps the hours that it has read
        self.heal()
        return self

    def serve(self, opens: str, closes: str) -> None:
        """Set the embedded shop's service hours; equal ones mean around the clock."""
        path = self.settings.data_dir / "shop.db"
        if not path.exists():
            return
        hours = json.dumps({"opens": opens, "closes": closes, "answer_minutes": 15})
        with contextlib.closing(sqlite3.connect(path)) as shop, shop:
            shop.execute("UPDATE settings SET value = ? WHERE name = 'service_hours'", (hours,))

    def __exit__(self, *_: object) -> None:
        """Stop all three: gently, then hard."""
        for name in ("front", "rasa", "actions"):
            self.stop(name)

    @property
    def url(self) -> str:
        """The front's address."""
        return self.settings.front_url

    def pid(self, name: str) -> int:
        """Return the id of a process."""
        return self._processes[name][0].pid

    def alive(self, name: str) -> bool:
        """Say whether a process runs."""
        return name in self._processes and self._processes[name][0].poll() is None

    def heal(self) -> None:
        """Start what does not run."""
        missing = [name for name in SPECS if not self.alive(name)]
        for name in missing:
            self._spawn(name)
        for name in missing:
            self.wait(name)

    def start(self, name: str) -> None:
        """Start one process and wait until it serves."""
        self._spawn(name)
        self.wait(name)

    def begin(self, name: str) -> None:
        """Start one process; :meth:`wait` says when it serves. It dies with the thread that calls this."""
        self._spawn(name)

    def stop(self, name: str) -> None:
        """End one process with SIGTERM, and hard where that does not help."""
        if name not in self._processes:
            return
        process, leash = self._processes.pop(name)
        process.terminate()
        try:
            process.wait(self.settings.stop_within_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(leash)

    def kill(self, name: str) -> None:
        """``kill -9`` one process and wait until it is gone."""
        process, leash = self._processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(leash)

    def pause(self, name: str) -> None:
        """Stop one process in the middle of what it does (SIGSTOP); :meth:`go_on` lets it run again."""
        os.kill(self.pid(name), signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        """Let a paused process run on."""
        os.kill(self.pid(name), signal.SIGCONT)

    def fault(self, text: str) -> None:
        """Make the demo shop fail: ``delay=4``, ``down``, ``lost``; "" repairs it."""
        path = self.settings.data_dir / "shop-fault"
        if text:
            path.write_text(text, encoding="utf-8")
        else:
            path.unlink(missing_ok=True)

    def log(self, name: str, lines: int = 40) -> str:
        """Return the last lines of a process's log."""
        return "\n".join(tail(children.log_path(SPECS[name], self.settings), lines))

    def wait(self, name: str) -> None:
        """Wait until a process serves."""
        spec = SPECS[name]
        deadline = time.monotonic() + _READY_WITHIN_S
        while not children.answers(spec, self.settings):
            assert self.alive(name), f"{name} ended by itself:\n{self.log(name)}"
            assert time.monotonic() < deadline, f"{name} was never ready:\n{self.log(name)}"
            time.sleep(0.1)

    def client(self) -> FrontClient:
        """Return a client of the front's API."""
        return FrontClient(self.url)

    def token(self, customer_id: str, minutes: int = 60) -> str:
        """Sign a shopper's token."""
        return sign(self.settings, customer_id, minutes)

    def shopper(self, customer_id: str | None = None) -> Shopper:
        """Open a conversation, as a customer or anonymously."""
        token = self.token(customer_id) if customer_id else None
        session = ChatSession.open(self.client(), token)
        return Shopper(session, Answer(session.replies))

    def returning(self, shopper: Shopper) -> Shopper:
        """Return the same shopper over a new connection, as after a restart."""
        return Shopper(replace(shopper.session, client=self.client()), shopper.last)

    def _spawn(self, name: str) -> None:
        spec = SPECS[name]
        log = children.log_path(spec, self.settings)
        with log.open("ab") as output:
            self._processes[name] = children.spawn(
                [spec.module, *spec.arguments], children.environment(spec, self.settings), output=output
            )


def until(condition: Any, within_s: float = 20.0) -> None:
    """Wait until `condition()` is true; connection errors count as not yet."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except FrontUnreachableError:
            pass
        time.sleep(0.1)
    raise AssertionError("it never came true")


def message_ids() -> Iterator[str]:
    """Yield fresh message ids."""
    while True:
        yield f"t_{uuid.uuid4().hex}"
