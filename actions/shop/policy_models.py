"""The shop's own rules as data: what a policy is made of, and how the clauses that hold are chosen.

A manager writes clauses; nothing here or elsewhere in code says what the shop allows. A clause holds for
some categories of goods, for some states of the order at hand and under some flags; its text has gaps
that are filled from the order's own dates and figures. A clause with a gap that cannot be filled does not
hold, so a general clause (``states: [none]``) stands beside each that speaks of an order.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

#: The state of the case where no order is at hand.
NO_ORDER = "none"
#: A gap of a clause's text, ``{return_until}``.
GAP = re.compile(r"\{([a-z_]+)\}")


class Part(str, Enum):
    """What a clause says."""

    CONCLUSION = "conclusion"  # 结论: the answer itself; the first that holds is told
    CONDITION = "condition"  # 条件
    STEP = "step"  # 步骤
    DEADLINE = "deadline"  # 时限
    FEE = "fee"  # 费用
    EXCEPTION = "exception"  # 例外


class Tone(str, Enum):
    """How good the news of a conclusion is; it chooses the lead, never the facts."""

    YES = "yes"  # allowed, done, good news
    NO = "no"  # not allowed, not to be had
    INFO = "info"  # plain information
    SORRY = "sorry"  # something went wrong for her: lost, damaged, cancelled


@dataclass(frozen=True)
class Clause:
    """One statement of a policy.

    Attributes:
        part: what it says.
        text: whole Chinese sentences for the shopper, at most 160 characters, with gaps ``{fact}``.
        core: told in every style; a detail (False) only where the style tells all.
        tone: of a conclusion.
        categories: category codes of goods that it holds for; () for all.
        states: order states (values of :class:`~actions.shop.models.OrderState`, or ``none``) that it
            holds for; () for all.
        when: flags of the case that must be set, ``!flag`` not set.
    """

    part: Part
    text: str
    core: bool = True
    tone: Tone = Tone.INFO
    categories: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    when: tuple[str, ...] = ()

    @property
    def gaps(self) -> tuple[str, ...]:
        """The names of its gaps, in order, each once."""
        return tuple(dict.fromkeys(GAP.findall(self.text)))


@dataclass(frozen=True)
class Policy:
    """All that the shop says on one topic.

    Attributes:
        topic: code, e.g. ``return_fee``.
        title: its Chinese name, by which an answer names the rule ("退货运费"), at most 16 characters.
        clauses: in the order in which they are told within a part.
        version: 1 as delivered, one more with each change.
        changed_at: when it was last changed; None as delivered.
        changed_by: who changed it (the agent's login); None as delivered.
    """

    topic: str
    title: str
    clauses: tuple[Clause, ...]
    version: int = 1
    changed_at: datetime | None = None
    changed_by: str | None = None


@dataclass(frozen=True)
class PolicyResult:
    """A change of a policy, and whether it had been done under this key before."""

    policy: Policy
    repeated: bool = False


@dataclass(frozen=True)
class Case:
    """What is known of the matter that was asked about.

    Attributes:
        state: the order's state, or ``none``.
        category: the category of the goods, or None.
        values: gap → text, as it is to be read.
        flags: what is so.
    """

    state: str = NO_ORDER
    category: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    flags: Collection[str] = ()


def holds(clause: Clause, case: Case) -> bool:
    """Say whether a clause holds in a case."""
    return (
        (not clause.states or case.state in clause.states)
        and (not clause.categories or case.category in clause.categories)
        and all((flag.lstrip("!") in case.flags) != flag.startswith("!") for flag in clause.when)
        and all(case.values.get(gap) for gap in clause.gaps)
    )


def that_hold(policy: Policy, case: Case) -> tuple[Clause, ...]:
    """Return the clauses that hold, in the policy's order; of the conclusions only the first.

    Empty where no conclusion holds: such a policy has no answer for this case.
    """
    clauses = [clause for clause in policy.clauses if holds(clause, case)]
    conclusion = next((c for c in clauses if c.part is Part.CONCLUSION), None)
    if conclusion is None:
        return ()
    return (conclusion, *(c for c in clauses if c.part is not Part.CONCLUSION))


def told(clause: Clause, case: Case) -> str:
    """Return the clause's text with its gaps filled; KeyError where a value is missing."""
    return GAP.sub(lambda match: case.values[match[1]], clause.text)
