"""By when people answer: the service hours applied to the time of day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from actions.shop.models import ServiceHours

if TYPE_CHECKING:  # the front reckons with the hours too, and runs no actions
    from actions.base import TurnContext


@dataclass(frozen=True)
class AnswerTime:
    """When an answer follows.

    Attributes:
        answer_by: latest moment of the promised answer.
        open_now: within the service hours.
        hours: the service hours.
        people_there: whether an agent is at the desk.
    """

    answer_by: datetime
    open_now: bool
    hours: ServiceHours
    people_there: bool = True

    @property
    def live(self) -> bool:
        """Whether a person can take over now; else a wish for one is recorded."""
        return self.open_now and self.people_there

    def facts(self) -> dict[str, Any]:
        """Return the facts of a response: the moment, and outside the hours the hours too."""
        facts: dict[str, Any] = {"answer_by": self.answer_by}
        if not self.open_now:
            facts |= {"opens": self.hours.opens, "closes": self.hours.closes}
        return facts

    def absence(self) -> dict[str, Any]:
        """Return the fact that nobody is at the desk although the hours say so, where that is the case."""
        return {"nobody": True} if self.open_now and not self.people_there else {}


def answer_time(hours: ServiceHours, now: datetime) -> AnswerTime:
    """Return by when somebody answers who asks at `now` (aware, the shop's time zone).

    Outside the hours the wait starts when people come back. A question that comes so late that the wait would
    pass closing time counts as asked at the next opening. Hours may cross midnight (18:00 to 02:00).
    """
    opens, closes = time.fromisoformat(hours.opens), time.fromisoformat(hours.closes)
    wait = timedelta(minutes=hours.answer_minutes)
    if opens == closes:  # around the clock
        return AnswerTime(now + wait, True, hours)
    for days in (-1, 0, 1, 2):
        start = datetime.combine(now.date() + timedelta(days=days), opens, tzinfo=now.tzinfo)
        end = datetime.combine(start.date() + timedelta(days=closes < opens), closes, tzinfo=now.tzinfo)
        if now < start:
            return AnswerTime(start + wait, False, hours)
        if now < end and now + wait <= end:
            return AnswerTime(now + wait, True, hours)
    raise AssertionError("one of three days opens after now")


async def next_answer(turn: TurnContext) -> AnswerTime:
    """Return by when somebody answers who asks now: the shop's clock and hours, and who is at the desk."""
    when = answer_time(await turn.shop.service_hours(), await turn.shop.now())
    return replace(when, people_there=turn.people_there)
