"""The shop's record becomes a prior; without record, identity or shop there is none, and nothing is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from actions.history import ReadHistory, prior_belief, to_history, with_earlier
from actions.shop.errors import ShopUnavailableError
from actions.shop.models import CustomerHistory
from actions.shop.sql import SqlShop
from persona.temperament.reader import Reader
from persona.temperament.types import TYPES, Belief, History
from tests.support.stage import Stage, broken


def likeliest(belief: Belief) -> str:
    return TYPES[max(range(4), key=lambda i: belief.prior[i])].value


async def test_the_prior_follows_how_the_demo_people_shop(shop: SqlShop) -> None:
    right = 0
    people = {"power": range(1, 6), "perfect": range(6, 11), "peace": range(11, 16), "lively": range(16, 21)}
    for expected, numbers in people.items():
        for number in numbers:
            scene = await Stage(shop, f"u10{number:02}").play(ReadHistory())
            assert scene.messages == []
            right += likeliest(Belief.from_json(scene.slots["prior"])) == expected
    assert right >= 16  # of 20


@pytest.mark.slow
async def test_it_is_what_the_reader_would_say(shop: SqlShop) -> None:
    for customer in ("u1003", "u1006", "u1021"):
        history = to_history(await shop.history(customer))
        assert prior_belief(history) == Reader.load().prior(history)[0]


async def test_a_new_customer_has_an_even_prior(shop: SqlShop) -> None:
    scene = await Stage(shop, "u1021").play(ReadHistory())
    prior = scene.slots["prior"]["prior"]
    assert max(prior) - min(prior) < 1e-6
    assert scene.slots["prior"]["served"] is None


async def test_figures_are_counted_from_the_record(shop: SqlShop) -> None:
    record = await shop.history("u1003")
    history = to_history(record)
    assert history.orders == len(record.orders)
    assert history.express_share == sum(o.express for o in record.orders) / len(record.orders)
    assert history.urges == record.urges
    assert to_history(CustomerHistory("nobody")) == History()


async def test_reviews_are_measured(shop: SqlShop) -> None:
    record = next(h for h in [await shop.history(f"u10{n:02}") for n in range(1, 21)] if h.reviews)
    review = replace(record.reviews[0], text="续航 36 小时，重 4.6 克，太喜欢了😄😄", pictures=3, stars=5)
    history = to_history(CustomerHistory("x", reviews=(review,)))
    assert (history.reviews, history.review_figures, history.review_emoji) == (1, 2.0, 2.0)
    assert (history.review_pictures, history.review_stars) == (3.0, 5.0)


@pytest.mark.parametrize("case", ["anonymous", "expired", "down", "off"])
async def test_without_proof_shop_or_leave_there_is_no_prior(shop: SqlShop, case: str) -> None:
    stage = Stage(shop, None if case == "anonymous" else "u1006")
    if case == "expired":
        stage.lifetime_s = -60
    if case == "off":
        stage.slots["personalisation"] = False
    if case == "down":
        with broken(shop, "history", ShopUnavailableError("down")):
            scene = await stage.play(ReadHistory())
    else:
        scene = await stage.play(ReadHistory())
    assert scene.slots == {"prior": None}
    assert scene.messages == []


async def test_what_was_believed_before_joins_the_record_and_fades(shop: SqlShop) -> None:
    clear = Belief(prior=(-1.386,) * 4, evidence=(6.0, 0.0, 0.0, 0.0), turns=4)
    now = await shop.now()
    leads = []
    for days in (1, 300):
        earlier = {"belief": clear.to_json(), "at": (now - timedelta(days=days)).isoformat()}
        scene = await Stage(shop, "u1021", metadata={"earlier": earlier}).play(ReadHistory())
        prior = Belief.from_json(scene.slots["prior"]).prior
        leads.append(prior[0] - max(prior[1:]))
    assert leads[0] > leads[1] > 0


def test_what_the_orders_tell_is_not_counted_twice() -> None:
    now = datetime.fromisoformat("2026-11-21T12:00:00+08:00")
    only_orders = Belief(prior=(-0.1, -3.0, -3.0, -3.0))
    history = with_earlier(History(orders=5), {"belief": only_orders.to_json(), "at": now.isoformat()}, now)
    assert prior_belief(history).prior == prior_belief(History(orders=5)).prior


@pytest.mark.parametrize(
    "earlier", [None, "x", {}, {"belief": {}, "at": "now"}, {"belief": {"prior": [1]}, "at": "2026-11-21"}]
)
def test_a_malformed_earlier_belief_adds_nothing(earlier: object) -> None:
    now = datetime.fromisoformat("2026-11-21T12:00:00+08:00")
    assert with_earlier(History(orders=5), earlier, now) == History(orders=5)


def corrected(label: str, now: datetime, days: float) -> dict[str, str]:
    return {"corrected": label, "corrected_at": (now - timedelta(days=days)).isoformat()}


@pytest.mark.parametrize("believed", [False, True])
async def test_what_a_person_said_of_her_leads_the_prior_with_and_without_a_belief(
    shop: SqlShop, believed: bool
) -> None:
    now = await shop.now()
    power = Belief(prior=(-1.386,) * 4, evidence=(6.0, 0.0, 0.0, 0.0), turns=4)
    known = {"belief": power.to_json(), "at": now.isoformat()} if believed else {}
    for customer in ("u1001", "u1021"):  # a decided shopper, and one of whom nothing is known
        earlier = {**known, **corrected("peace", now, 30)}
        scene = await Stage(shop, customer, metadata={"earlier": earlier}).play(ReadHistory())
        assert likeliest(Belief.from_json(scene.slots["prior"])) == "peace"


def test_a_correction_fades_and_none_evens_out() -> None:
    now = datetime.fromisoformat("2026-11-21T12:00:00+08:00")
    history = History(orders=12, express_share=1.0, urges=5)

    def lead(label: str, days: float) -> float:
        prior = prior_belief(with_earlier(history, corrected(label, now, days), now)).prior
        return prior[0] - prior[2]

    without = prior_belief(history).prior[0] - prior_belief(history).prior[2]
    assert lead("peace", 1) < lead("peace", 700) < without
    assert 0 < lead("none", 1) < 0.2 * without
    assert with_earlier(history, corrected("lively", now, -2), now).correction_age_days == 0.0


def test_a_correction_is_not_counted_twice() -> None:
    now = datetime.fromisoformat("2026-11-21T12:00:00+08:00")
    untouched = Belief(prior=(-1.386294,) * 4, corrected=(0.0, 0.0, 12.0, 0.0), turns=1)
    said = corrected("peace", now, 400)
    both = {"belief": untouched.to_json(), "at": now.isoformat(), **said}
    told = with_earlier(History(), both, now).belief
    assert told is not None and max(told.values()) - min(told.values()) < 0.2
    alone = with_earlier(History(), {"belief": untouched.to_json(), "at": now.isoformat()}, now).belief
    assert alone is not None and alone["peace"] > 0.9  # the record of it is gone: the belief still knows


@pytest.mark.parametrize(
    "wrong",
    [
        {"corrected": "hothead", "corrected_at": "2026-11-20T12:00:00+08:00"},
        {"corrected": ["peace"], "corrected_at": "2026-11-20T12:00:00+08:00"},
        {"corrected": "peace"},
        {"corrected": "peace", "corrected_at": 5},
        {"corrected": "peace", "corrected_at": "2026-11-20T12:00:00"},
    ],
)
def test_a_malformed_correction_spoils_no_belief(wrong: dict[str, object]) -> None:
    now = datetime.fromisoformat("2026-11-21T12:00:00+08:00")
    belief = Belief(prior=(-1.386,) * 4, evidence=(6.0, 0.0, 0.0, 0.0), turns=4)
    known = {"belief": belief.to_json(), "at": now.isoformat()}
    assert with_earlier(History(), {**known, **wrong}, now) == with_earlier(History(), known, now)
    good = corrected("peace", now, 1)
    assert with_earlier(History(), {**good, "belief": {}}, now) == with_earlier(History(), good, now)
