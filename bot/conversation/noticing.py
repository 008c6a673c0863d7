"""Tells shoppers what the shop has told: in the conversation that she is in, or with her next one; once.

The row of :data:`shop_notices` and the line in the conversation are one transaction. While a person answers,
or is waited for, the line becomes a note for the desk: two voices at once help nobody.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, select
from sqlalchemy.engine import Connection, Row

from bot.conversation import notices, rows
from bot.conversation.entry import Entry
from bot.conversation.events_schema import shop_notices
from bot.conversation.handing import Handing
from bot.conversation.notices import Notice, NoticeKind
from bot.conversation.reachable import pushable
from bot.conversation.schema import conversations
from bot.conversation.types import Audience, Author, Kind, Owner, Work
from bot.conversation.waiting_rows import insert_once
from bot.conversation.writing import Writing

logger = logging.getLogger(__name__)

_c, _n = conversations.c, shop_notices.c

#: States of a notice.
WAITS, TOLD = "waiting", "told"

#: How long it is known that something was told: longer than the shop calls a parcel late.
KEPT = timedelta(days=60)
#: What nobody came for in this time is no news any more.
STALE = timedelta(days=14)


@dataclass(frozen=True)
class Said:
    """Where something was told, and the work that the record has given this process there, if any."""

    conversation_id: str
    work: Work | None


After = Callable[[str, Work | None], None]


class Noticing:
    """The parts of transactions that tell.

    Args:
        writing: the parts of transactions of this process.
        handing: has the front's words.
    """

    def __init__(self, writing: Writing, handing: Handing) -> None:
        self._writing = writing
        self._handing = handing
        notices.note_words()  # a broken file stops the start, not an agent

    def note_down(self, connection: Connection, notice: Notice) -> bool:
        """Write down that a notice is to be told; return False where it was before.

        A product for which she waits to be told already is not noted a second time.
        """
        if notice.kind is NoticeKind.RESTOCKED:
            same = select(_n.id).where(
                _n.customer_id == notice.customer_id,
                _n.product_id == notice.product_id,
                _n.state == WAITS,
            )
            if connection.execute(same).first() is not None:
                return False
        sealed = self._writing.vault.seal(rows.dump(dict(notice.facts)), notices.facts_context(notice.key))
        values = {
            "key": notice.key,
            "customer_id": notice.customer_id,
            "kind": notice.kind.value,
            "order_number": notice.order_number,
            "product_id": notice.product_id,
            "facts": sealed,
            "state": WAITS,
            "owed": False,
            "created_at": self._writing.now(),
        }
        return insert_once(connection, shop_notices, values, keys=("key",))

    def tell(self, connection: Connection, notice: Notice) -> Said | None:
        """Tell what :meth:`note_down` has just written down; without a place it waits, or is forgotten."""
        cid = self._place(connection, notice)
        if cid is not None:
            said = self._say(connection, cid, notice)
            if said is not None:
                return said
        if not notice.keeps:
            connection.execute(shop_notices.delete().where(_n.key == notice.key))
        return None

    def tell_waiting(self, connection: Connection, notice: Notice) -> Said | None:
        """Tell a notice that waits; None where somebody else has told it, or there is still no place."""
        waits = select(_n.id).where(_n.key == notice.key, _n.state == WAITS).with_for_update()
        if connection.execute(waits).first() is None:
            return None
        cid = self._place(connection, notice)
        return None if cid is None else self._say(connection, cid, notice)

    def _place(self, connection: Connection, notice: Notice) -> str | None:
        """Return her newest open conversation that can be pushed into, None where she has none."""
        now = self._writing.now()
        since = now - notice.recent
        found: str | None = connection.execute(
            select(_c.id)
            .where(
                _c.customer_id == notice.customer_id,
                _c.owner != Owner.CLOSED.value,
                pushable(now),
                _c.last_at > since,
            )
            .order_by(_c.last_at.desc(), _c.created_at.desc())
            .limit(1)
        ).scalar()
        return found

    def _say(self, connection: Connection, cid: str, notice: Notice) -> Said | None:
        entry = Entry.of(connection, self._writing, cid)
        if entry is None or entry.owner is Owner.CLOSED:
            return None
        if entry.owner is Owner.BOT:
            entry.say(self._handing.lines.notice(notice.line, entry.style, notice.facts, notice.options))
        else:
            self._note(entry, notice)
        connection.execute(
            shop_notices.update()
            .where(_n.key == notice.key)
            .values(state=TOLD, told_at=entry.now, conversation_id=cid, owed=notice.owed)
        )
        return Said(cid, entry.save())

    def _note(self, entry: Entry, notice: Notice) -> None:
        values = rows.message_row(
            self._writing.vault,
            entry.cid,
            entry.next_seq,
            {"text": notices.note(notice)},
            author=Author.SYSTEM,
            kind=Kind.NOTE,
            at=entry.now,
            code=notice.line,
            audience=Audience.DESK,
        )
        entry.connection.execute(rows.INSERT_MESSAGE, values)
        entry.next_seq += 1

    # -- what waits -------------------------------------------------------------------------------------

    def known(self, connection: Connection, keys: Collection[str]) -> frozenset[str]:
        """Return which of these keys are written down already."""
        found = connection.execute(select(_n.key).where(_n.key.in_(list(keys))))
        return frozenset(found.scalars())

    def waiting_for(self, connection: Connection, customer_id: str) -> tuple[Notice, ...]:
        """Return what waits to be told to a customer, oldest first."""
        found = connection.execute(
            select(shop_notices).where(_n.customer_id == customer_id, _n.state == WAITS).order_by(_n.id)
        )
        return tuple(map(self._read, found))

    def with_a_place(self, connection: Connection, limit: int = 100) -> tuple[Notice, ...]:
        """Return what waits although its customer has a conversation to be told in by now."""
        now = self._writing.now()
        since = now - notices.RECENT
        here = (
            select(_c.id)
            .where(
                and_(
                    _c.customer_id == _n.customer_id,
                    _c.owner != Owner.CLOSED.value,
                    pushable(now),
                    _c.last_at > since,
                )
            )
            .exists()
        )
        found = connection.execute(
            select(shop_notices).where(_n.state == WAITS, here).order_by(_n.id).limit(limit)
        )
        return tuple(map(self._read, found))

    def owed(self, connection: Connection, limit: int = 100) -> tuple[Notice, ...]:
        """Return what was told and the shop has still to hear of."""
        found = connection.execute(
            select(shop_notices).where(_n.state == TOLD, _n.owed.is_(True)).order_by(_n.id).limit(limit)
        )
        return tuple(map(self._read, found))

    def settle(self, connection: Connection, key: str) -> None:
        """Note that the shop has heard that something was told."""
        connection.execute(shop_notices.update().where(_n.key == key).values(owed=False))

    def drop(self, connection: Connection, key: str) -> None:
        """Forget a notice that waits and does not hold any more."""
        connection.execute(shop_notices.delete().where(_n.key == key, _n.state == WAITS))

    def drop_late(self, connection: Connection, order_number: str) -> None:
        """Forget that a parcel is late: it is there, or goes back."""
        connection.execute(
            shop_notices.delete().where(
                _n.order_number == order_number,
                _n.kind == NoticeKind.LATE.value,
                _n.state == WAITS,
            )
        )

    def tidy(self, connection: Connection) -> None:
        """Forget what is no news any more."""
        now: datetime = self._writing.now()
        connection.execute(shop_notices.delete().where(_n.state == WAITS, _n.created_at < now - STALE))
        connection.execute(shop_notices.delete().where(_n.created_at < now - KEPT))

    def _read(self, row: Row) -> Notice:
        facts = json.loads(self._writing.vault.open(row.facts, notices.facts_context(row.key)))
        return Notice(NoticeKind(row.kind), row.key, row.customer_id, row.order_number, row.product_id, facts)


def lock_conversations(connection: Connection, customer_id: str) -> Sequence[str]:
    """Lock a customer's conversations that are not closed, always in the same order; return their ids."""
    return list(
        connection.execute(
            select(_c.id)
            .where(_c.customer_id == customer_id, _c.owner != Owner.CLOSED.value)
            .order_by(_c.id)
            .with_for_update()
        ).scalars()
    )
