"""How a shopper rates a conversation: once, changed for a day, sealed where it is in her words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from bot.conversation import rows
from bot.conversation.database import Database
from bot.conversation.entry import Entry
from bot.conversation.errors import NothingToRateError, RatingSettledError
from bot.conversation.events_schema import conversation_ratings
from bot.conversation.keys import check_secret, locked
from bot.conversation.outbox import Happening
from bot.conversation.rating_rows import CHANGEABLE, DIMENSIONS, Rated, Rating, comment_context, read
from bot.conversation.schema import messages
from bot.conversation.types import Audience, Author, Kind
from bot.conversation.writing import Writing

_m, _r = messages.c, conversation_ratings.c


class Ratings:
    """Stores ratings.

    Args:
        database: the record.
        writing: the parts of transactions of this process.
        after: told of each conversation that was rated.
    """

    def __init__(self, database: Database, writing: Writing, after: Callable[[str, Any], None]) -> None:
        self._database = database
        self._writing = writing
        self._after = after

    async def look(self, conversation_id: str, secret: str) -> Rated | None:
        """Return the rating, None where there is none yet.

        Raises:
            AccessDeniedError: unknown conversation or wrong secret.
        """

        def work(connection: Connection) -> Rated | None:
            found = connection.execute(rows.CONVERSATION, {"cid": conversation_id}).first()
            row = check_secret(connection, found, secret)
            return read(connection, self._writing.vault, row.id)

        return await self._database.read(work)

    async def rate(self, conversation_id: str, secret: str, rating: Rating) -> Rated:
        """Store a rating, or change it; the same one again changes nothing.

        Raises:
            AccessDeniedError: unknown conversation or wrong secret.
            NothingToRateError: nothing was answered there yet.
            RatingSettledError: it was rated more than a day ago.
        """

        def work(connection: Connection) -> tuple[Rated, bool, Any]:
            row = locked(connection, conversation_id, secret)
            entry = Entry(connection, self._writing, row, self._writing.now())
            rated, changed = put(entry, rating)
            return rated, changed, entry.save() if changed else None

        rated, changed, turn = await self._database.write(work)
        await self._database.flush()
        if changed:
            self._after(conversation_id, turn)
        return rated


def put(entry: Entry, rating: Rating) -> tuple[Rated, bool]:
    """Store a rating in the caller's transaction; return it, and whether anything was changed.

    Raises:
        NothingToRateError: nothing was answered there yet.
        RatingSettledError: it was rated more than a day ago.
    """
    known = read(entry.connection, entry.writing.vault, entry.cid)
    if known is not None and known.rating == rating:
        return known, False
    if known is not None and entry.now > known.changeable_until:
        raise RatingSettledError
    if known is None and not _answered(entry):
        raise NothingToRateError
    sealed = None
    if rating.comment is not None:
        sealed = entry.writing.vault.seal(rating.comment, comment_context(entry.cid))
    values: dict[str, Any] = {
        "score": rating.score,
        "comment": sealed,
        "at": entry.now,
        **{name: rating.dimensions.get(name) for name in DIMENSIONS},
    }
    if known is None:
        entry.connection.execute(
            conversation_ratings.insert().values(conversation_id=entry.cid, first_at=entry.now, **values)
        )
    else:
        entry.connection.execute(
            conversation_ratings.update().where(_r.conversation_id == entry.cid).values(**values)
        )
    entry.tell_others(
        Happening.RATED,
        score=rating.score,
        dimensions=dict(rating.dimensions),
        commented=rating.comment is not None,
        changed=known is not None,
    )
    until = entry.now + CHANGEABLE if known is None else known.changeable_until
    return Rated(rating, entry.now, until), True


def _answered(entry: Entry) -> bool:
    """Return whether somebody has answered a message of the shopper: the greeting alone is no answer."""
    asked = (
        select(func.min(_m.seq))
        .where(_m.conversation_id == entry.cid, _m.author == Author.SHOPPER.value)
        .scalar_subquery()
    )
    answer = select(_m.seq).where(
        _m.conversation_id == entry.cid,
        _m.author.in_([Author.BOT.value, Author.AGENT.value]),
        _m.audience == Audience.ALL.value,
        _m.kind != Kind.EVENT.value,
        _m.seq > asked,
    )
    return entry.connection.execute(answer.limit(1)).first() is not None
