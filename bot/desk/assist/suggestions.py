"""Three replies that fit the shopper's wish and the state of her order, in her style.

Which ones is decided by rules that a manager can follow. A reply of ``persona/wording/desk`` is *eligible*
where every fact that it must tell is known now (so nothing is promised that shop and rules do not say) and
all that its ``suits:`` demands of order, request, terms and mood holds. Eligible replies are ranked:

======  ==================================================================
points  for
======  ==================================================================
8       it answers the newest wish
4       it answers the reason of the open escalation
2       it answers one of the two wishes before
1       it speaks of the state of the order, its request or its terms
======  ==================================================================

Replies without points are not taken. Where two have the same points, the earlier in the files wins (topics in
the order of their names). The first place is a greeting as long as no agent has written since the escalation.
What is still missing comes from ``suggestions.yml``. What an agent has already sent is not suggested again.
Style and mood decide only the words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bot.conversation.desk_types import DeskConversation, EscalationState
from bot.conversation.types import Author
from bot.desk.assist.case import Case
from bot.desk.assist.facts import facts_of
from bot.desk.assist.labels import data, label, shop_label
from bot.desk.assist.talk import Asked, wishes
from persona.wording.desk_replies import DeskReply, Suits
from persona.wording.desk_words import DeskWords

#: How many are suggested.
COUNT = 3


@dataclass(frozen=True)
class Suggestion:
    """One suggested reply.

    Attributes:
        id: of the reply in the catalogue.
        title: what it is about.
        text: ready to send.
        because: why it is suggested, in Chinese.
    """

    id: str
    title: str
    text: str
    because: str


@dataclass(frozen=True)
class _Scene:
    """What eligibility and rank depend on. Temperament is no part of it."""

    asked: tuple[Asked, ...]  # newest first, at most three
    reason: str | None
    order_state: str | None
    request_state: str | None
    rule: str | None
    allowed: bool | None
    late: bool | None
    upset: bool


def suggest(
    conversation: DeskConversation, case: Case, words: DeskWords, *, agent: str
) -> tuple[Suggestion, ...]:
    """Return exactly three replies, the most fitting first.

    Args:
        conversation: the conversation.
        case: the shop's facts, gathered just now.
        words: the catalogue.
        agent: the name of the agent who would send them.
    """
    scene = _scene(conversation, case, words)
    facts = facts_of(case, conversation, agent)
    sent = {str(m.content.get("text")) for m in conversation.messages if m.author is Author.AGENT}
    chosen: list[Suggestion] = []
    for reply, because in _candidates(conversation, words, scene, facts):
        if any(reply.id == other.id for other in chosen):
            continue
        filled = words.say(reply, facts, conversation.style, conversation.mood)
        if filled.gaps or filled.text in sent:
            continue
        chosen.append(Suggestion(reply.id, reply.title, filled.text, because))
        if len(chosen) == COUNT:
            break
    return tuple(chosen)


def _scene(conversation: DeskConversation, case: Case, words: DeskWords) -> _Scene:
    order, request, terms = case.order, case.request_of(case.order), case.terms_of(case.order)
    open_one = next((e for e in conversation.escalations if e.state is not EscalationState.ENDED), None)
    return _Scene(
        asked=tuple(reversed(wishes(conversation)[-3:])),
        reason=open_one.reason.value if open_one else None,
        order_state=order.state.value if order else None,
        request_state=request.state.value if request else None,
        rule=terms.rule if terms else None,
        allowed=terms.allowed if terms else None,
        late=case.is_late(order),
        upset=words.strategies.is_upset(conversation.mood),
    )


def _candidates(
    conversation: DeskConversation, words: DeskWords, scene: _Scene, facts: dict[str, Any]
) -> Iterator[tuple[DeskReply, str]]:
    """Yield replies, most fitting first, with the reason; the last ones need no facts."""
    replies, texts = words.replies, data("suggestions.yml")
    eligible = {
        name: reply
        for name, reply in replies.items()
        if reply.suits is not None and _holds(reply.suits, scene) and not words.missing(reply, facts)
    }
    if not _answered_since_escalation(conversation):
        yield from _named(texts["greeting"], eligible, "还没打招呼")
    greetings = set(texts["greeting"])
    ranked = sorted(
        ((reply, *_points(reply.suits, scene)) for reply in eligible.values() if reply.suits),
        key=lambda entry: -entry[1],
    )
    yield from ((reply, because) for reply, points, because in ranked if points and reply.id not in greetings)
    last = {name: reply for name, reply in replies.items() if not words.missing(reply, facts)}
    usable = {n: r for n, r in last.items() if r.suits is None or _holds(r.suits, scene)}
    yield from _named(texts["fallback"], usable, "通用")
    yield from _named(texts["fallback"], last, "通用")


def _named(
    names: Iterable[str], replies: dict[str, DeskReply], because: str
) -> Iterator[tuple[DeskReply, str]]:
    yield from ((replies[name], because) for name in names if name in replies)


def _answered_since_escalation(conversation: DeskConversation) -> bool:
    since = next((e.seq for e in conversation.escalations if e.state is not EscalationState.ENDED), 0)
    return any(m.author is Author.AGENT and m.seq > since for m in conversation.messages)


def _holds(suits: Suits, scene: _Scene) -> bool:
    """Say whether all that a reply demands of the order and the mood holds."""
    sets = (
        (suits.states, scene.order_state),
        (suits.requests, scene.request_state),
        (suits.rules, scene.rule),
    )
    flags = (
        (suits.late, scene.late),
        (suits.allowed, scene.allowed),
        (suits.order, scene.order_state is not None),
        (suits.upset, scene.upset),
    )
    return all(not wanted or value in wanted for wanted, value in sets) and all(
        wanted is None or value is wanted for wanted, value in flags
    )


def _points(suits: Suits, scene: _Scene) -> tuple[int, str]:
    """Return points and the weightiest reason in Chinese; 0 where it answers nothing."""
    reasons: list[tuple[int, str]] = []
    for place, asked in enumerate(scene.asked):
        if asked.intent in suits.wishes and not any(points in (8, 2) for points, _ in reasons):
            reasons.append((2 if place else 8, f"顾客在问：{asked.label}"))
    if scene.reason in suits.reasons:
        reasons.append((4, f"升级原因：{label('reason', scene.reason or '')}"))
    if suits.requests:
        reasons.append((1, f"售后申请{shop_label('aftersale_state', scene.request_state or '')}"))
    elif suits.states:
        reasons.append((1, f"订单{shop_label('order_state', scene.order_state or '')}"))
    elif suits.rules:
        reasons.append((1, shop_label("return_rule", scene.rule or "")))
    return sum(points for points, _ in reasons), max(reasons, default=(0, ""))[1]
