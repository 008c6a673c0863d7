"""Works on what platforms have brought: messages into conversations, hints into messages, in order for each.

A message that cannot be taken now (a picture that is not to be had yet, too much that waits) is tried again;
later ones of the same shopper wait for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy.engine import Row

from bot.channels.base import HasMedia, Heard, HeardKind, Hint, Media, Platform, PulledFrom
from bot.channels.carrying import Carried
from bot.channels.kinds import LONGEST_TEXT, Line, binding_words, rating_words, said_to, words_of
from bot.conversation import words
from bot.conversation.channel_schema import GONE_LANE
from bot.conversation.errors import LeaseLostError, TooManyPendingError
from bot.conversation.inbox import Inbox, Item
from bot.conversation.links import Hearing as Taking
from bot.conversation.links import Saying, Spoken, Visitor, user_key
from bot.conversation.picture_files import MOST_BYTES, UnfitPictureError, fit
from bot.conversation.pictures import Pictures, SealedPicture
from bot.conversation.sending import SendError, SendKind
from bot.conversation.service import Conversations
from bot.conversation.store import Store
from bot.conversation.typed_rating import TypedRating
from bot.conversation.types import Incoming
from bot.conversation.waiting_rows import Pump
from persona.privacy.vault import Vault

logger = logging.getLogger(__name__)

#: Tries of a picture before the shopper is told that it did not arrive; of anything before it is set aside.
#: Pictures that are unpacked at a time: one of many pixels may take 200 MB.
_UNPACKED = 2
MOST_PICTURE_TRIES, MOST_TRIES = 4, 40
_LONGEST_PAUSE = timedelta(minutes=5)
#: What she is owed comes first (`Taken.owed`): the pause before it is looked again, and the mark meanwhile.
_OWED_PAUSE, _OWED = timedelta(seconds=1), "owed"
#: Pieces of work at a time; of these, such of one channel that ask its platform something, and the pause of
#: what finds no room.
_AT_ONCE, _ASKING, _ROOM_IN = 8, 3, timedelta(seconds=1)
#: Seconds that one page of a pull may take.
_PULL_S = 20.0
#: Messages, and seconds, after which those that are done for long are cleared away.
_SWEEP_EVERY, _SWEEP_S = 200, 3600.0


def to_item(vault: Vault, channel: str, heard: Heard) -> Item:
    """Return a message as it waits."""
    body: dict[str, Any] = {
        "user": heard.user,
        "message_id": heard.message_id,
        "kind": heard.kind.value,
        "at": heard.at.isoformat(),
        "text": heard.text,
        "event": heard.event,
        "data": dict(heard.data),
        "account": heard.account,
    }
    if heard.media is not None:
        body["media"] = [heard.media.id, heard.media.address, heard.media.content_type]
    lane = user_key(vault, channel, heard.account, heard.user)
    if heard.kind is HeardKind.GONE:  # it is nothing of hers, and waits behind nothing of hers
        lane += GONE_LANE
    return Item(json.dumps([heard.account, heard.user, heard.message_id]), lane, body)


def hint_item(hint: Hint) -> Item:
    """Return a hint as it waits; each is its own, for nothing tells a repeat."""
    body = {"hint": {"account": hint.account, "token": hint.token}}
    return Item(f"hint/{secrets.token_hex(12)}", f"pull/{hint.account}"[:80], body)


def _heard(body: Mapping[str, Any]) -> Heard:
    media = body.get("media")
    return Heard(
        user=body["user"],
        message_id=body["message_id"],
        kind=HeardKind(body["kind"]),
        at=datetime.fromisoformat(body["at"]),
        text=body["text"],
        media=None if media is None else Media(*media),
        event=body["event"],
        data=body["data"],
        account=body["account"],
    )


class Hearing:
    """The work on the inbox.

    Args:
        inbox: what has come.
        store: of conversations.
        conversations: answers them.
        vault: for keys.
        pictures: seals a shopper's pictures.
        platforms: by name, each with how it is carried.
        bind_at: where a ticket is taken; empty: nowhere.
    """

    def __init__(
        self,
        *,
        inbox: Inbox,
        store: Store,
        conversations: Conversations,
        vault: Vault,
        pictures: Pictures,
        platforms: Mapping[str, tuple[Platform, Carried]],
        bind_at: str = "",
    ) -> None:
        self._inbox = inbox
        self._store = store
        self._conversations = conversations
        self._vault = vault
        self._pictures = pictures
        self._platforms = platforms
        self._worked, self._sweep_at = 0, 0.0
        self._pool = ThreadPoolExecutor(_UNPACKED, thread_name_prefix="channel-pictures")
        self._words = binding_words(conversations.lines, bind_at)
        self._rating = TypedRating(store.writing, rating_words(conversations.lines))
        self._pump = Pump("channels", inbox.rows, self._work, at_once=_AT_ONCE)
        self._missed: asyncio.Task[None] | None = None
        self._asking: Counter[str] = Counter()  # what each channel is asked just now

    def start(self) -> None:
        """Begin; what a former process left comes first, and what no front was there to be told of."""
        self._pump.start()
        self._missed = asyncio.create_task(self._pull_missed(), name="channels-missed")

    def wake(self) -> None:
        """Look at once: something has come."""
        self._pump.wake()

    async def close(self) -> None:
        """Stop, leaving the rest to whoever comes next."""
        if self._missed is not None:
            self._missed.cancel()
            await asyncio.gather(self._missed, return_exceptions=True)
        await self._pump.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _work(self, row: Row) -> None:
        try:
            if row.channel not in self._platforms:
                await self._inbox.rows.again(
                    row.id, self._store.now() + _LONGEST_PAUSE, trouble="channel is off"
                )
                return
            body = self._inbox.opened(row)
            if "hint" not in body and body["kind"] != HeardKind.PICTURE.value:
                await self._take(row, _heard(body))
            elif self._asking[row.channel] >= _ASKING:  # one that hangs leaves room for the others
                await self._inbox.rows.again(
                    row.id, self._store.now() + _ROOM_IN, trouble=row.trouble or "no room"
                )
            else:
                await self._ask(row, body)
        except LeaseLostError:
            logger.info("what came under %d was taken over by another process", row.id)
        except TooManyPendingError:
            await self._again(row, "too_many_pending", 1.0)
        except SendError as exc:
            await self._again(row, str(exc), exc.retry_after)
        except Exception as exc:
            logger.exception("what came on %s under %d could not be taken", row.channel, row.id)
            await self._again(row, type(exc).__name__)

    async def _ask(self, row: Row, body: Mapping[str, Any]) -> None:
        """Work on what its platform is asked something for: a pull, a picture."""
        self._asking[row.channel] += 1
        try:
            if "hint" in body:
                await self._pull(row, Hint(**body["hint"]))
            else:
                await self._take(row, _heard(body))
        finally:
            self._asking[row.channel] -= 1

    async def _again(self, row: Row, trouble: str, retry_after: float | None = None) -> None:
        if row.tries + 1 >= MOST_TRIES and trouble != "too_many_pending":
            logger.error("what came on %s under %d is set aside: %s", row.channel, row.id, trouble)
            await self._inbox.rows.aside(row.id, trouble=trouble, tries=row.tries + 1)
            return
        pause = min(_LONGEST_PAUSE, timedelta(seconds=retry_after or 0.5 * 2 ** min(row.tries, 12)))
        # That she waits for answers is no failure of what she wrote.
        tries = row.tries + (trouble != "too_many_pending")
        await self._inbox.rows.again(row.id, self._store.now() + pause, trouble=trouble, tries=tries)

    # -- messages ---------------------------------------------------------------------------------------

    async def _take(self, row: Row, heard: Heard) -> None:
        platform, carried = self._platforms[row.channel]
        lines = self._conversations.lines
        picture, line = None, said_to(heard)
        waited = row.trouble == _OWED
        taking = partial(
            Taking,
            self._store,
            Visitor(row.channel, heard.account, heard.user, heard.data.get("reply") or {}),
            choose=carried.choose,
            notice=lines.notice(words.PRIVACY_NOTICE),
            settle=lambda connection: self._inbox.settle(connection, row),
            words=self._words,
            # What she typed before the question reached her is no rating.
            first=None if waited else self._rating,
            waited=waited,
            wrote_again=lambda connection, since: self._inbox.followed(connection, row, since),
        )
        if heard.kind is HeardKind.PICTURE and line is None:
            if await self._store.run(taking(_saying(heard, None, None)).owes):
                await self._wait(row)
                return
            picture, line = await self._picture(platform, heard, row.tries)
        said = _saying(heard, picture, None if line is None else partial(line.spoken, lines))
        taken = await self._store.run(taking(said))
        if taken.owed:
            await self._wait(row)
            return
        if taken.left:
            logger.error("what came on %s under %d waits no longer for what she is owed", row.channel, row.id)
        await self._sweep()
        if taken.conversation_id is None:
            return
        if taken.accepted is not None:
            kind = "picture" if picture is not None else "button" if heard.data.get("button") else "text"
            self._conversations.heard(
                row.channel, taken.conversation_id, taken.message_id, taken.accepted, kind
            )
        self._conversations.opened(taken.conversation_id, taken.opened)

    async def _wait(self, row: Row) -> None:
        """Let a message wait until she has what she is owed; that is no failure of it."""
        await self._inbox.rows.again(row.id, self._store.now() + _OWED_PAUSE, trouble=_OWED)

    async def _sweep(self) -> None:
        self._worked += 1
        now = asyncio.get_running_loop().time()
        if self._worked % _SWEEP_EVERY == 0 or now >= self._sweep_at:
            self._sweep_at = now + _SWEEP_S
            await self._inbox.sweep()

    async def _picture(
        self, platform: Platform, heard: Heard, tries: int
    ) -> tuple[SealedPicture | None, Line | None]:
        """Return the picture, or what the shopper is told instead."""
        if not isinstance(platform, HasMedia) or heard.media is None:
            return None, Line(words.PICTURE_NOT_HERE)
        try:
            file = await asyncio.wait_for(platform.fetch(heard.media, heard.account), _PULL_S)
        except (SendError, asyncio.TimeoutError) as exc:
            refused = isinstance(exc, SendError) and exc.kind is SendKind.REFUSED
            if isinstance(exc, SendError) and exc.code == _TOO_LARGE:
                return None, Line(_UNFIT[_TOO_LARGE], _UNFIT_FACTS[_TOO_LARGE])
            if refused or tries + 1 >= MOST_PICTURE_TRIES:
                logger.warning("a picture could not be fetched: %s", exc)
                return None, Line(words.PICTURE_NOT_HERE)
            raise SendError(SendKind.AWAY, "picture") from exc

        def make() -> SealedPicture:
            made = fit(file)
            sha = hashlib.sha256(file).hexdigest()
            return self._pictures.sealed(
                made.body, kind=made.kind, sha=sha, width=made.width, height=made.height
            )

        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, make), None
        except UnfitPictureError as exc:
            return None, Line(_UNFIT.get(exc.why, words.NO_PICTURE), _UNFIT_FACTS.get(exc.why, {}))

    # -- hints ------------------------------------------------------------------------------------------

    async def _pull_missed(self) -> None:
        """Pull once where it was pulled before: a platform tells only for a short time that there is news."""
        try:
            for name, (platform, _) in self._platforms.items():
                known = await self._inbox.accounts(name) if isinstance(platform, PulledFrom) else ()
                await self._inbox.keep(name, [hint_item(Hint(account)) for account in known])
            self._pump.wake()
        except Exception:
            logger.exception("what was missed could not be asked for; the next hint brings it")

    async def _pull(self, row: Row, hint: Hint) -> None:
        platform, _ = self._platforms[row.channel]
        assert isinstance(platform, PulledFrom)  # noqa: S101  # nobody else gives hints
        cursor = await self._inbox.cursor(row.channel, hint.account)
        more = True
        while more:
            page = await asyncio.wait_for(platform.pull(hint, cursor), _PULL_S)
            more = page.more and page.cursor != cursor
            items = self._items(row.channel, page.heard)
            cursor = page.cursor
            await self._inbox.pulled(row, hint.account, items, cursor, more=more)
            self._pump.wake()

    def _items(self, channel: str, heard: Sequence[Heard]) -> list[Item]:
        return [to_item(self._vault, channel, one) for one in heard]


_TOO_LARGE = "too_large"
_UNFIT = {
    _TOO_LARGE: words.PICTURE_TOO_LARGE,
    "too_many_pixels": words.PICTURE_TOO_MANY_PIXELS,
    "kind": words.PICTURE_KIND,
    "heic": words.PICTURE_HEIC,
}
_UNFIT_FACTS: Mapping[str, Mapping[str, int]] = {
    _TOO_LARGE: {"megabytes": MOST_BYTES >> 20},
    "too_many_pixels": {"megapixels": 50},
}


def _saying(heard: Heard, picture: SealedPicture | None, line: Spoken | None) -> Saying:
    kind, key = heard.kind, f"{heard.account}/{heard.user}/{heard.message_id}"
    if kind is HeardKind.GONE:
        return Saying(key, over_at=heard.at)
    if kind in (HeardKind.UNSUBSCRIBE, HeardKind.SUBSCRIBE):
        return Saying(key, gone=kind is HeardKind.UNSUBSCRIBE, greets=kind is HeardKind.SUBSCRIBE)
    if picture is not None:
        return Saying(key, Incoming("", picture=picture))
    if line is not None:
        return Saying(key, reply=line)
    text = words_of(heard)[:LONGEST_TEXT]
    button = heard.data.get("button")
    chosen = button if isinstance(button, str) and button else None
    incoming = Incoming("", text=text or None, button=chosen) if text or chosen else None
    return Saying(key, incoming, at=heard.at)
