"""Ends and kills the front while shoppers of three messaging channels write; then audits the books."""

from __future__ import annotations

import contextlib
import json
import random
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import create_engine, select

from bot.app import children
from bot.conversation import rows
from bot.conversation.channel_schema import channel_links
from bot.conversation.links import user_context
from bot.conversation.schema import messages
from bot.conversation.types import Audience, Kind
from bot.conversation.words import APOLOGY
from persona.privacy.vault import Vault
from tests.stack.channel_audit import History, audit
from tests.stack.channel_crowd import KEYED, Crowd
from tests.stack.harness import SPECS, Stack

_PATIENCE_S = 300.0
_DOUBLE = re.compile(r"link (\d+) \((\w+)\): part \d+ of message \d+ of \S+ may come twice")


@dataclass
class Report:
    """What was seen.

    Attributes:
        wrong: broken promises, in words.
    """

    wrong: list[str] = field(default_factory=list)
    messages: int = 0
    repeats: int = 0
    retries: int = 0
    sorry: int = 0
    ends: int = 0
    kills: int = 0
    parts: int = 0
    doubled: int = 0
    told: int = 0
    under_key: int = 0
    seconds: float = 0.0

    def lines(self) -> list[str]:
        """Return the figures."""
        return [
            f"{self.messages} messages acknowledged in {self.seconds:.0f} s, {self.repeats} of them twice; "
            f"{self.retries} calls that were not acknowledged were made again; {self.sorry} apologies",
            f"the front ended {self.ends} times and was killed {self.kills} times",
            f"{self.parts} parts shown; {self.doubled} came twice where there is no key, {self.told} told in "
            f"the log; {self.under_key} sent again under their key and shown once",
            *(f"WRONG: {line}" for line in self.wrong),
            f"{len(self.wrong)} broken promises",
        ]


# -- the run ------------------------------------------------------------------------------------------------


def run(stack: Stack, crowd: Crowd, say: Callable[[str], None] = print) -> Report:
    """Let them talk while the front is ended and killed, wait for peace, and audit.

    Args:
        stack: running, with the crowd's settings, on SQLite.
        crowd: whose turn it is.
        say: hears what happens.
    """
    plan, started = crowd.plan, time.monotonic()
    drawn = random.Random(f"{plan.seed}/restarts")
    crowd.port = stack.settings.front_port
    talk = crowd.run(crowd.talk())
    what = ["end"] * plan.ends + ["kill"] * plan.kills
    drawn.shuffle(what)
    total, began = plan.shoppers * plan.messages, [""]
    for place, kind in enumerate(what):
        due = total * (place + 0.5 + 0.4 * drawn.random()) / (len(what) + 1)
        _wait(lambda due=due: crowd.count >= due or talk.done(), f"{due:.0f} messages")
        if kind == "kill":
            if began.count("kill") % 2 == 0:
                crowd.taken.clear()
                crowd.taken.wait(5)
            stack.kill("front")
        else:
            stack.stop("front")
        say(f"restarts: {kind} after {crowd.count} messages")
        began.append(kind)
        crowd.life += 1
        time.sleep(drawn.random() * 0.5)
        stack.start("front")
    _wait(talk.done, "the talk")
    talk.result()
    _peace(stack, crowd)
    report = Report(
        wrong=list(crowd.failures),
        messages=crowd.count,
        repeats=crowd.repeats,
        retries=crowd.retries,
        ends=plan.ends,
        kills=plan.kills,
        seconds=time.monotonic() - started,
    )
    for history in histories(stack, crowd):
        wrong, doubles = audit(history, began)
        report.wrong += wrong
        report.doubled += doubles
        report.told += history.told
        report.sorry += sum(one.get("code") == APOLOGY for one in history.record)
        shown = len({part.key for part in history.got}) if history.keyed else len(history.got)
        report.parts += shown
        report.under_key += len(history.got) - shown
    if not report.doubled <= report.told <= report.kills:
        report.wrong.append(f"{report.doubled} doubled, {report.told} told, {report.kills} kills")
    return report


def _wait(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"it never came to {what}"
        time.sleep(0.05)


def _peace(stack: Stack, crowd: Crowd) -> None:
    """Wait until all is answered and delivered; whose messages are used up writes once more."""
    deadline = time.monotonic() + _PATIENCE_S
    rounds = 0
    while open_links := _open(stack):
        assert time.monotonic() < deadline, f"never delivered: {open_links[:5]}\n{stack.log('front')}"
        closed = [row.who for row in open_links if row.state == "closed" and not row.pending]
        if closed:
            rounds += 1
            crowd.run(crowd.call_back(closed, f"again{rounds}")).result(_PATIENCE_S)
        time.sleep(0.3)


@dataclass(frozen=True)
class _Open:
    who: tuple[str, str]
    state: str
    pending: bool


def _open(stack: Stack) -> list[_Open]:
    """Return whom something is owed."""
    query = (
        "SELECT l.channel, l.user, l.user_key, l.state, c.pending FROM channel_links l"
        " JOIN conversations c ON c.id = l.conversation_id WHERE l.delivered_seq < c.next_seq - 1"
        " OR c.pending > 0 OR l.lease_holder IS NOT NULL"
    )
    with contextlib.closing(sqlite3.connect(stack.settings.data_dir / "record.db")) as record:
        waiting = record.execute("SELECT count(*) FROM channel_inbox WHERE state = 'waiting'").fetchone()[0]
        found = record.execute(query).fetchall()
    vault = Vault.from_text(stack.settings.data_keys)
    links = [
        _Open((channel, _user(vault, channel, user, key)), state, bool(pending))
        for channel, user, key, state, pending in found
    ]
    return links or ([_Open(("", ""), "waiting", pending=True)] if waiting else [])


def _user(vault: Vault, channel: str, sealed: str, key: str) -> str:
    return str(json.loads(vault.open(sealed, user_context(channel, key)))["user"])


def histories(stack: Stack, crowd: Crowd) -> list[History]:
    """Return what became of each shopper, as record, log and platforms have it."""
    vault = Vault.from_text(stack.settings.data_keys)
    log = children.log_path(SPECS["front"], stack.settings).read_text(encoding="utf-8", errors="replace")
    told = Counter(int(link) for link, _ in _DOUBLE.findall(log))
    engine = create_engine(f"sqlite:///{stack.settings.data_dir / 'record.db'}")
    found = []
    with engine.connect() as connection:
        for link in connection.execute(select(channel_links)).all():
            who = link.channel, _user(vault, link.channel, link.user, link.user_key)
            said = connection.execute(
                select(*rows.REPLY_COLUMNS, messages.c.code)
                .where(
                    messages.c.conversation_id == link.conversation_id,
                    messages.c.kind != Kind.EVENT.value,
                    messages.c.audience == Audience.ALL.value,
                )
                .order_by(messages.c.seq)
            ).all()
            record = [{**rows.row_view(vault, link.conversation_id, row), "code": row.code} for row in said]
            found.append(
                History(
                    f"{who[0]} {who[1]}",
                    who[0] in KEYED,
                    crowd.acknowledged.get(who, []),
                    record,
                    crowd.got.get(who, []),
                    told[link.id],
                )
            )
    engine.dispose()
    assert len(found) == crowd.plan.shoppers, "who wrote has no link"
    return found
