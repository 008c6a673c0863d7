"""A rating by number, on channels that draw no stars: what she types right after the question for one.

A figure is the rating only where the question is the last that stands in her conversation and has been
delivered to her on this channel: whatever came after it, of hers or ours, a figure may be about that. What
she writes after her rating goes to the bot like anything else: no comment is told from a new wish.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.engine import Connection, Row

from bot.conversation import rows
from bot.conversation.entry import Entry
from bot.conversation.errors import NothingToRateError, RatingSettledError
from bot.conversation.link_memory import own_id, prefix
from bot.conversation.links import Saying, Taken
from bot.conversation.rating_rows import Rating, read
from bot.conversation.ratings import put
from bot.conversation.schema import messages
from bot.conversation.types import Accepted, Audience, Author, Kind, OutReply, Owner, Pending, State
from bot.conversation.writing import Writing

_m = messages.c

#: So long after the question a figure still answers it.
ANSWERABLE = timedelta(days=3)
#: Up to this score she is asked what went wrong.
LOW = 2


@dataclass(frozen=True)
class RatingWords:
    """What she types and what is said to it.

    Attributes:
        score: returns the rating that a text is, 1 to 5, None for all other texts.
        thanks: returns the line that answers a score, in a style.
    """

    score: Callable[[str], int | None]
    thanks: Callable[[int, str], OutReply]


class TypedRating:
    """Takes ratings out of what is heard; one for all links.

    Args:
        writing: the parts of transactions of this process.
        words: see :class:`RatingWords`.
    """

    def __init__(self, writing: Writing, words: RatingWords) -> None:
        self._writing = writing
        self._words = words

    def __call__(self, connection: Connection, link: Row, saying: Saying) -> Taken | None:
        """Store the rating, her message and the thanks; None where it is a message like any other."""
        incoming = saying.incoming
        text = None if incoming is None or incoming.button is not None else incoming.text
        score = None if text is None else self._words.score(text)
        if score is None or link.conversation_id is None:
            return None
        # Asked before the conversation is locked, too: what is no rating takes its locks in the usual order.
        cid = str(link.conversation_id)
        row = connection.execute(rows.CONVERSATION, {"cid": cid}).first()
        if row is None or not self._answers(connection, link, row, saying.at):
            return None
        entry = Entry.of(connection, self._writing, cid)
        if entry is None or not self._answers(connection, link, entry.row, saying.at):
            return None
        known = read(connection, self._writing.vault, cid)
        try:  # rated on the page meanwhile: the rest of what she said there stays
            put(entry, Rating(score) if known is None else replace(known.rating, score=score))
        except (NothingToRateError, RatingSettledError):
            return None
        message_id = own_id(self._writing.vault, link.id, saying.key)
        seq = entry.next_seq
        message = Pending(message_id, seq, Kind.TEXT, {"text": text}, "", entry.now)
        entry.take(message, State.ANSWERED)
        entry.say(self._words.thanks(score, entry.style), in_reply_to=message_id)
        entry.set(last_at=entry.now)
        accepted = Accepted(seq, State.ANSWERED, entry.owner, entry.save(), style=entry.style)
        return Taken(cid, message_id, accepted)

    def _answers(self, connection: Connection, link: Row, row: Row, sent_at: datetime | None) -> bool:
        """Return whether a figure, typed at a moment, answers the question for a rating."""
        over = row.owner == Owner.CLOSED.value
        if not over and (row.owner != Owner.BOT.value or row.pending or row.form_open):
            return False
        last = connection.execute(
            select(_m.seq, _m.kind, _m.in_reply_to, _m.at)
            .where(
                _m.conversation_id == row.id,
                _m.kind != Kind.EVENT.value,
                _m.audience == Audience.ALL.value,
            )
            .order_by(_m.seq.desc())
            .limit(1)
        ).first()
        if last is None or last.kind != Kind.RATING.value or last.seq > link.delivered_seq:
            return False
        # Platforms tell whole seconds. What waited to be heard while the question was asked answers it not.
        if sent_at is not None and sent_at < last.at.replace(microsecond=0):
            return False
        return self._writing.now() - last.at <= ANSWERABLE and self._asked_here(connection, link, row.id)

    def _asked_here(self, connection: Connection, link: Row, conversation_id: str) -> bool:
        """Return whether the question went to this link: it goes to where she wrote last before it."""
        hers = connection.execute(
            select(_m.channel_message_id)
            .where(_m.conversation_id == conversation_id, _m.author == Author.SHOPPER.value)
            .order_by(_m.seq.desc())
            .limit(1)
        ).scalar()
        return hers is not None and hers.startswith(prefix(link.id))
