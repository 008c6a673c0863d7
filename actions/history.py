"""The shop's record of a customer becomes the prior of her temperament, once her identity is known."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

from rasa_sdk.events import SlotSet
from typing_extensions import override

from actions.base import Events, ShopAction, TurnContext
from actions.shop.models import Browse, CustomerHistory, Order
from persona.temperament import belief as beliefs
from persona.temperament.calibration import Calibration
from persona.temperament.correction import LABELS
from persona.temperament.history import prior_of
from persona.temperament.types import TYPES, Belief, History

logger = logging.getLogger(__name__)

_DATA = Path(__file__).resolve().parents[1] / "nlu_data" / "temperament"
_UNIT = "厘米|毫米|毫升|千克|公斤|小时|分钟|分贝|[a-zA-Z%°℃元天次斤克米度瓦升个年月]"
_FIGURE = re.compile(rf"\d+(?:\.\d+)?\s*(?:{_UNIT})")
_EMOJI = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")
#: Browsing longer ago than this before an order is another story.
_BEFORE_BUYING = timedelta(days=3)


def to_history(record: CustomerHistory) -> History:
    """Return the record in the form that the prior is read from; shares are of the record's orders."""
    orders, reviews, browses = record.orders, record.reviews, record.browses
    texts = [review.text for review in reviews]
    return History(
        orders=len(orders),
        express_share=_share(sum(order.express for order in orders), len(orders)),
        new_arrival_share=_share(record.new_arrival_orders, len(orders)),
        same_brand_share=_share(record.same_brand_orders, len(orders)),
        custom_share=_share(
            sum(any(item.engraving for item in order.items) for order in orders), len(orders)
        ),
        coupon_share=_share(sum(order.discount > 0 for order in orders), len(orders)),
        minutes_to_buy=_minutes_to_buy(orders, browses),
        returns=len(record.after_sales),
        return_reasons=dict(Counter(request.reason for request in record.after_sales)),
        reviews=len(reviews),
        review_chars=_mean([len(text) for text in texts]),
        review_figures=_mean([len(_FIGURE.findall(text)) for text in texts]),
        review_emoji=_mean([len(_EMOJI.findall(text)) for text in texts]),
        review_pictures=_mean([review.pictures for review in reviews]),
        review_stars=_mean([review.stars for review in reviews]) if reviews else None,
        browses=len(browses),
        detail_share=_share(sum(browse.detail_opened for browse in browses), len(browses)),
        compare_share=_share(sum(browse.compared for browse in browses), len(browses)),
        urges=record.urges,
    )


def _share(part: int, whole: int) -> float:
    return min(part / whole, 1.0) if whole else 0.0


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values) if values else 0.0


def _minutes_to_buy(orders: Sequence[Order], browses: Sequence[Browse]) -> float | None:
    """Return the median minutes spent on pages of what was then ordered; None where nothing was browsed."""
    minutes = []
    for order in orders:
        bought = {item.product_id for item in order.items}
        seconds = sum(
            browse.seconds
            for browse in browses
            if browse.product_id in bought
            and order.placed_at - _BEFORE_BUYING <= browse.at <= order.placed_at
        )
        if seconds:
            minutes.append(seconds / 60)
    return median(minutes) if minutes else None


@lru_cache(maxsize=1)
def _calibration() -> Calibration:
    return Calibration.load(_DATA / "calibration.yml")


def prior_belief(history: History) -> Belief:
    """Return the belief that a history alone gives.

    The same as ``Reader.prior``, without loading what the reading of words needs: spaCy and the lexicon would
    cost the action server seconds and 160 MB.
    """
    figures = _calibration()
    logs, _ = prior_of(history, figures.bound)
    start = Belief(prior=beliefs.normalised(logs))
    return replace(start, served=beliefs.served(start, figures.belief))


def with_earlier(history: History, earlier: object, now: datetime) -> History:
    """Return the history with what earlier conversations had led to believe, and what a person said of it.

    Args:
        history: what the shop's record tells.
        earlier: the front's ``{"belief": Belief JSON, "at": ISO time, "corrected": label, "corrected_at": ISO
            time}``; each pair may be missing. Anything else adds nothing.
        now: the shop's time, for the ages.
    """
    if not isinstance(earlier, Mapping):
        return history
    if earlier.get("corrected") is not None:
        history = _with_correction(history, earlier, now)
    if earlier.get("belief") is not None:
        history = _with_belief(history, earlier, now)
    return history


def _with_correction(history: History, earlier: Mapping[str, Any], now: datetime) -> History:
    try:
        label, age = earlier["corrected"], _days(earlier["corrected_at"], now)
        if label not in LABELS:
            raise ValueError(label)
    except (KeyError, TypeError, ValueError):
        logger.warning("the correction of an earlier conversation is malformed and was left out")
        return history
    return replace(history, corrected=label, correction_age_days=age)


def _with_belief(history: History, earlier: Mapping[str, Any], now: datetime) -> History:
    try:
        belief = Belief.from_json(earlier["belief"])
        age = _days(earlier["at"], now)
    except (KeyError, TypeError, ValueError):
        logger.warning("the belief of earlier conversations is malformed and was left out")
        return history
    # Only what she said then: what her orders tell is counted anew, and must not count twice. The same holds
    # for a correction, which would fade with the belief otherwise.
    said = replace(belief, prior=beliefs.normalised((0.0, 0.0, 0.0, 0.0)))
    if history.corrected is not None:
        said = replace(said, corrected=())
    chances = beliefs.probabilities(said, _calibration().belief)
    stored = {kind.value: chance for kind, chance in zip(TYPES, chances, strict=True)}
    return replace(history, belief=stored, belief_age_days=age)


def _days(at: Any, now: datetime) -> float:
    """Return the days since an ISO time, 0 at least; TypeError or ValueError where it is none."""
    return max((now - datetime.fromisoformat(at)).total_seconds() / 86_400, 0.0)


class ReadHistory(ShopAction):
    """Sets slot `prior` (JSON of a Belief) and says nothing. None: the front asks again."""

    @override
    def name(self) -> str:
        return "action_read_history"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        if turn.identity.customer_id is None or turn.slot("personalisation") is False:
            return [SlotSet("prior", None)]
        record = await turn.shop.history(turn.identity.customer_id)
        earlier = (turn.message.get("metadata") or {}).get("earlier")
        history = with_earlier(to_history(record), earlier, await turn.shop.now())
        return [SlotSet("prior", prior_belief(history).to_json())]

    @override
    def unavailable(self, turn: TurnContext) -> Events:
        return [SlotSet("prior", None)]

    @override
    def not_found(self, turn: TurnContext) -> Events:
        return [SlotSet("prior", None)]

    @override
    def failed(self, turn: TurnContext) -> Events:
        return [SlotSet("prior", None)]
