"""The one thing that the desk's pages hold: all helpers over one conversation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from actions.shop.gateway import ShopGateway
from bot.conversation.desk_types import DeskConversation
from bot.conversation.types import Author
from bot.desk.assist.advice import Advice, advise
from bot.desk.assist.brief import Brief, make_brief
from bot.desk.assist.canned import Canned, canned
from bot.desk.assist.case import Answers, Case, gather
from bot.desk.assist.draft import DraftWarning, check_draft
from bot.desk.assist.facts import facts_of
from bot.desk.assist.reading import ReadingView, reading_view
from bot.desk.assist.rules import Act, Rules, acts_of, rules_of
from bot.desk.assist.suggestions import Suggestion, suggest
from persona.wording import Wording
from persona.wording.desk_words import DeskWords

#: So long the shop's facts are good enough to be shown; each write asks the shop again anyway.
KEPT = timedelta(seconds=20)
#: Conversations whose facts are kept at most.
MOST_KEPT = 600


@dataclass(frozen=True)
class _Kept:
    """What the shop answered for one conversation.

    Attributes:
        state: what the answers depend on, see :func:`_state`.
        since: when the first of them came.
    """

    state: object
    since: datetime
    answers: Answers


@dataclass(frozen=True)
class Help:
    """Everything beside one conversation, at one moment.

    Attributes:
        acts: what an agent may do, by order number.
    """

    case: Case
    brief: Brief
    reading: ReadingView
    advice: Advice
    suggestions: tuple[Suggestion, ...]
    rules: Rules | None
    acts: Mapping[str, tuple[Act, ...]]


class Assist:
    """What helps the agent. Safe to share; holds no conversation, only the shop's facts of the last seconds.

    Args:
        shop: the shop, or None where there is none: then what needs its facts is left out.
        clock: returns the present as an aware datetime.
        wording: the bot's words; read from the project by default.
    """

    def __init__(
        self, shop: ShopGateway | None, clock: Callable[[], datetime], wording: Wording | None = None
    ) -> None:
        self._shop = shop
        self._clock = clock
        self._wording = wording or Wording.load()
        self._kept: dict[str, _Kept] = {}
        self.words = DeskWords(self._wording)

    @property
    def wording(self) -> Wording:
        """The bot's words."""
        return self._wording

    async def case(self, conversation: DeskConversation) -> Case:
        """Return the shop's facts; what it answered within :data:`KEPT` is not asked again.

        Unless the bot has said something since, somebody else answers the shopper, the shop has told
        something of her, or :meth:`forget` was called: then orders may have changed.
        """
        now = self._clock()
        if self._shop is None:
            return Case(now, complete=False)
        cid, state = conversation.conversation_id, _state(conversation)
        kept = self._kept.get(cid)
        if kept is None or kept.state != state or now - kept.since >= KEPT:
            self._kept.pop(cid, None)
            self._kept[cid] = kept = _Kept(state, now, {})
            while len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        return await gather(self._shop, conversation, now, kept.answers)

    def forget(self, conversation_id: str) -> None:
        """Ask the shop anew the next time: an agent has changed something there."""
        self._kept.pop(conversation_id, None)

    async def help(self, conversation: DeskConversation, agent: str) -> Help:
        """Return everything for one conversation; asks the shop as :meth:`case` does.

        Args:
            conversation: the conversation.
            agent: the name of the agent who looks at it.
        """
        case = await self.case(conversation)
        reading = reading_view(conversation)
        return Help(
            case=case,
            brief=make_brief(conversation, case, self._wording.catalogue, self._clock()),
            reading=reading,
            advice=advise(conversation, self.words, agent=agent, secondary=reading.secondary),
            suggestions=suggest(conversation, case, self.words, agent=agent),
            rules=rules_of(case, conversation),
            acts={order.order_number: acts_of(case, order) for order in case.shown},
        )

    def canned(
        self, conversation: DeskConversation, case: Case, agent: str, search: str = ""
    ) -> tuple[Canned, ...]:
        """Return the canned replies for a conversation, see :func:`bot.desk.assist.canned.canned`."""
        facts: dict[str, Any] = facts_of(case, conversation, agent)
        return canned(self.words, facts, conversation.style, conversation.mood, search=search)

    def check(
        self, conversation: DeskConversation, case: Case | None, draft: str
    ) -> tuple[DraftWarning, ...]:
        """Return what to change in a draft, see :func:`bot.desk.assist.draft.check_draft`."""
        return check_draft(draft, conversation.style, conversation.mood, case, self.words.strategies)


def _state(conversation: DeskConversation) -> object:
    """Return what the shop's answers depend on in the record: bot and shop change orders, and say so."""
    said = (m.seq for m in reversed(conversation.messages) if m.author is Author.BOT)
    who = conversation.customer_id, conversation.orders, conversation.owner
    return *who, next(said, 0), conversation.shop_at
