"""Asks a shopper once for a rating, when the conversation is over.

It is over when she says goodbye, when an agent closes it, when she says thanks after an agent has handed it
back as solved, or when nothing came for a while after at least one wish was answered. Not asked are those who
have rated, who are in the middle of a form or with people, and whom it would hurt: after danger or a threat,
and while she is angry and nothing was solved. That a matter ended unsolved is otherwise no reason not to ask:
figures of the satisfied alone would say nothing. Everything runs in the caller's transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import select
from sqlalchemy.engine import Connection, Row

from bot.conversation import queueing, rows, words
from bot.conversation.database import Database
from bot.conversation.desk_schema import escalations
from bot.conversation.desk_types import Outcome, Reason
from bot.conversation.entry import Entry
from bot.conversation.events_schema import conversation_ratings
from bot.conversation.rating_rows import DIMENSIONS
from bot.conversation.reachable import rating
from bot.conversation.schema import conversations, messages
from bot.conversation.types import Answer, Audience, Author, Kind, OutReply, Owner, Work
from bot.conversation.words import Lines
from bot.conversation.writing import Writing

logger = logging.getLogger(__name__)

PATH = Path(__file__).with_name("asking.yml")

_c, _m, _e = conversations.c, messages.c, escalations.c

#: How often idle conversations are looked for, and how many at a time.
LOOK = timedelta(seconds=20)
_AT_A_TIME = 50
#: So many of her last messages are looked at for a wish.
_LOOKED_AT = 60

_HURT = frozenset({Reason.SAFETY.value, Reason.THREAT.value})
_ANGRY = "angry"


@dataclass(frozen=True)
class AskingRules:
    """The figures and words of ``asking.yml``.

    Attributes:
        idle: so long after the last answer the conversation is over.
        give_up: so long after it nobody is asked any more.
        no_wish: intents that are no wish.
        thanks: intents that end a conversation which an agent has solved.
        never_after: intents after which nobody is asked.
        dimensions: code -> name.
        comment_label: what stands at the field for her own words.
    """

    idle: timedelta
    give_up: timedelta
    no_wish: frozenset[str]
    thanks: frozenset[str]
    never_after: frozenset[str]
    dimensions: Mapping[str, str]
    comment_label: str

    @classmethod
    def load(cls, path: Path = PATH) -> AskingRules:
        """Read and check the file; ValueError names what is wrong."""
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8"))
            names = {str(code): str(name) for code, name in data["dimensions"].items()}
            rules = cls(
                idle=timedelta(minutes=float(data["idle_minutes"])),
                give_up=timedelta(minutes=float(data["give_up_minutes"])),
                no_wish=frozenset(map(str, data["no_wish"])),
                thanks=frozenset(map(str, data["thanks"])),
                never_after=frozenset(map(str, data["never_after"])),
                dimensions=names,
                comment_label=str(data["comment_label"]),
            )
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
            raise ValueError(f"{path.name} cannot be read: {exc}") from exc
        except (KeyError, TypeError, AttributeError, ValueError) as exc:
            raise ValueError(f"{path.name}: {exc} is missing or malformed") from exc
        if not timedelta(0) < rules.idle < rules.give_up:
            raise ValueError(f"{path.name}: idle_minutes must be more than 0 and less than give_up_minutes")
        if set(names) != set(DIMENSIONS):
            raise ValueError(f"{path.name}: dimensions must name all of {', '.join(DIMENSIONS)}")
        return rules


class Asking:
    """Decides and asks.

    Args:
        lines: the front's own words.
        rules: see :class:`AskingRules`.
    """

    def __init__(self, lines: Lines, rules: AskingRules) -> None:
        self.rules = rules
        self._lines = lines

    def may_end(self, answer: Answer) -> bool:
        """Return whether an answer can be the last: nothing is looked up for all others."""
        return answer.said_goodbye or (answer.intent or {}).get("name") in self.rules.thanks

    def after_answer(self, entry: Entry, answer: Answer, *, in_reply_to: str) -> None:
        """Ask where the answer just stored was the last: she said goodbye, or thanks for what was solved."""
        over = answer.said_goodbye or _last_outcome(entry) is Outcome.SOLVED
        if over and self.may_ask(entry.connection, entry.row):
            self._ask(entry, in_reply_to=in_reply_to)

    def after_close(self, entry: Entry, outcome: Outcome) -> None:
        """Ask where an agent has just ended the conversation."""
        if outcome is not Outcome.SPAM and self.may_ask(entry.connection, entry.row, closed=True):
            self._ask(entry)

    def when_idle(self, entry: Entry) -> bool:
        """Ask where nothing came for a while; return whether that was so."""
        last_at = entry.connection.execute(select(_c.last_at).where(_c.id == entry.cid)).scalar_one()
        if not self._is_idle(last_at, entry.now) or not self.may_ask(entry.connection, entry.row):
            return False
        return self._ask(entry)

    def idle(self, connection: Connection, now: datetime, known: Mapping[str, datetime]) -> list[Row]:
        """Return conversations in which nothing came for a while; not those known to be as they were."""
        found = connection.execute(
            select(_c.id, _c.last_at)
            .where(
                _c.owner == Owner.BOT.value,
                _c.last_at <= now - self.rules.idle,
                _c.last_at > now - self.rules.give_up,
                _c.rating_asked_at.is_(None),
                _c.pending == 0,
                _c.form_open.is_(False),
                _c.channel.in_(rating()),
            )
            .order_by(_c.last_at)
        )
        return [row for row in found if known.get(row.id) != row.last_at]

    def may_ask(self, connection: Connection, row: Row, *, closed: bool = False) -> bool:
        """Return whether it is right to ask, whatever has ended the conversation.

        Args:
            connection: the transaction.
            row: the conversation.
            closed: an agent is ending it in this transaction.
        """
        if row.rating_asked_at is not None or row.channel not in rating():
            return False
        if not closed and (row.owner != Owner.BOT.value or row.pending or row.form_open):
            return False
        rated = select(conversation_ratings.c.conversation_id).where(
            conversation_ratings.c.conversation_id == row.id
        )
        if connection.execute(rated).first() is not None:
            return False
        return not self._would_hurt(connection, row) and self._answered(connection, row.id)

    def _would_hurt(self, connection: Connection, row: Row) -> bool:
        if queueing.open_escalation(connection, row.id) is not None:
            return True
        found = connection.execute(
            select(_e.reason, _e.outcome).where(_e.conversation_id == row.id).order_by(_e.id)
        ).all()
        if any(one.reason in _HURT for one in found):
            return True
        solved = bool(found) and found[-1].outcome == Outcome.SOLVED.value
        angry = row.mood == _ANGRY or any(one.reason == Reason.ANGER.value for one in found)
        return angry and not solved

    def _answered(self, connection: Connection, conversation_id: str) -> bool:
        """Return whether a wish was answered, by the bot or by an agent, and none was of danger."""
        of_this = (_m.conversation_id == conversation_id, _m.audience == Audience.ALL.value)
        said = connection.execute(
            select(_m.intent, _m.trouble)
            .where(*of_this, _m.author == Author.SHOPPER.value)
            .order_by(_m.seq.desc())
            .limit(_LOOKED_AT)
        ).all()
        wishes = [(str((one.intent or {}).get("name")), one.trouble) for one in said if one.intent]
        if any(name in self.rules.never_after for name, _ in wishes):
            return False
        if any(name not in self.rules.no_wish and trouble is None for name, trouble in wishes):
            return True
        spoke = select(_m.seq).where(*of_this, _m.author == Author.AGENT.value).limit(1)
        return bool(said) and connection.execute(spoke).first() is not None

    def _ask(self, entry: Entry, *, in_reply_to: str | None = None) -> bool:
        """Add the question; a line that cannot be spoken stops nothing."""
        try:
            text = self._lines.text(words.RATE_US, style=entry.style)
            by_number = self._lines.text(words.RATE_BY_NUMBER, style=entry.style)
        except Exception:
            logger.exception("the question for a rating could not be spoken")
            return False
        named = [{"name": code, "label": self.rules.dimensions[code]} for code in DIMENSIONS]
        # Where it will be read is not known here: a page draws stars, a messaging channel says `by_number`.
        content = {
            "dimensions": named,
            "comment_label": self.rules.comment_label,
            "by_number": by_number,
        }
        entry.say(
            OutReply(Kind.RATING, text, data=content, code=words.RATE_US, author=Author.SYSTEM),
            in_reply_to=in_reply_to,
        )
        entry.set(rating_asked_at=entry.now)
        return True

    def _is_idle(self, last_at: datetime, now: datetime) -> bool:
        return now - self.rules.give_up < last_at <= now - self.rules.idle


def _last_outcome(entry: Entry) -> Outcome | None:
    """Return how the last hand-over of the conversation ended; None without one."""
    found = entry.connection.execute(
        select(_e.outcome).where(_e.conversation_id == entry.cid).order_by(_e.id.desc()).limit(1)
    ).scalar()
    return None if found is None else Outcome(found)


class IdleWatch:
    """Looks for conversations that have come to their end quietly; every front may, each is asked once.

    Args:
        database: the record.
        writing: the parts of transactions of this process.
        asking: decides and asks.
        after: told of each conversation that was changed.
    """

    def __init__(
        self,
        database: Database,
        writing: Writing,
        asking: Asking,
        after: Callable[[str, Work | None], None],
    ) -> None:
        self._database = database
        self._writing = writing
        self._asking = asking
        self._after = after
        self._looked: datetime | None = None
        self._left: dict[str, datetime] = {}  # not asked -> its last moment, so that it is looked at once

    async def look(self) -> None:
        """Look once, where that is due; ask whom it is right to ask."""
        now = self._writing.now()
        if self._looked is not None and now - self._looked < LOOK:
            return
        self._looked = now
        horizon = now - self._asking.rules.give_up
        self._left = {cid: at for cid, at in self._left.items() if at > horizon}
        for cid, last_at in await self._database.read(partial(self._due, now=now)):
            await self._ask(cid, last_at)

    def _due(self, connection: Connection, now: datetime) -> list[tuple[str, datetime]]:
        due: list[tuple[str, datetime]] = []
        for found in self._asking.idle(connection, now, self._left):
            row = connection.execute(rows.CONVERSATION, {"cid": found.id}).first()
            if row is not None and self._asking.may_ask(connection, row):
                due.append((found.id, found.last_at))
            else:
                self._left[found.id] = found.last_at
            if len(due) == _AT_A_TIME:
                break
        return due

    async def _ask(self, conversation_id: str, last_at: datetime) -> None:
        def work(connection: Connection) -> tuple[bool, Any]:
            entry = Entry.of(connection, self._writing, conversation_id)
            if entry is None or not self._asking.when_idle(entry):
                return False, None
            return True, entry.save()

        try:
            asked, turn = await self._database.write(work)
        except Exception:  # one that fails must not hold up the others
            logger.exception("nobody could be asked for a rating in %s", conversation_id)
            asked, turn = False, None
        if asked:
            self._after(conversation_id, turn)
        else:
            self._left[conversation_id] = last_at
