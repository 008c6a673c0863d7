"""我们怎么和您沟通: how a shopper is served and why, and her own choice of it.

A choice is her correction of the belief: in force at once, kept for later conversations, and strong, though
no last word (see :mod:`persona.temperament.correction`). Taking it back lifts it, and what others said of her
with it: the belief is what the words alone make it, in later conversations too.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.engine import Connection, Row

from bot.conversation import privacy, rows
from bot.conversation.correcting import LIFTED, corrected_belief, lifted_belief
from bot.conversation.database import Database
from bot.conversation.desk_schema import corrections
from bot.conversation.dress import dressed
from bot.conversation.entry import Entry
from bot.conversation.errors import PersonalisationOffError
from bot.conversation.keys import check_secret, locked
from bot.conversation.schema import conversations
from bot.conversation.writing import Writing
from persona.strategy import Strategies, Style

_c, _k = conversations.c, corrections.c

SHOPPER = "shopper"
NEUTRAL = Style.NEUTRAL.value
#: What may be served, and chosen.
STYLES = tuple(style.value for style in Style)
#: The label of a correction that says that no style shows.
NONE = "none"


@dataclass(frozen=True)
class Choice:
    """A style that may be chosen, in the words of a shopper."""

    style: str
    name: str
    line: str


@dataclass(frozen=True)
class Manner:
    """How a shopper is served.

    Attributes:
        personalisation: whether anything may be inferred.
        style: what is served now.
        chosen: the style that she chose; None: as the chat suggests.
        line: how she is served and why, one sentence.
        choices: what she may choose.
    """

    personalisation: bool
    style: str
    chosen: str | None
    line: str
    choices: Sequence[Choice]


class Manners:
    """Tells shoppers how they are served, and takes their choices.

    Args:
        database: the record.
        writing: the parts of transactions of this process.
        strategies: the words.
        after: told of each conversation that was changed.
    """

    def __init__(
        self,
        database: Database,
        writing: Writing,
        strategies: Strategies,
        after: Callable[[str, Any], None],
    ) -> None:
        self._database = database
        self._writing = writing
        self._strategies = strategies
        self._after = after

    @property
    def refused(self) -> str:
        """Why nothing can be chosen while personalisation is off."""
        return self._strategies.common.manner["refused"]

    async def look(self, conversation_id: str, secret: str) -> Manner:
        """Return how a shopper is served; AccessDeniedError for an unknown conversation or a wrong secret."""

        def work(connection: Connection) -> Manner:
            found = connection.execute(rows.CONVERSATION, {"cid": conversation_id}).first()
            return self._manner(connection, check_secret(connection, found, secret))

        return await self._database.read(work)

    async def choose(self, conversation_id: str, secret: str, style: str | None) -> Manner:
        """Choose a style, or with None take back what was chosen; the same again changes nothing.

        Raises:
            AccessDeniedError: unknown conversation or wrong secret.
            PersonalisationOffError: nothing may be inferred about this shopper.
            ValueError: no such style.
        """
        label = None if style is None else NONE if Style(style) is Style.NEUTRAL else Style(style).value

        def work(connection: Connection) -> tuple[Manner, bool, Any]:
            row = locked(connection, conversation_id, secret)
            if not row.personalisation:
                raise PersonalisationOffError
            entry = Entry(connection, self._writing, row, self._writing.now())
            changed = _lift(entry) if label is None else _correct(entry, label)
            turn = entry.save() if changed else None
            fresh = connection.execute(rows.CONVERSATION, {"cid": row.id}).one()
            return self._manner(connection, fresh), changed, turn

        manner, changed, turn = await self._database.write(work)
        await self._database.flush()
        if changed:
            self._after(conversation_id, turn)
        return manner

    def _manner(self, connection: Connection, row: Row) -> Manner:
        last = _last(connection, row) if row.personalisation else None
        chosen = None
        if last is not None and last.corrected_by == SHOPPER:
            chosen = NEUTRAL if last.label == NONE else str(last.label)
        return Manner(
            personalisation=row.personalisation,
            style=row.style,
            chosen=chosen,
            line=self._line(row, last, chosen),
            choices=tuple(
                Choice(style.value, s.manner.name, s.manner.line)
                for style, s in self._strategies.styles.items()
            ),
        )

    def _line(self, row: Row, last: Row | None, chosen: str | None) -> str:
        """Say how she is served, and why: by the nearest reason that holds."""
        lines = self._strategies.common.manner
        why = "unknown"
        if not row.personalisation:
            why = "off"
        elif chosen is not None:
            why = "chosen" if chosen == row.style else "overruled"
        elif last is not None and row.style == (NEUTRAL if last.label == NONE else last.label):
            why = "agent"
        elif row.style != NEUTRAL:
            why = "words" if _spoke(row.belief) else "history"
        gaps = {
            "name": self._strategies.of(chosen).manner.name,
            "how": self._strategies.of(row.style).manner.how,
        }
        return lines[why].format(**gaps) + lines["same"]


def _spoke(belief: Mapping[str, Any] | None) -> bool:
    """Return whether words of this conversation are in the belief."""
    return bool((belief or {}).get("turns"))


def _last(connection: Connection, row: Row) -> Row | None:
    """Return what a person said last of her, in this or another conversation; None where she took it back."""
    hers = _k.conversation_id == row.id
    if row.customer_id is not None:
        theirs = select(_c.id).where(_c.customer_id == row.customer_id)
        hers = or_(hers, _k.conversation_id.in_(theirs))
    found = connection.execute(
        select(corrections).where(hers).order_by(_k.at.desc(), _k.id.desc()).limit(1)
    ).first()
    return None if found is None or found.label == LIFTED else found


def _correct(entry: Entry, label: str) -> bool:
    """Put a choice in force; return whether that changed anything."""
    style = NEUTRAL if label == NONE else label
    last = _here(entry)
    known = last is not None and last.label == label and last.corrected_by == SHOPPER
    if known and entry.style == style:
        return False
    if not known:
        _note(entry, last, label)
    belief, served = corrected_belief(entry.belief, label, SHOPPER)
    _keep(entry, belief, style=served, dress=dressed(entry.dress, belief))
    return True


def _lift(entry: Entry) -> bool:
    """Take back what was said of her; return whether that changed anything.

    What was said in an earlier conversation is in the prior: the history is read again without it, with her
    next message.
    """
    last = _last(entry.connection, entry.row)
    if last is None and not (entry.belief or {}).get("corrected"):
        return False
    customer = entry.row.customer_id
    before = None
    if customer is not None:
        ids = {"customer": customer, "cid": entry.cid}
        before = entry.connection.execute(rows.LAST_CORRECTION, ids).first()
    _note(entry, _here(entry), LIFTED)
    belief = lifted_belief(entry.belief, forget_prior=before is not None)
    served = (belief or {}).get("served") or NEUTRAL
    values: dict[str, Any] = {"style": served, "dress": dressed(NEUTRAL, belief)}
    if before is not None:
        values["history_held_for"] = None
        earlier = entry.row.earlier or {}
        if "belief" in earlier:
            values["earlier"] = {**earlier, "belief": lifted_belief(earlier["belief"], forget_prior=False)}
    _keep(entry, belief, **values)
    return True


def _here(entry: Entry) -> Row | None:
    """Return the last row of this conversation."""
    query = select(corrections).where(_k.conversation_id == entry.cid).order_by(_k.id.desc()).limit(1)
    return entry.connection.execute(query).first()


def _note(entry: Entry, last: Row | None, label: str) -> None:
    """Store what she said. Of several choices between two messages the last is kept, so rows stay few."""
    seq = entry.next_seq - 1
    if last is not None and last.corrected_by == SHOPPER and last.seq == seq:
        entry.connection.execute(
            corrections.update().where(_k.id == last.id).values(label=label, at=entry.now)
        )
        return
    entry.connection.execute(
        corrections.insert().values(
            conversation_id=entry.cid,
            customer_id=entry.row.customer_id,
            label=label,
            before=entry.style,
            corrected_by=SHOPPER,
            seq=seq,
            key=f"manner-{secrets.token_hex(8)}",
            at=entry.now,
        )
    )


def _keep(entry: Entry, belief: Mapping[str, Any] | None, **values: Any) -> None:
    entry.set(belief=None if belief is None else dict(belief), **values)
    if belief is not None and entry.row.customer_id is not None:
        privacy.keep_belief(entry.connection, entry.row.customer_id, belief, entry.now)
