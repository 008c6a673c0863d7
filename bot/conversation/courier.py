"""Brings what the record holds to shoppers on messaging channels: in order for each, several at once.

What was delivered is noted after the platform took it: a kill between the two doubles at most one part, none
where the platform takes the key, which is the same whenever a part is sent again. Any front may, under a
lease.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol

from sqlalchemy import case, select
from sqlalchemy.engine import Connection, Row

from bot.conversation import rows
from bot.conversation.channel_schema import ACTIVE, BLOCKED, CLOSED, channel_links
from bot.conversation.database import Database
from bot.conversation.errors import LeaseLostError
from bot.conversation.links import RECALLED, prefix, recalled, user_context
from bot.conversation.schema import conversations, messages
from bot.conversation.sending import SendError, SendKind
from bot.conversation.types import Author
from bot.conversation.waiting import happened
from bot.conversation.waiting_rows import HELD, free, seen_lease
from persona.privacy.vault import Vault
from persona.telemetry import metrics

logger = logging.getLogger(__name__)

_l, _c, _m = channel_links.c, conversations.c, messages.c

#: How long a message is tried, and the pauses between two tries.
GIVE_UP = timedelta(days=3)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=0.5), timedelta(minutes=5)
#: Seconds that one sending may take.
LONGEST_SEND_S = 20.0
_LOOK_AT = 200
_READ = 20


@dataclass(frozen=True)
class To:
    """Whom a part is for: her id at the platform, what it wants back, when she last wrote."""

    user: str
    account: str
    data: Mapping[str, Any]
    heard_at: datetime


class Carrier(Protocol):
    """One channel.

    Attributes:
        window: how long after her last message she may be written to; None: always.
        in_window: parts that may be sent after each message of hers; 0: any number.
    """

    window: timedelta | None
    in_window: int

    async def parts(self, message: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
        """Return a message, as clients see it, as the parts that are sent; `before`: some that precede it."""

    async def send(self, to: To, part: Any, key: str) -> None:
        """Send one part; raises SendError."""


class Courier:
    """Delivers.

    Args:
        database: the record.
        vault: opens what is sealed.
        clock: returns the present as an aware datetime.
        holder: this process's name as the holder of leases.
        carriers: channel -> how it is spoken to.
        at_once: shoppers at the same time.
        sweep_s: seconds between two looks at everything; news of this front, and what Redis brings, are
            looked at when they come.
        pause: before a second try; each further one is twice as long.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        clock: Callable[[], datetime],
        holder: str,
        carriers: Mapping[str, Carrier],
        *,
        at_once: int = 16,
        sweep_s: float = 1.0,
        pause: timedelta = FIRST_PAUSE,
    ) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._holder = holder
        self._carriers = carriers
        self._at_once = at_once
        self._sweep_s = sweep_s
        self._pause = pause
        self._news: set[str] = set()
        self._woken = asyncio.Event()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; what a former process left undelivered comes first."""
        self._loop = asyncio.create_task(self._run(), name="courier")

    def tell(self, conversation_id: str) -> None:
        """Hear that a conversation has news."""
        if self._loop is not None:
            self._news.add(conversation_id)
            self._woken.set()

    async def close(self, grace_s: float = 3.0) -> None:
        """Take nothing more, let what is being sent end, and let go of the rest."""
        if self._loop is None:
            return
        self._loop.cancel()
        await asyncio.gather(self._loop, return_exceptions=True)
        tasks = list(self._running.values())
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._loop = None
        try:
            await self._release()
        except Exception:
            logger.exception("the courier's leases could not be released; they lapse by themselves")

    # -- what is to be done -----------------------------------------------------------------------------

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        sweep_at = 0.0
        while True:
            self._woken.clear()
            news, self._news = self._news, set()
            everything = loop.time() >= sweep_at
            try:
                room = self._at_once - len(self._running)
                taken = await self._claim(room, None if everything else news) if room > 0 else ()
            except Exception:
                logger.exception("the courier could not ask the record")
                taken = ()
            else:
                if everything and len(taken) < room:
                    sweep_at = loop.time() + self._sweep_s
            for row in taken:
                task = asyncio.create_task(self._one(row))
                self._running[row.id] = task
                task.add_done_callback(partial(self._ended, row))
            if len(taken) >= room:  # there may be more of it
                self._news |= news
                await happened(self._woken, self._sweep_s)
            elif not self._news:
                await happened(self._woken, max(0.05, min(self._sweep_s, sweep_at - loop.time())))

    def _ended(self, row: Row, _task: asyncio.Task[None]) -> None:
        self._running.pop(row.id, None)
        self._news.add(row.conversation_id)  # what came in the moment between its last look and this
        self._woken.set()

    async def _claim(self, count: int, conversation_ids: Collection[str] | None) -> tuple[Row, ...]:
        """Take links with something to deliver that nobody works on."""
        if conversation_ids is not None and not conversation_ids:
            return ()
        query = (
            select(channel_links)
            .join(conversations, _c.id == _l.conversation_id)
            .where(
                _l.state == ACTIVE,
                _l.channel.in_(list(self._carriers)),
                _c.next_seq - 1 > _l.delivered_seq,
                _l.due_at <= self._clock(),
                _l.id.not_in(list(self._running)),
            )
            .order_by(_l.due_at, _l.id)
            .limit(_LOOK_AT)
        )
        if conversation_ids is not None:
            query = query.where(_l.conversation_id.in_(list(conversation_ids)))

        def look(connection: Connection) -> list[Row]:
            now = self._clock()
            found = [row for row in connection.execute(query).all() if self._free(row, now)]
            return found[:count]

        seen = await self._database.read(look)
        if not seen:
            return ()

        def take(connection: Connection) -> tuple[Row, ...]:
            until = self._clock() + HELD
            return tuple(
                row
                for row in seen
                if connection.execute(
                    channel_links.update()
                    .where(_l.id == row.id, _l.state == ACTIVE, seen_lease(channel_links, row))
                    .values(lease_holder=self._holder, lease_until=until)
                ).rowcount
            )

        return await self._database.write(take)

    def _free(self, row: Row, now: datetime) -> bool:
        # Under our own name, and none of our tasks works on it: it was left behind.
        return row.lease_holder == self._holder or free(row, now, self._holder)

    # -- one shopper ------------------------------------------------------------------------------------

    async def _one(self, row: Row) -> None:
        try:
            await self._deliver(row)
        except LeaseLostError:
            logger.info("link %d was taken over by another process", row.id)
        except Exception:
            logger.exception("link %d could not be worked on", row.id)
            await self._later(row, "error")

    async def _deliver(self, row: Row) -> None:
        carrier = self._carriers[row.channel]
        while True:
            link, found, head = await self._database.read(lambda c: self._read(c, row.id))
            before: list[Mapping[str, Any]] = []
            if link is not None and any(mine for _, mine in found):
                before = await self._before(str(link.conversation_id), found[0][0]["seq"])
            if link is None or link.lease_holder != self._holder or link.state != ACTIVE:
                return
            here, moved = link.conversation_id, False
            for message, mine in found:
                if mine and not await self._message(carrier, link, message, before):
                    return
                before = [*before, message][-RECALLED:]
                if mine:
                    link = await self._database.read(lambda c: self._again(c, row.id))
                    if link is None or link.lease_holder != self._holder:
                        return
                    if link.conversation_id != here:
                        moved = True
                        break
            if moved:  # she is in another conversation by now: nothing more of this one is hers
                continue
            # What reaches nobody here (her own words, events, notes) is passed over together.
            last = found[-1][0]["seq"] if len(found) == _READ else head
            if last > link.delivered_seq:
                await self._note(link, delivered_seq=last, part=0)
            if len(found) < _READ and await self._rest(link, head):
                return

    async def _before(self, conversation_id: str, seq: int) -> list[Mapping[str, Any]]:
        return await self._database.read(lambda c: recalled(c, self._vault, conversation_id, seq))

    def _again(self, connection: Connection, link_id: int) -> Row | None:
        return connection.execute(select(channel_links).where(_l.id == link_id)).first()

    def _read(
        self, connection: Connection, link_id: int
    ) -> tuple[Row | None, list[tuple[dict[str, Any], bool]], int]:
        """Return the link, what has not been delivered (and whether it is for this link), and the head."""
        link = self._again(connection, link_id)
        if link is None or link.conversation_id is None:
            return None, [], 0
        cid = link.conversation_id
        head = connection.execute(select(_c.next_seq).where(_c.id == cid)).scalar_one() - 1
        found = connection.execute(
            rows.MESSAGES_AFTER, {"cid": cid, "after": link.delivered_seq, "count": _READ}
        ).all()
        told = []
        for row in found:
            mine = row.author != Author.SHOPPER.value and self._mine(connection, link, row)
            told.append((rows.row_view(self._vault, cid, row), mine))
        return link, told, head

    def _mine(self, connection: Connection, link: Row, row: Row) -> bool:
        """Return whether a reply is read here: an answer where it was asked, others where she wrote last."""
        asked = rows.public_id(row.in_reply_to)
        if asked is None:
            last = (
                select(_m.channel_message_id)
                .where(
                    _m.conversation_id == link.conversation_id,
                    _m.author == Author.SHOPPER.value,
                    _m.seq < row.seq,
                )
                .order_by(_m.seq.desc())
                .limit(1)
            )
            asked = connection.execute(last).scalar()
        if asked is None:  # nothing was said yet: a greeting is read where the conversation was opened
            opened_in = select(_c.channel).where(_c.id == link.conversation_id)
            return bool(connection.execute(opened_in).scalar() == link.channel)
        return bool(asked.startswith(prefix(link.id)))

    async def _message(
        self, carrier: Carrier, link: Row, message: Mapping[str, Any], before: Sequence[Mapping[str, Any]]
    ) -> bool:
        """Send the parts of a message that are left; return whether to go on with the next."""
        opened = json.loads(self._vault.open(link.user, user_context(link.channel, link.user_key)))
        to = To(opened["user"], link.account, opened["data"], link.heard_at)
        try:
            parts = tuple(await carrier.parts(message, before))
        except Exception:
            logger.exception("message %d of link %d could not be rendered", message["seq"], link.id)
            parts = ()
        sent = link.sent
        for place in range(link.part, len(parts)):
            late = carrier.window is not None and self._clock() - link.heard_at > carrier.window
            if late or (carrier.in_window and sent >= carrier.in_window):
                await self._rests(link, CLOSED, "window")
                return False
            key = self._vault.blind(f"{link.id}/{link.conversation_id}/{message['seq']}/{place}", "courier")
            error = await self._send(carrier, to, parts[place], key)
            metrics.CHANNEL_SENDS.labels(link.channel, "ok" if error is None else error.kind.value).inc()
            if error is not None and not await self._failed(link, error):
                return False
            sent += error is None
            # Written meanwhile, she may be answered anew: only what was sent since then counts.
            counted: Any = case((_l.heard_at == link.heard_at, sent), else_=_l.sent + 1)
            good = {"tries": 0, "since": None, "trouble": None, "sent": counted}
            if place + 1 < len(parts):
                await self._note(link, part=place + 1, **good)
            else:
                await self._note(link, delivered_seq=message["seq"], part=0, **good)
        if link.part >= len(parts):  # nothing to send, or nothing left of it
            await self._note(link, delivered_seq=message["seq"], part=0)
        return True

    async def _send(self, carrier: Carrier, to: To, part: Any, key: str) -> SendError | None:
        error: SendError | None = None
        for _ in range(2):
            try:
                await asyncio.wait_for(carrier.send(to, part, key), LONGEST_SEND_S)
                return None
            except asyncio.TimeoutError:
                return SendError(SendKind.AWAY, "timeout", unsure=True)
            except SendError as exc:
                error = exc
                if exc.kind is not SendKind.TOKEN:  # a token that has ended was told: the next is another
                    return exc
            except Exception:
                logger.exception("a part could not be sent")
                return SendError(SendKind.AWAY, "error")
        return error

    async def _failed(self, link: Row, error: SendError) -> bool:
        """Note a failure; return whether the part is given up, so that the next goes on."""
        kind, now = error.kind, self._clock()
        if kind is SendKind.BLOCKED or kind is SendKind.CLOSED:
            await self._rests(link, BLOCKED if kind is SendKind.BLOCKED else CLOSED, str(error))
            return False
        since = link.since or now
        if kind is SendKind.REFUSED or now - since >= GIVE_UP:
            logger.error("a part for link %d (%s) is given up: %s", link.id, link.channel, error)
            return True
        if link.tries == 0:
            level = logging.WARNING if error.unsure else logging.INFO
            logger.log(level, "link %d (%s) is tried again: %s", link.id, link.channel, error)
        await self._later(link, str(error), since=since, retry_after=error.retry_after)
        return False

    # -- notes ------------------------------------------------------------------------------------------

    async def _later(
        self, link: Row, trouble: str, *, since: datetime | None = None, retry_after: float | None = None
    ) -> None:
        pause = min(LONGEST_PAUSE, self._pause * 2 ** min(link.tries, 20))
        if retry_after is not None:
            pause = max(pause, timedelta(seconds=min(retry_after, 3600.0)))
        now = self._clock()
        await self._note(
            link,
            since=since or link.since or now,
            tries=link.tries + 1,
            due_at=now + pause,
            trouble=trouble[:120],
            lease_holder=None,
            lease_until=None,
        )

    async def _rests(self, link: Row, state: str, trouble: str) -> None:
        """Let a link rest until she writes; not where she has written meanwhile."""
        logger.info("link %d (%s) rests: %s", link.id, link.channel, trouble)
        let_go = {"lease_holder": None, "lease_until": None}

        def work(connection: Connection) -> None:
            row = connection.execute(select(_l.heard_at).where(_l.id == link.id).with_for_update()).first()
            values: dict[str, Any] = dict(let_go)
            if row is not None and row.heard_at == link.heard_at:
                values.update(state=state, trouble=trouble[:120])
            connection.execute(channel_links.update().where(*self._held(link)).values(values))

        await self._database.write(work)

    async def _note(self, link: Row, **values: Any) -> None:
        """Change a link that this process holds; LeaseLostError where another has it, or it has moved."""
        more = {"lease_until": self._clock() + HELD, **values}

        def work(connection: Connection) -> int:
            return connection.execute(channel_links.update().where(*self._held(link)).values(more)).rowcount

        if not await self._database.write(work):
            raise LeaseLostError

    async def _rest(self, link: Row, head: int) -> bool:
        """Let go of a link; return False where something new has come meanwhile."""

        def work(connection: Connection) -> bool:
            new = select(_c.next_seq - 1).where(_c.id == link.conversation_id)
            if (connection.execute(new).scalar() or 0) > head:
                return False
            connection.execute(
                channel_links.update().where(*self._held(link)).values(lease_holder=None, lease_until=None)
            )
            return True

        return await self._database.write(work)

    def _held(self, link: Row) -> tuple[Any, ...]:
        here = _l.conversation_id == link.conversation_id
        return _l.id == link.id, _l.lease_holder == self._holder, here

    async def _release(self) -> None:
        def work(connection: Connection) -> None:
            connection.execute(
                channel_links.update()
                .where(_l.lease_holder == self._holder)
                .values(lease_holder=None, lease_until=None)
            )

        await self._database.write(work)
