"""The dress of the page: it follows a firm belief or a person's word, and stays while belief is between."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bot.conversation.dress import FIRM, LET_GO, dressed, figures
from persona.temperament.belief import probabilities
from persona.temperament.correction import corrected
from persona.temperament.types import TYPES, Belief, Temperament

EVEN = Belief(prior=(math.log(0.25),) * 4)
PERFECT = TYPES.index(Temperament.PERFECT)


def leaning(p: float, served: Temperament | None = Temperament.PERFECT) -> Belief:
    """A belief in which perfect is just so probable."""
    low, high = -10.0, 30.0
    for _ in range(80):
        middle = (low + high) / 2
        belief = replace(EVEN, evidence=(0.0, middle, 0.0, 0.0), served=served)
        low, high = (middle, high) if probabilities(belief, figures())[PERFECT] < p else (low, middle)
    return replace(EVEN, evidence=(0.0, high, 0.0, 0.0), served=served)


@pytest.mark.parametrize(
    ("former", "p", "then"),
    [
        ("neutral", FIRM - 0.01, "neutral"),
        ("neutral", FIRM + 0.001, "perfect"),
        ("perfect", FIRM - 0.2, "perfect"),
        ("perfect", LET_GO + 0.001, "perfect"),
        ("perfect", LET_GO - 0.01, "neutral"),
        ("power", FIRM + 0.001, "perfect"),
        ("power", FIRM - 0.01, "neutral"),  # power is at most one in five then
    ],
)
def test_it_changes_where_the_belief_is_firm_and_stays_while_it_is_between(
    former: str, p: float, then: str
) -> None:
    assert dressed(former, leaning(p).to_json()) == then


def test_what_is_not_served_is_not_put_on_however_probable() -> None:
    assert dressed("neutral", leaning(0.95, served=None).to_json()) == "neutral"
    assert dressed("perfect", leaning(0.95, served=None).to_json()) == "perfect"


@pytest.mark.parametrize("by", ["agent", "shopper"])
@pytest.mark.parametrize("label", ["power", "perfect", "peace", "lively"])
def test_a_persons_word_is_put_on_at_once(label: str, by: str) -> None:
    assert dressed("neutral", corrected(leaning(0.99), label, by).to_json()) == label


def test_none_takes_it_off_and_so_does_an_end_of_personalisation() -> None:
    assert dressed("perfect", corrected(leaning(0.99), "none", "shopper").to_json()) == "neutral"
    assert dressed("perfect", None) == "neutral"


def test_a_word_of_an_earlier_conversation_counts_where_it_is_served() -> None:
    between = leaning(0.7).to_json()
    assert dressed("neutral", between, said="perfect") == "perfect"
    assert dressed("neutral", between, said="peace") == "neutral"
    assert dressed("neutral", between, said="none") == "neutral"


def test_a_word_that_was_overruled_dresses_nobody() -> None:
    word = corrected(EVEN, "peace", "shopper")
    overruled = replace(word, evidence=(0.0, 40.0, 0.0, 0.0), served=Temperament.PERFECT)
    assert dressed("peace", overruled.to_json()) == "perfect"
