"""What the record says of a bench's messages on channels: what is left to do, what was answered how often."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.engine import Connection, Engine

from bot.conversation.channel_schema import channel_inbox, channel_links
from bot.conversation.database import make_engine
from bot.conversation.events_schema import WAITING
from bot.conversation.schema import conversations, messages
from bot.conversation.types import Audience, Author, Kind, Owner, State

_i, _l, _c, _m = channel_inbox.c, channel_links.c, conversations.c, messages.c


@dataclass(frozen=True)
class Left:
    """What is still to be done: messages of the inbox, without answer, and shoppers with undelivered ones."""

    inbox: int
    unanswered: int
    undelivered: int

    @property
    def nothing(self) -> bool:
        """Return whether all is done."""
        return not (self.inbox or self.unanswered or self.undelivered)


@dataclass(frozen=True)
class Stored:
    """What is in the record at the end.

    Attributes:
        messages: of shoppers.
        once: of these, how many were answered by one turn of the bot.
        never: by none.
        twice: by more than one.
        replies: what shoppers were told, in all.
        notices: of these, lines of the front (the privacy notice, that it is still looking, an apology).
        handed_over: conversations that the bot does not lead any more.
    """

    messages: int
    once: int
    never: int
    twice: int
    replies: int
    notices: int
    handed_over: int


class Record:
    """The record of the bench's own stack, read from beside.

    Args:
        url: of the record.
        channel: the channel's name.
    """

    def __init__(self, url: str, channel: str) -> None:
        self._engine: Engine = make_engine(url)
        self._channel = channel

    def close(self) -> None:
        """Let go of it."""
        self._engine.dispose()

    def left(self) -> Left:
        """Return what is still to be done."""
        with self._engine.begin() as connection:

            def count(query: object) -> int:
                return int(connection.execute(query).scalar_one())  # type: ignore[arg-type]

            return Left(
                inbox=count(select(func.count()).where(_i.channel == self._channel, _i.state == WAITING)),
                unanswered=count(select(func.count()).where(*_hers(), _m.state == State.ACCEPTED.value)),
                undelivered=count(
                    select(func.count())
                    .select_from(channel_links.join(conversations, _c.id == _l.conversation_id))
                    .where(_l.channel == self._channel, _c.next_seq - 1 > _l.delivered_seq)
                ),
            )

    def stored(self) -> Stored:
        """Return what was answered how often: the replies of one turn bear one moment."""
        with self._engine.begin() as connection:
            turns = self._turns(connection)
            hers = connection.execute(select(_m.conversation_id, _m.channel_message_id).where(*_hers())).all()
            told = connection.execute(
                select(_m.author, func.count())
                .where(
                    _m.author != Author.SHOPPER.value,
                    _m.kind != Kind.EVENT.value,
                    _m.audience == Audience.ALL.value,
                )
                .group_by(_m.author)
            ).all()
            handed = connection.execute(
                select(func.count()).select_from(conversations).where(_c.owner != Owner.BOT.value)
            ).scalar_one()
        answers = Counter(turns[row.conversation_id, row.channel_message_id] for row in hers)
        replies = {str(row[0]): int(row[1]) for row in told}
        return Stored(
            messages=len(hers),
            once=answers[1],
            never=answers[0],
            twice=sum(count for times, count in answers.items() if times > 1),
            replies=sum(replies.values()),
            notices=replies.get(Author.SYSTEM.value, 0),
            handed_over=handed,
        )

    def _turns(self, connection: Connection) -> Counter[tuple[str, str]]:
        found = connection.execute(
            select(_m.conversation_id, _m.in_reply_to, _m.at)
            .where(_m.author == Author.BOT.value, _m.in_reply_to.is_not(None))
            .distinct()
        ).all()
        return Counter((row.conversation_id, row.in_reply_to) for row in found)


def _hers() -> tuple[object, ...]:
    return _m.author == Author.SHOPPER.value, _m.kind != Kind.EVENT.value
