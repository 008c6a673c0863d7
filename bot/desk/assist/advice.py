"""How to speak with this shopper: two things to do, two to avoid, an opening line.

The type's advice is data of ``persona.strategy``; mood and reason come first (``advice.yml``), since they
weigh more in the moment. The opening is a canned reply in her style, so it promises nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.conversation.desk_types import DeskConversation, EscalationState
from bot.desk.assist.labels import data, label, render
from persona.strategy import Style
from persona.wording.desk_words import DeskWords

#: So many things to do, and so many to avoid.
COUNT = 2


@dataclass(frozen=True)
class Advice:
    """What the agent reads beside the conversation; all texts are Chinese.

    Attributes:
        style: the style to speak in: a type, or ``neutral`` where it is not known.
        name: its name.
        summary: what is typical, in one sentence.
        caution: what limits the judgement (a second type, nothing known, switched off); "" for none.
        do: what works here and now.
        avoid: what does not.
        opening: a first line, ready to send.
        sober: the shopper is upset: no jokes, no emoji.
    """

    style: str
    name: str
    summary: str
    caution: str
    do: tuple[str, ...]
    avoid: tuple[str, ...]
    opening: str
    sober: bool


def advise(
    conversation: DeskConversation, words: DeskWords, *, agent: str, secondary: str | None = None
) -> Advice:
    """Return the advice for the type served, adapted by mood, reason and how firm the judgement is.

    Args:
        conversation: its style, mood and open escalation count.
        words: gives strategies and the opening line.
        agent: the name of the agent who speaks.
        secondary: a second type that is close, or None.
    """
    texts = data("advice.yml")
    strategies = words.strategies
    strategy = strategies.of(conversation.style)
    upset = strategies.is_upset(conversation.mood)
    reason = next(
        (e.reason.value for e in conversation.escalations if e.state is not EscalationState.ENDED), ""
    )
    first = [
        texts["reason"].get(reason),
        texts["upset"] if upset else texts["mood"].get(conversation.mood or ""),
    ]
    entry = texts["opening"]["upset" if upset else "calm"]
    opening = words.say(words.replies[entry], {"agent": agent}, strategy.style, conversation.mood)
    return Advice(
        style=strategy.style.value,
        name=label("style", strategy.style),
        summary=strategy.advice.summary,
        caution=_caution(conversation, strategy.style, secondary, texts),
        do=_first_of(first, "do", strategy.advice.do),
        avoid=_first_of(first, "avoid", strategy.advice.avoid),
        opening=opening.text,
        sober=upset,
    )


def _first_of(
    first: Iterable[Mapping[str, Any] | None], field: str, usual: tuple[str, ...]
) -> tuple[str, ...]:
    """Return one line of each that moves the moment, then the type's own, :data:`COUNT` in all.

    The last line is always the type's where it leaves room, so that the style is never lost.
    """
    urgent = [entry[field][0] for entry in first if entry and entry[field]]
    kept = urgent[: COUNT - 1]
    return (*kept, *usual[: COUNT - len(kept)])


def _caution(
    conversation: DeskConversation, style: Style, secondary: str | None, texts: Mapping[str, Any]
) -> str:
    if not conversation.personalisation:
        return str(texts["personalisation_off"])
    if style is Style.NEUTRAL:
        return str(texts["unknown"])
    if not secondary:
        return ""
    names = {"first": label("style", style), "secondary": label("style", secondary)}
    return render(texts["soft"], names) or ""
