"""What the courier reads and notes: which links have something to deliver, how far each has got.

All notes are made under the link's lease, and only while it stands in the conversation that was read.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.engine import Connection, Row

from bot.conversation import rows
from bot.conversation.carrier import Carrier
from bot.conversation.channel_schema import ACTIVE, channel_links
from bot.conversation.database import Database
from bot.conversation.errors import LeaseLostError
from bot.conversation.link_memory import is_brought, last_of_hers, recalled
from bot.conversation.opening import OPENED
from bot.conversation.schema import conversations, messages
from bot.conversation.types import Audience, Author, Kind
from bot.conversation.waiting_rows import HELD, free, seen_lease
from persona.privacy.vault import Vault

logger = logging.getLogger(__name__)

_l, _c, _m = channel_links.c, conversations.c, messages.c

#: Where messages are counted, the opening's notice waits so long for the answer that it comes with.
NOTICE_WAITS = timedelta(seconds=30)
#: Links of each channel without keys that are worked on at a time; of these one is sent to.
MOST_ALONE = 4
_LOOK_AT = 200
_READ = 20
_FREE: Mapping[str, Any] = {"lease_holder": None, "lease_until": None}
#: The part at hand is done with.
_OVER: Mapping[str, Any] = {"sending": None, "tries": 0, "since": None, "trouble": None}


@dataclass(frozen=True)
class Undelivered:
    """What has not been delivered on a link.

    Attributes:
        link: its row.
        found: the next messages as clients see them, and whether each is for this link.
        before: the messages before these; none where nothing of `found` is for this link.
        head: number of the conversation's last message.
        more: there are further ones.
    """

    link: Row
    found: tuple[tuple[dict[str, Any], bool], ...]
    before: tuple[Mapping[str, Any], ...]
    head: int
    more: bool


@dataclass(frozen=True)
class Claimed:
    """What was taken, and what was not.

    Attributes:
        taken: links that this process works on now.
        left: conversations whose links were seen and had no room.
        full: there may be others of those asked for that were not looked at.
    """

    taken: tuple[Row, ...] = ()
    left: frozenset[str] = frozenset()
    full: bool = False


class CourierLinks:
    """Links as the courier sees them.

    Args:
        database: the record.
        vault: opens what is sealed.
        clock: returns the present as an aware datetime.
        holder: this process's name as the holder of leases.
        carriers: channel -> how it is spoken to; may be filled later.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        clock: Callable[[], datetime],
        holder: str,
        carriers: Mapping[str, Carrier],
    ) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._holder = holder
        self._carriers = carriers

    # -- leases -----------------------------------------------------------------------------------------

    async def claim(
        self, count: int, conversation_ids: Collection[str] | None, running: Mapping[int, str]
    ) -> Claimed:
        """Take links with something to deliver that nobody works on.

        Args:
            count: at most so many.
            conversation_ids: only of these; None: of all.
            running: links that this process works on, with their channels.
        """
        if conversation_ids is not None and not conversation_ids:
            return Claimed()
        # Of those who go one after the other only a few are taken: they would stand in the others' way.
        used = Counter(running.values())
        room = {
            name: MOST_ALONE - used[name] for name, carrier in self._carriers.items() if not carrier.keyed
        }
        channels = [name for name in self._carriers if room.get(name, 1) > 0]
        query = (
            select(channel_links)
            .join(conversations, _c.id == _l.conversation_id)
            .where(
                _l.state == ACTIVE,
                _l.channel.in_(channels),
                _c.next_seq - 1 > _l.delivered_seq,
                _l.due_at <= self._clock(),
                _l.id.not_in(list(running)),
                self._answer_has_begun(),
            )
            .order_by(_l.due_at, _l.id)
            .limit(_LOOK_AT)
        )
        if conversation_ids is not None:
            query = query.where(_l.conversation_id.in_(list(conversation_ids)))
        seen = await self._database.read(lambda connection: connection.execute(query).all())
        now = self._clock()
        free_ones = [row for row in seen if self._free(row, now)]
        fitting = []
        for row in free_ones:
            if row.channel in room:
                room[row.channel] -= 1
            if room.get(row.channel, 0) >= 0:
                fitting.append(row)
        wanted = fitting[:count]
        mine = {row.id for row in wanted}
        left = frozenset(row.conversation_id for row in free_ones if row.id not in mine)
        full = len(channels) < len(self._carriers) or len(seen) == _LOOK_AT
        if not wanted:
            return Claimed((), left, full)

        def take(connection: Connection) -> tuple[Row, ...]:
            until = self._clock() + HELD
            return tuple(
                row
                for row in wanted
                if connection.execute(
                    channel_links.update()
                    .where(_l.id == row.id, _l.state == ACTIVE, seen_lease(channel_links, row))
                    .values(lease_holder=self._holder, lease_until=until)
                ).rowcount
            )

        return Claimed(await self._database.write(take), left, full)

    def _free(self, row: Row, now: datetime) -> bool:
        # Under our own name, and none of our tasks works on it: it was left behind.
        return row.lease_holder == self._holder or free(row, now, self._holder)

    def _answer_has_begun(self) -> Any:
        """Return the condition that more than the opening's notice is there, or will not come soon.

        Only where messages are counted: the notice is then one message with the answer behind it.
        """
        counting = [name for name, carrier in self._carriers.items() if carrier.in_window]
        said = select(_m.seq).where(
            _m.conversation_id == _l.conversation_id,
            _m.author != Author.SHOPPER.value,
            _m.kind != Kind.EVENT.value,
            _m.in_reply_to.is_distinct_from(OPENED),
        )
        return or_(
            _l.channel.not_in(counting),
            _l.delivered_seq > 0,
            _c.pending == 0,
            _l.heard_at <= self._clock() - NOTICE_WAITS,
            said.exists(),
        )

    async def release(self) -> None:
        """Let go of all that this process has taken."""
        await self._free_where()

    async def let_go(self, link_id: int) -> None:
        """Let go of one link."""
        await self._free_where(_l.id == link_id)

    async def _free_where(self, *which: Any) -> None:
        free_them = channel_links.update().where(_l.lease_holder == self._holder, *which).values(dict(_FREE))
        await self._database.write(lambda connection: connection.execute(free_them))

    # -- reading ----------------------------------------------------------------------------------------

    async def undelivered(self, link_id: int) -> Undelivered | None:
        """Return what is to be delivered on a link; None where this process may not."""
        return await self._database.read(lambda connection: self._undelivered(connection, link_id))

    def _undelivered(self, connection: Connection, link_id: int) -> Undelivered | None:
        link = self._link(connection, link_id)
        if link is None or link.conversation_id is None or link.state != ACTIVE:
            return None
        cid = link.conversation_id
        head = connection.execute(select(_c.next_seq).where(_c.id == cid)).scalar_one() - 1
        found = connection.execute(
            rows.MESSAGES_AFTER, {"cid": cid, "after": link.delivered_seq, "count": _READ}
        ).all()
        told = tuple(
            (
                rows.row_view(self._vault, cid, row),
                row.author != Author.SHOPPER.value and self._mine(connection, link, row),
            )
            for row in found
        )
        before: list[Mapping[str, Any]] = []
        if any(mine for _, mine in told):
            before = recalled(connection, self._vault, cid, found[0].seq)
        return Undelivered(link, told, tuple(before), head, len(found) == _READ)

    async def again(self, link_id: int) -> Row | None:
        """Return a link as it is now; None where this process does not hold it any more."""
        return await self._database.read(lambda connection: self._link(connection, link_id))

    def _link(self, connection: Connection, link_id: int) -> Row | None:
        held = _l.id == link_id, _l.lease_holder == self._holder
        return connection.execute(select(channel_links).where(*held)).first()

    def _mine(self, connection: Connection, link: Row, row: Row) -> bool:
        """Return whether a reply is read here."""
        answers = rows.public_id(row.in_reply_to) is not None
        last = None if answers else last_of_hers(connection, link.conversation_id, row.seq)
        return is_brought(connection, link, row, last)

    # -- notes ------------------------------------------------------------------------------------------

    async def sending(self, link: Row, until: int) -> None:
        """Note that a part is about to be sent, which ends with message number `until`; LeaseLostError."""
        await self._note(link, sending=until)

    async def sent(self, link: Row, *, part: int) -> None:
        """Note that a part was taken, and that the message goes on with `part`; LeaseLostError."""
        await self._note(link, part=part, sent=_l.sent + 1, **_OVER)

    async def delivered(self, link: Row, seq: int, *, taken: bool, unseen: int | None = None) -> bool:
        """Note that all up to a message is delivered; let go of the link and return True if that is all.

        Args:
            link: which.
            seq: the message's number.
            taken: with a part that the platform took just now.
            unseen: number of a message that was left out. The question for a rating is for the desk alone
                then: no figure answers it, and it closes no choices.

        Raises:
            LeaseLostError: another process has it, or it has moved.
        """
        values: dict[str, Any] = {"delivered_seq": seq, "part": 0, **_OVER}
        if taken:
            values["sent"] = _l.sent + 1

        def work(connection: Connection) -> bool:
            head = select(_c.next_seq - 1).where(_c.id == link.conversation_id)
            all_of_it = connection.execute(head).scalar() == seq
            self._change(connection, link, **values, **(_FREE if all_of_it else {}))
            if unseen is not None:
                question = _m.conversation_id == link.conversation_id, _m.seq == unseen
                connection.execute(
                    messages.update()
                    .where(*question, _m.kind == Kind.RATING.value)
                    .values(audience=Audience.DESK.value)
                )
            return all_of_it

        return await self._database.write(work)

    async def given_up(self, link: Row, *, part: int) -> None:
        """Note that a part is set aside, and that the message goes on with `part`; LeaseLostError."""
        await self._note(link, part=part, **_OVER)

    async def later(
        self, link: Row, trouble: str, *, since: datetime, due_at: datetime, sending: int | None
    ) -> None:
        """Let a link wait until a moment; LeaseLostError.

        Args:
            link: which.
            trouble: what for, without content.
            since: when that began.
            due_at: the moment.
            sending: as :meth:`sending`, where the part may have been taken nevertheless.
        """
        await self._note(
            link,
            since=since,
            tries=link.tries + 1,
            due_at=due_at,
            trouble=trouble[:120],
            sending=sending,
            **_FREE,
        )

    async def rests(self, link: Row, state: str, trouble: str) -> None:
        """Let a link rest until she writes; not where she has written meanwhile."""
        logger.info("link %d (%s) rests: %s", link.id, link.channel, trouble)

        def work(connection: Connection) -> None:
            row = connection.execute(select(_l.heard_at).where(_l.id == link.id).with_for_update()).first()
            values: dict[str, Any] = {"sending": None, **_FREE}
            if row is not None and row.heard_at == link.heard_at:
                values.update(state=state, trouble=trouble[:120])
            connection.execute(channel_links.update().where(*self._held(link)).values(values))

        await self._database.write(work)

    async def _note(self, link: Row, **values: Any) -> None:
        await self._database.write(lambda connection: self._change(connection, link, **values))

    def _change(self, connection: Connection, link: Row, **values: Any) -> None:
        more = {"lease_until": self._clock() + HELD, **values}
        changed = connection.execute(channel_links.update().where(*self._held(link)).values(more))
        if not changed.rowcount:
            raise LeaseLostError

    def _held(self, link: Row) -> tuple[Any, ...]:
        here = _l.conversation_id == link.conversation_id
        return _l.id == link.id, _l.lease_holder == self._holder, here
