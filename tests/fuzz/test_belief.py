"""The belief stays a belief, whatever it is fed; who is handed over and who comes first follows the rules."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from bot.conversation.desk_types import Reason, Wish
from bot.conversation.escalation import Rules, Said, Situation, decide, expected_minutes, place
from bot.conversation.types import Trouble
from persona.temperament.belief import discounted, normalised, probabilities, updated
from persona.temperament.calibration import Calibration
from persona.temperament.classifier import Tone
from persona.temperament.reader import DATA_ROOT
from persona.temperament.types import TYPES, Belief, Evidence
from tests.fuzz.pace import pace

FIGURES = Calibration.load(DATA_ROOT / "temperament/calibration.yml").belief
#: Beyond a few thousand nats the sums of floats are no longer 1 to six places.
WILD = st.one_of(st.floats(-5000, 5000), st.sampled_from([float("nan"), float("inf"), float("-inf")]))
TAME = st.floats(-60, 60)
FOUR = st.tuples(TAME, TAME, TAME, TAME)
EVIDENCE = st.lists(
    st.builds(
        Evidence,
        cue=st.sampled_from(["lexicon:direct", "lexicon:thanks", "style:exclaim", "classifier"]),
        text=st.just("x"),
        start=st.just(0),
        end=st.just(1),
        type=st.sampled_from(TYPES),
        weight=st.floats(-40, 40),
    ),
    max_size=8,
)
BELIEFS = st.builds(
    Belief,
    prior=FOUR.map(normalised),
    evidence=FOUR,
    turns=st.integers(0, 500),
    served=st.one_of(st.none(), st.sampled_from(TYPES)),
    corrected=st.one_of(st.just(()), FOUR),
)


def check(belief: Belief) -> tuple[float, ...]:
    chances = probabilities(belief, FIGURES)
    assert math.isclose(sum(chances), 1, abs_tol=1e-9)
    assert all(math.isfinite(p) and 0 <= p <= 1 for p in chances)
    again = Belief.from_json(json.loads(json.dumps(belief.to_json(), allow_nan=False)))
    assert again.served == belief.served and again.turns == belief.turns
    near = probabilities(again, FIGURES)
    assert all(math.isclose(a, b, abs_tol=1e-3) for a, b in zip(chances, near, strict=True))
    return chances


@pace(150)
@given(belief=BELIEFS, evidence=EVIDENCE)
def test_a_message_moves_the_belief_by_no_more_than_its_cap(belief: Belief, evidence: list[Evidence]) -> None:
    check(belief)
    after = updated(belief, evidence, Tone(), FIGURES)
    check(after)
    assert after.turns == belief.turns + 1 and after.prior == belief.prior
    for old, new in zip(belief.evidence, after.evidence, strict=True):
        assert abs(new - FIGURES.forget * old) <= FIGURES.cap + 1e-9


@pace(100)
@given(belief=BELIEFS, evidence=EVIDENCE, seed=st.randoms(use_true_random=False))
def test_the_order_of_cues_within_a_message_says_nothing(
    belief: Belief, evidence: list[Evidence], seed: object
) -> None:
    mixed = list(evidence)
    seed.shuffle(mixed)  # type: ignore[attr-defined]
    one, other = (updated(belief, e, Tone(), FIGURES) for e in (evidence, mixed))
    assert all(math.isclose(a, b, abs_tol=1e-9) for a, b in zip(one.evidence, other.evidence, strict=True))
    assert one.cued == other.cued


@pace(100)
@given(belief=BELIEFS, silent=st.integers(1, 30))
def test_messages_that_say_nothing_only_fade(belief: Belief, silent: int) -> None:
    now = belief
    for _ in range(silent):
        now = updated(now, (), Tone(), FIGURES)
        check(now)
    faded = FIGURES.forget**silent
    assert all(
        math.isclose(n, o * faded, abs_tol=1e-9) for n, o in zip(now.evidence, belief.evidence, strict=True)
    )
    assert now.cued == belief.cued


@pace(100)
@given(belief=BELIEFS, evidence=EVIDENCE)
def test_what_is_repeated_counts_less(belief: Belief, evidence: list[Evidence]) -> None:
    cues = [e for e in evidence if e.cue.startswith("lexicon:")]
    once = updated(belief, cues, Tone(), FIGURES)
    for first, again in zip(
        discounted(cues, (), belief, 0.5),
        discounted(cues, (), replace(once, turns=belief.turns), 0.5),
        strict=True,
    ):
        assert abs(again.weight) <= abs(first.weight) + 1e-12


@pace(100)
@given(prior=st.tuples(WILD, WILD, WILD, WILD))
def test_figures_that_are_none_do_no_harm(prior: tuple[float, float, float, float]) -> None:
    logs = normalised(prior)
    assert all(math.isfinite(x) for x in logs) and math.isclose(sum(map(math.exp, logs)), 1, abs_tol=1e-5)


WILDER = st.recursive(
    st.one_of(st.none(), st.booleans(), WILD, st.text(max_size=5), st.integers()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=5), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@pace(150)
@given(
    st.dictionaries(
        st.sampled_from(["prior", "evidence", "turns", "served", "seen", "cued", "tone", "corrected"]), WILDER
    )
)
def test_a_belief_that_was_not_written_by_us(data: dict[str, object]) -> None:
    """It is refused, or it is a belief; it is never a NaN that goes on from turn to turn."""
    try:
        belief = Belief.from_json(data)
    except (ValueError, TypeError, KeyError):
        return
    check(updated(belief, (), Tone(), FIGURES))


# Who goes to a person, and who comes first

RULES = Rules.load()
SAID = st.builds(
    Said,
    mood=st.sampled_from([None, "calm", "angry", "worried"]),
    signals=st.frozensets(st.sampled_from(["safety", "threat", "giving_up", "urgency"]), max_size=3),
    trouble=st.one_of(st.none(), st.sampled_from(Trouble)),
)
RESTED = st.dictionaries(st.sampled_from(Reason), st.integers(0, 20), max_size=4)
NOW = datetime(2026, 11, 22, tzinfo=timezone.utc)


@pace(200)
@given(
    recent=st.lists(SAID, max_size=6).map(tuple),
    rested=RESTED,
    wished=st.one_of(st.none(), st.sampled_from(Reason)),
)
def test_who_goes_to_a_person(
    recent: tuple[Said, ...], rested: dict[Reason, int], wished: Reason | None
) -> None:
    wish = None if wished is None else Wish(reason=wished)
    made = decide(Situation(recent, wish, rested), RULES)
    if recent and "safety" in recent[0].signals:
        assert made is not None and made.reason is Reason.SAFETY and not made.offer
    elif wish is not None:
        assert made is not None and not made.offer  # an own wish never rests
    elif made is not None and not made.offer:
        assert rested.get(made.reason, RULES.rest_messages) >= RULES.rest_messages
    if recent and wish is None and recent[0] == Said():
        assert made is None  # a calm message with a good answer leads nowhere, whatever was before


@pace(120)
@given(
    reason=st.sampled_from(Reason),
    level=st.one_of(st.none(), st.text(max_size=5), st.sampled_from(list(RULES.level_start))),
    minutes=st.integers(0, 600),
)
def test_who_comes_first(reason: Reason, level: str | None, minutes: int) -> None:
    at = NOW + timedelta(minutes=minutes)
    rank, when = place(reason, at, level, RULES)
    assert (rank == 0) is (reason is Reason.SAFETY) and when <= at
    assert place(Reason.SAFETY, at, None, RULES) <= (rank, when) or reason is Reason.SAFETY
    assert place(reason, at + timedelta(minutes=1), level, RULES) > (
        rank,
        when,
    )  # who waits longer never falls back


@pace(120)
@given(
    position=st.integers(1, 10_000),
    free=st.integers(-5, 50),
    slots=st.integers(-1, 100),
    seconds=st.integers(0, 10**6),
)
def test_the_wait_that_is_told(position: int, free: int, slots: int, seconds: int) -> None:
    longest = int(RULES.longest.total_seconds() // 60)

    def told(p: int) -> int:
        return expected_minutes(
            position=p, free=free, slots=slots, handling=timedelta(seconds=seconds), rules=RULES
        )

    assert 1 <= told(position) <= longest and told(position) <= told(position + 1)
