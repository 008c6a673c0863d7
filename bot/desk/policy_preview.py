"""How a policy will sound: one sample case in the five styles side by side."""

from __future__ import annotations

from dataclasses import dataclass

from actions.shop.policy_models import NO_ORDER, Case, Part, Policy, that_hold, told
from persona.strategy.model import Style
from persona.wording import Wording, WordingError


@dataclass(frozen=True)
class Spoken:
    """What a shopper of one style would read.

    Attributes:
        style: code of the style.
        name: its Chinese name.
        text: the whole answer.
    """

    style: str
    name: str
    text: str


def preview(policy: Policy, case: Case, wording: Wording) -> list[Spoken]:
    """Return the answer in the five styles; empty where the policy says nothing in this case.

    Args:
        policy: as it stands in the form, sound or not.
        case: what is taken as known.
        wording: the bot's words; where they cannot be spoken, the clauses are shown in their order.
    """
    clauses = that_hold(policy, case)
    if not clauses:
        return []
    rows = [{"part": c.part.value, "text": told(c, case), "core": c.core} for c in clauses]
    tone = next(clause.tone for clause in clauses if clause.part is Part.CONCLUSION)
    facts = {"clauses": rows, "rule": policy.title, "cited": case.state != NO_ORDER, "which": False}
    spoken = []
    for style in Style:
        try:
            text = wording.say(f"utter_policy_{tone.value}", facts, style, salt=policy.topic).text
        except WordingError:
            text = "".join(str(row["text"]) for row in rows)
        spoken.append(Spoken(style.value, wording.strategies.of(style).name, text))
    return spoken
