"""Answers from the shop's own rules: one action for all questions that a policy answers.

All clauses that hold are sent; which of them a style tells, and in which order, is persona's.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from rasa_sdk.events import SlotSet
from typing_extensions import override

from actions import wishes
from actions.base import Events, ShopAction, TurnContext, option
from actions.order_choice import Outcome, choice_options, remember_offer, remember_order, say_unfound
from actions.policy_case import Matter, find_matter, general, make_case
from actions.policy_topics import OrderUse, PolicyTopic, topics
from actions.product_choice import remember_products
from actions.shop.errors import NotFoundError
from actions.shop.policy_models import Clause, Part, Policy, that_hold, told

#: The same question within so many messages of hers is asked again, not anew.
RECENT_MESSAGES = 6
_TOLD = "policy_told"


class AnswerPolicy(ShopAction):
    """Answers the question of a message, or one that was asked before, by the shop's policy."""

    def __init__(self, intent: str | None = None) -> None:
        """Answer `intent`; the message's own by default."""
        self._intent = intent

    @override
    def name(self) -> str:
        return "action_answer_policy"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        topic = topics().get(self._intent or turn.intent)
        if topic is None:
            return self.not_offered(turn)
        try:
            policy = await turn.shop.policy(topic.topic)
        except NotFoundError:  # the shop says nothing about this
            return self.not_offered(turn)
        matter = await find_matter(turn, topic, chosen=self._intent is not None)
        asked = _ask(turn, topic, matter)
        if asked is not None:
            return asked
        found = matter
        clauses = await _clauses(turn, topic, policy, matter)
        if not clauses and matter.order is not None:  # nothing is said of such an order: what holds at all
            matter = general(matter)
            clauses = await _clauses(turn, topic, policy, matter)
        if not clauses:
            return self.not_offered(turn)
        events = _tell(turn, topic, policy, matter, clauses)
        wishes.tell_care(turn)
        return [*events, *_remember(found, topic)]


async def _clauses(
    turn: TurnContext, topic: PolicyTopic, policy: Policy, matter: Matter
) -> list[tuple[Clause, str]]:
    """Return the clauses that hold, each with its text."""
    case = await make_case(turn, topic, policy, matter)
    return [(clause, told(clause, case)) for clause in that_hold(policy, case)]


def _ask(turn: TurnContext, topic: PolicyTopic, matter: Matter) -> Events | None:
    """Ask which order is meant, or say that there is no such order; None where it can be answered."""
    choice = matter.choice
    if choice is None or choice.order is not None:
        return None
    unclear = topic.order is OrderUse.ASK and (
        choice.outcome is Outcome.SEVERAL
        or (choice.outcome is Outcome.NO_SUCH_PRODUCT and matter.product is None)
    )
    if unclear or choice.outcome is Outcome.NOT_HERS:
        return say_unfound(turn, choice, topic.intent, "utter_no_orders")
    return None


def _tell(
    turn: TurnContext,
    topic: PolicyTopic,
    policy: Policy,
    matter: Matter,
    clauses: Sequence[tuple[Clause, str]],
) -> Events:
    rows = [{"part": c.part.value, "text": text, "core": c.core} for c, text in clauses]
    times, memory = _times_told(turn, topic, matter, rows)
    steps = [option(step, **_args(matter)) for step in topic.options]
    choices, offered = _choices(topic, matter)
    if times:
        # She asks again: what was left out, the third time the conclusion alone; and a person.
        others = [step for step in steps if step["id"] != "ask_human"][:1]
        rows = rows if times == 1 else [row for row in rows if row["part"] == Part.CONCLUSION.value]
        turn.say("utter_policy_again", {"clauses": rows}, [*choices, option("ask_human"), *others])
        return [memory, *offered]
    tone = next(clause.tone for clause, _ in clauses if clause.part is Part.CONCLUSION)
    facts = {
        "clauses": rows,
        "rule": policy.title,
        "cited": matter.order is not None,
        "which": bool(choices),
    }
    stranger, pending = _verification(topic, matter)
    turn.say(f"utter_policy_{tone.value}", facts, [*choices, *stranger, *steps])
    return [memory, *offered, *pending]


def _args(matter: Matter) -> dict[str, str]:
    """Return what the next steps are about."""
    args: dict[str, str] = {}
    if matter.order is not None:
        args["order_number"] = matter.order.order_number
    if matter.product is not None:
        args["product_id"] = matter.product.product_id
    return args


def _choices(topic: PolicyTopic, matter: Matter) -> tuple[list[dict[str, Any]], Events]:
    """Return what a general answer can be had for in particular, and the events that let her name it."""
    choice = matter.choice
    if topic.product and matter.product is not None:
        return [], []
    if choice is not None and choice.outcome is Outcome.SEVERAL:
        orders = choice.candidates
        return choice_options(orders, topic.intent), remember_offer(orders, topic.intent)
    if not matter.products:
        return [], []
    options = [
        option("choose_product", product=p.short_name, product_id=p.product_id, intent=topic.intent)
        for p in matter.products
    ]
    return options, remember_products([p.product_id for p in matter.products], topic.intent)


def _verification(topic: PolicyTopic, matter: Matter) -> tuple[list[dict[str, Any]], Events]:
    """Offer a stranger to prove her order, after which the question is answered for it."""
    choice = matter.choice
    if choice is None or choice.outcome not in (Outcome.VERIFY, Outcome.NO_ORDERS):
        return [], []
    if topic.order is not OrderUse.ASK and choice.named is None:
        return [], []
    pending = [
        SlotSet("pending_task", topic.intent),
        SlotSet("verify_order", choice.named),
        SlotSet("verify_tail", None),
    ]
    return [option("verify_me")], pending if choice.outcome is Outcome.VERIFY else []


def _remember(matter: Matter, topic: PolicyTopic) -> Events:
    if matter.order is not None:
        return remember_order(matter.order)
    if topic.product and matter.product is not None:
        return [SlotSet("product_id", matter.product.product_id)]
    return []


# --- asked again --------------------------------------------------------------------------------------------


def _times_told(
    turn: TurnContext, topic: PolicyTopic, matter: Matter, rows: Sequence[Mapping[str, Any]]
) -> tuple[int, dict[str, Any]]:
    """Return how often the same was told lately, and the event that counts this time.

    What has changed meanwhile is news, and told as a first time.
    """
    ago = {message: count for count, message in enumerate(_messages(turn))}
    entry = {
        "intent": topic.intent,
        "about": matter.about,
        "said": zlib.crc32("\n".join(row["text"] for row in rows).encode()),
        "message": turn.identity.message_id,
    }
    same = ("intent", "about", "said")
    kept = [
        one
        for one in turn.slot(_TOLD) or ()
        if ago.get(one.get("message"), RECENT_MESSAGES) < RECENT_MESSAGES
    ]
    last = next((one for one in kept if all(one.get(key) == entry[key] for key in same)), None)
    # The same message handled again (a retried turn) is the same time.
    times = 0 if last is None else int(last["times"]) + (last["message"] != entry["message"])
    others = [one for one in kept if one is not last]
    event: dict[str, Any] = SlotSet(_TOLD, [{**entry, "times": max(times, 0)}, *others])
    return times, event


def _messages(turn: TurnContext) -> list[str]:
    """Return the ids of her messages, this one first."""
    events = reversed(turn.tracker.events or [])
    heard = [str(event.get("message_id")) for event in events if event.get("event") == "user"]
    own = turn.identity.message_id
    return list(dict.fromkeys([own, *heard]))
