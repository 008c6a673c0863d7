"""By when people answer: the service hours applied to the time of day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from actions.shop.gateway import ShopGateway
from actions.shop.models import ServiceHours


@dataclass(frozen=True)
class AnswerTime:
    """When an answer follows.

    Attributes:
        answer_by: latest moment of the promised answer.
        open_now: whether people are there now.
        hours: the service hours.
    """

    answer_by: datetime
    open_now: bool
    hours: ServiceHours

    def facts(self) -> dict[str, Any]:
        """Return the facts of a response: the moment, and outside the hours the hours too."""
        facts: dict[str, Any] = {"answer_by": self.answer_by}
        if not self.open_now:
            facts |= {"opens": self.hours.opens, "closes": self.hours.closes}
        return facts


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


async def next_answer(shop: ShopGateway) -> AnswerTime:
    """Return by when somebody answers who asks now, by the shop's clock and hours."""
    return answer_time(await shop.service_hours(), await shop.now())
