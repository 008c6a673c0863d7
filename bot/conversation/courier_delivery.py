"""Delivers what one shopper has not got yet, part by part; understands the kinds of failure.

A part is noted before it is sent and after the platform took it. A kill between the two doubles at most that
part, one for each platform without keys: the first note tells the next process, which says so in the log.
Where the platform takes the key, which is the same whenever a part is sent again, it shows it once.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.engine import Row

from bot.conversation.carrier import Carrier, To
from bot.conversation.channel_schema import BLOCKED, CLOSED
from bot.conversation.courier_links import CourierLinks
from bot.conversation.errors import LeaseLostError
from bot.conversation.link_memory import RECALLED
from bot.conversation.links import user_context
from bot.conversation.sending import SendError, SendKind
from persona.privacy.vault import Vault
from persona.telemetry import metrics

logger = logging.getLogger(__name__)

#: How long a message is tried, and the pauses between two tries.
GIVE_UP = timedelta(days=3)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=0.5), timedelta(minutes=5)
#: The longest pause that a platform may ask for, in seconds.
_MOST_ASKED_S = 3600.0
#: Seconds that one sending may take.
LONGEST_SEND_S = 20.0


@dataclass(frozen=True)
class _Saying:
    """What is sent at once: a message's parts, or the one part that several messages of one answer make.

    Attributes:
        seq: number of its first message.
        until: number of its last message.
        parts: to be sent, in order.
    """

    seq: int
    until: int
    parts: tuple[Any, ...]


class Delivery:
    """What is done for one shopper.

    Args:
        links: reads and notes.
        vault: opens who she is, makes the keys.
        clock: returns the present as an aware datetime.
        carriers: channel -> how it is spoken to; may be filled later.
        pause: before a second try; each further one is twice as long.
    """

    def __init__(
        self,
        links: CourierLinks,
        vault: Vault,
        clock: Callable[[], datetime],
        carriers: Mapping[str, Carrier],
        *,
        pause: timedelta = FIRST_PAUSE,
    ) -> None:
        self._links = links
        self._vault = vault
        self._clock = clock
        self._carriers = carriers
        self._pause = pause
        self._stopping = False
        # Where no key tells a platform what comes twice, one part at a time is on its way to it, whoever it
        # is for: a kill doubles one for each such platform, and one that hangs holds up no other.
        self._alone: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def stop(self) -> None:
        """Begin no further part."""
        self._stopping = True

    async def run(self, row: Row) -> None:
        """Deliver all that there is for a link that this process has taken."""
        try:
            while await self._round(row.id):
                pass
        except LeaseLostError:
            logger.info("link %d was taken over by another process, or has moved", row.id)
        except Exception:
            logger.exception("link %d could not be worked on", row.id)
            await self._after_error(row)

    async def _after_error(self, row: Row) -> None:
        try:
            link = await self._links.again(row.id)
            if link is not None:
                await self._later(link, "error", sending=link.sending)
        except Exception:
            logger.exception("link %d is left to its lease", row.id)

    async def _round(self, link_id: int) -> bool:
        """Deliver what is there now; return whether to look again."""
        there = await self._links.undelivered(link_id)
        if there is None or self._stopping:
            await self._links.let_go(link_id)
            return False
        link, before, place = there.link, list(there.before), 0
        while place < len(there.found):
            message, mine = there.found[place]
            if mine:
                ended = await self._say(link, await self._saying(link, there.found[place:], before))
                if ended is not None:
                    return ended
                link = await self._now(link)
            while place < len(there.found) and there.found[place][0]["seq"] <= max(
                message["seq"], link.delivered_seq
            ):
                before = [*before, there.found[place][0]][-RECALLED:]
                place += 1
        # What reaches nobody here (her own words, events, notes) is passed over together.
        last = there.found[-1][0]["seq"] if there.more else there.head
        return not await self._links.delivered(link, max(last, link.delivered_seq), taken=False)

    async def _now(self, link: Row) -> Row:
        """Return a link as it is now; LeaseLostError where it is another's, or in another conversation."""
        now = await self._links.again(link.id)
        if now is None or now.conversation_id != link.conversation_id:
            raise LeaseLostError
        return now

    # -- what is sent -----------------------------------------------------------------------------------

    async def _saying(
        self,
        link: Row,
        found: Sequence[tuple[Mapping[str, Any], bool]],
        before: Sequence[Mapping[str, Any]],
    ) -> _Saying:
        """Return what is sent next: the first of the messages that are there, or several as one.

        Where messages are counted, those of one answer are one part if they fit. A part that was begun before
        goes no further than it did then, so that it is the same part under the same key.
        """
        carrier = self._carriers[link.channel]
        message = found[0][0]
        parts = await self._parts(carrier, link, message, before)
        until = message["seq"]
        if not carrier.in_window or len(parts) != 1 or link.part:
            return _Saying(message["seq"], until, parts)
        told = [*before, message]
        for then, mine in found[1:]:
            if then["author"] == "shopper":
                told.append(then)
                continue
            beyond = link.sending is not None and then["seq"] > link.sending
            if not mine or beyond or not carrier.together(then, told):
                break
            more = await self._parts(carrier, link, then, told[-RECALLED:])
            joined = carrier.joined(parts[0], more[0]) if len(more) == 1 else None
            if joined is None:
                break
            parts, until = (joined,), then["seq"]
            told.append(then)
        return _Saying(message["seq"], until, parts)

    async def _parts(
        self, carrier: Carrier, link: Row, message: Mapping[str, Any], before: Sequence[Mapping[str, Any]]
    ) -> tuple[Any, ...]:
        try:
            return tuple(await carrier.parts(message, before))
        except Exception:
            logger.exception("message %d of link %d could not be rendered", message["seq"], link.id)
            return ()

    async def _say(self, link: Row, saying: _Saying) -> bool | None:
        """Send the parts that are left; None to go on, else whether to look again."""
        carrier, many = self._carriers[link.channel], len(saying.parts)
        opened = json.loads(self._vault.open(link.user, user_context(link.channel, link.user_key)))
        to = To(opened["user"], link.account, opened["data"], link.heard_at)
        for place in range(link.part, many):
            async with nullcontext() if carrier.keyed else self._alone[link.channel]:
                ended = await self._part(carrier, link, to, saying, place)
            if ended is not None or place + 1 == many:
                return ended
            link = await self._now(link)
        # There was nothing to send, or nothing was left of it.
        unseen = saying.seq if not many and link.sending is None else None
        over = await self._links.delivered(link, saying.until, taken=False, unseen=unseen)
        return False if over else None

    async def _part(self, carrier: Carrier, link: Row, to: To, saying: _Saying, place: int) -> bool | None:
        """Send one part and note it; returns as :meth:`_say`."""
        if self._stopping:
            await self._links.let_go(link.id)
            return False
        late = carrier.window is not None and self._clock() - link.heard_at > carrier.window
        if late or (carrier.in_window and link.sent >= carrier.in_window):
            await self._links.rests(link, CLOSED, "window")
            return False
        if link.sending is not None:
            self._tell_of_double(carrier, link, saying.seq, place)
        # It is noted even where it is noted already: this process must still be the one that may.
        await self._links.sending(link, saying.until)
        error = await self._send(carrier, to, saying.parts[place], self._key(link, saying, place))
        metrics.CHANNEL_SENDS.labels(link.channel, "ok" if error is None else error.kind.value).inc()
        if error is not None and not await self._failed(link, saying, error):
            return False
        if place + 1 == len(saying.parts):
            # That an earlier try had reached her is not known where its note stands.
            given_up = error is not None and not error.unsure and link.sending is None and not place
            unseen = saying.seq if given_up else None
            over = await self._links.delivered(link, saying.until, taken=error is None, unseen=unseen)
            return False if over else None
        await (self._links.given_up if error else self._links.sent)(link, part=place + 1)
        return None

    def _key(self, link: Row, saying: _Saying, place: int) -> str:
        """Return what is the same whenever this part is sent again, and another for any other part."""
        name = f"{link.id}/{link.conversation_id}/{saying.seq}/{place}"
        name += f"-{saying.until}" if saying.until != saying.seq else ""
        return self._vault.blind(name, "courier")

    def _tell_of_double(self, carrier: Carrier, link: Row, seq: int, place: int) -> None:
        """Say that a part is sent whose sending was begun before, nobody knows with what end."""
        if carrier.keyed:
            return
        metrics.CHANNEL_DOUBLES.labels(link.channel).inc()
        logger.warning(
            "link %d (%s): part %d of message %d of %s may come twice: it was being sent when that broke off",
            link.id,
            link.channel,
            place + 1,
            seq,
            link.conversation_id,
            extra={"fields": {"link": link.id, "seq": seq, "part": place + 1}},
        )

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
                return SendError(SendKind.AWAY, "error", unsure=True)
        return error

    # -- what goes wrong --------------------------------------------------------------------------------

    async def _failed(self, link: Row, saying: _Saying, error: SendError) -> bool:
        """Note a failure; return whether the part is given up, so that the next goes on."""
        kind, now = error.kind, self._clock()
        if kind is SendKind.BLOCKED or kind is SendKind.CLOSED:
            await self._links.rests(link, BLOCKED if kind is SendKind.BLOCKED else CLOSED, str(error))
            return False
        if kind is SendKind.REFUSED or now - (link.since or now) >= GIVE_UP:
            logger.error("a part for link %d (%s) is given up: %s", link.id, link.channel, error)
            return True
        if link.tries == 0:
            level = logging.WARNING if error.unsure else logging.INFO
            logger.log(level, "link %d (%s) is tried again: %s", link.id, link.channel, error)
        begun = saying.until if error.unsure else None
        await self._later(link, str(error), sending=begun, retry_after=error.retry_after)
        return False

    async def _later(
        self, link: Row, trouble: str, *, sending: int | None, retry_after: float | None = None
    ) -> None:
        pause = min(LONGEST_PAUSE, self._pause * 2 ** min(link.tries, 20))
        if retry_after is not None:
            pause = max(pause, timedelta(seconds=min(retry_after, _MOST_ASKED_S)))
        now = self._clock()
        await self._links.later(link, trouble, since=link.since or now, due_at=now + pause, sending=sending)
