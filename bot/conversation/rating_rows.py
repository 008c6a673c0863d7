"""A shopper's rating of a conversation, as it is kept and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.engine import Connection, Row

from bot.conversation.events_schema import conversation_ratings
from persona.privacy.vault import Vault

_r = conversation_ratings.c

#: The dimensions that may be rated beside the whole.
DIMENSIONS = ("product", "service", "experience", "emotion", "social")
LOWEST, HIGHEST = 1, 5
#: From this score on a shopper counts as satisfied, in the usual way of counting.
SATISFIED = 4
#: How long a rating may be changed.
CHANGEABLE = timedelta(hours=24)


@dataclass(frozen=True)
class Rating:
    """What a shopper says of a conversation; `comment` is personal.

    Attributes:
        score: 1 to 5.
        dimensions: of :data:`DIMENSIONS`, those that she rated.
    """

    score: int
    dimensions: Mapping[str, int] = field(default_factory=dict)
    comment: str | None = None


@dataclass(frozen=True)
class Rated:
    """A stored rating."""

    rating: Rating
    at: datetime
    changeable_until: datetime


def read(connection: Connection, vault: Vault, conversation_id: str) -> Rated | None:
    """Return the rating of a conversation, opened; None where there is none."""
    query = select(conversation_ratings).where(_r.conversation_id == conversation_id)
    row: Row | None = connection.execute(query).first()
    if row is None:
        return None
    comment = None if row.comment is None else vault.open(row.comment, comment_context(conversation_id))
    given = {name: getattr(row, name) for name in DIMENSIONS}
    dimensions = {name: value for name, value in given.items() if value is not None}
    return Rated(Rating(row.score, dimensions, comment), row.at, row.first_at + CHANGEABLE)


def comment_context(conversation_id: str) -> str:
    """Return what binds a sealed comment to its rating."""
    return f"conversation_ratings.comment/{conversation_id}"


@dataclass(frozen=True)
class RatingFigures:
    """The ratings of a time.

    Attributes:
        count: so many conversations were rated.
        satisfied: of these, those with a score of :data:`SATISFIED` or more.
        mean: of the scores, None without any.
        dimensions: mean of each dimension that was rated.
    """

    count: int = 0
    satisfied: int = 0
    mean: float | None = None
    dimensions: Mapping[str, float] = field(default_factory=dict)

    @property
    def share(self) -> float | None:
        """The share of satisfied shoppers (CSAT), None without any rating."""
        return self.satisfied / self.count if self.count else None


def figures(connection: Connection, start: datetime, end: datetime) -> RatingFigures:
    """Return the figures of what was first rated from `start` up to, not including, `end`."""
    found = connection.execute(
        select(conversation_ratings).where(_r.first_at >= start, _r.first_at < end)
    ).all()
    if not found:
        return RatingFigures()
    given = {name: [getattr(row, name) for row in found if getattr(row, name)] for name in DIMENSIONS}
    return RatingFigures(
        count=len(found),
        satisfied=sum(row.score >= SATISFIED for row in found),
        mean=sum(row.score for row in found) / len(found),
        dimensions={name: sum(scores) / len(scores) for name, scores in given.items() if scores},
    )
