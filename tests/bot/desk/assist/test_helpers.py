"""Rules, what agents may do, advice, canned replies; and that every code has its words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from actions.shop.errors import RuleError
from actions.shop.models import AfterSaleState, OrderState
from actions.shop.rules import RULES
from actions.shop.sql import SqlShop
from bot.conversation.desk_types import EscalationState, Outcome, Reason
from bot.conversation.types import Owner, RequestKind
from bot.desk.assist.advice import advise
from bot.desk.assist.canned import canned
from bot.desk.assist.case import gather
from bot.desk.assist.helper import KEPT, Assist
from bot.desk.assist.labels import data, group, render
from bot.desk.assist.rules import acts_of, rules_of
from persona.strategy import Style
from persona.temperament.types import Mood
from persona.wording import Wording
from persona.wording.desk_words import DeskWords
from persona.wording.facts import parse
from tests.bot.desk.assist.talks import Talk, order_under
from tests.support.shop import NOW

ROOT = Path(__file__).parents[4]


# -- every code has its words -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("reason", Reason),
        ("outcome", Outcome),
        ("owner", Owner),
        ("escalation_state", EscalationState),
        ("mood", Mood),
        ("style", Style),
        ("request", RequestKind),
    ],
)
def test_every_code_of_the_desk_has_a_name(name: str, codes: Any) -> None:
    assert {code.value for code in codes} <= set(group(name))


def test_every_wish_is_an_intent_and_every_intent_a_wish_or_none() -> None:
    intents: set[str] = {"nlu_fallback"}
    for path in (ROOT / "bot" / "domain").glob("*.yml"):
        found = yaml.safe_load(path.read_text("utf-8")).get("intents") or ()
        intents |= {i if isinstance(i, str) else next(iter(i)) for i in found}
    coming = {"not_solved", "ask_settled"}  # of the hand-back, where the domain has them
    assert set(group("wish")) <= intents | coming
    no_wish = {
        "affirm", "deny", "stop", "choose", "choose_reason", "choose_address", "give_contact", "greet",
        "goodbye", "thank", "give_order_number", "give_phone_tail", "verify_me",
        "open_conversation", "identified",
        "ask_help", "show_more", "ask_robot", "ask_name", "praise_bot", "praise_goods", "praise_service",
        "choose_invoice_kind", "choose_invoice_title", "probe", "chitchat", "share_joy",
        "handed_back", "send_picture", "dislike_product", "bought_already",
    }  # fmt: skip
    assert intents - set(group("wish")) <= no_wish
    assert set(data("wishes.yml")) <= set(group("wish"))


def test_signals_of_the_engine_have_names() -> None:
    file = ROOT / "nlu_data" / "temperament" / "mood.yml"
    assert set(yaml.safe_load(file.read_text("utf-8"))["signals"]) <= set(group("signal"))


def test_every_line_of_the_brief_is_of_a_response_and_can_be_said(wording: Wording) -> None:
    texts = data("brief.yml")
    for name in ("did", "promised", "told_no", "asks"):
        for response, entry in texts[name].items():
            spec = wording.catalogue.responses[response]
            facts = {fact.name: parse(fact, fact.sample) for fact in spec.facts.values()}
            source = entry if isinstance(entry, str) else entry["text"]
            if isinstance(entry, dict) and "at" in entry:
                assert entry["at"] in facts, (response, entry)
                facts["at"] = facts[entry["at"]]
            assert render(source, facts), (name, response)


def test_every_rule_and_state_has_lines() -> None:
    texts = data("rules.yml")
    clauses = set(texts["terms"])
    assert clauses <= set(RULES)
    assert {"seven_days", "too_late", "already_open", "refund_late", "fresh_48_hours", "warranty"} <= clauses
    assert set(texts["never"]) == {state.value for state in OrderState}
    assert set(data("brief.yml")["dates"]) == {state.value for state in OrderState}
    assert set(group("refund_state")) <= {state.value for state in AfterSaleState}


def test_suggestions_name_real_codes(words: DeskWords) -> None:
    for reply in words.replies.values():
        if reply.suits is None:
            continue
        assert reply.suits.wishes <= set(group("wish")) | {"choose_address", "give_contact"}, reply.id
        assert reply.suits.states <= {state.value for state in OrderState}, reply.id
        assert reply.suits.requests <= {state.value for state in AfterSaleState}, reply.id
        assert reply.suits.rules <= set(RULES), reply.id
        assert reply.suits.reasons <= {reason.value for reason in Reason}, reply.id


# -- rules and acts -----------------------------------------------------------------------------------------


async def test_the_rules_of_a_delivered_order(shop: SqlShop) -> None:
    order = await order_under(shop, "u1013", "seven_days")
    talk = Talk("u1013").shopper(order.order_number)
    case = await gather(shop, talk.made(), NOW)
    rules = rules_of(case, talk.made())
    assert rules is not None
    assert (rules.order_number, rules.clause) == (order.order_number, "七天无理由退换")
    assert re.search(r"11月\d+日 24:00 前申请", rules.lines[0])
    assert any("运费" in line for line in rules.lines)
    assert "规则以外的补偿或赠品" in rules.never
    assert not any("{{" in line or "None" in line for line in (*rules.lines, *rules.never))


async def test_acts_say_why_not(shop: SqlShop) -> None:
    talk = Talk("u1006").shopper("在吗")
    case = await gather(shop, talk.made(), NOW)
    moving = next(o for o in case.orders if o.state is OrderState.SHIPPED)
    acts = {act.code: act for act in acts_of(case, moving)}
    assert (acts["cancel_order"].allowed, acts["cancel_order"].why_not) == (False, "订单已发货")
    assert acts["urge"].allowed
    assert [kind for kind, _ in acts["after_sale"].kinds] == ["refund"]
    assert ("late", "送得太晚") in acts["after_sale"].reasons


async def test_acts_agree_with_the_shop(shop: SqlShop) -> None:
    """What is said to be allowed is done by the shop, and what is not is refused, over many orders."""
    for customer in ("u1001", "u1002", "u1006", "u1010", "u1017", "u1018"):
        case = await gather(shop, Talk(customer).shopper("在吗").made(), NOW)
        for order in case.shown[:3]:
            act = next(a for a in acts_of(case, order) if a.code == "urge")
            done = True
            try:
                await shop.urge(order.order_number, customer_id=customer, key=f"t:{order.order_number}")
            except RuleError:
                done = False
            assert act.allowed is done, (customer, order.order_number, order.state)


# -- advice -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", [style.value for style in Style])
@pytest.mark.parametrize("mood", [None, "calm", "angry", "hesitant", "cheerful"])
@pytest.mark.parametrize("reason", [None, *Reason])
def test_advice_is_short_and_ready(
    words: DeskWords, style: str, mood: str | None, reason: Reason | None
) -> None:
    talk = Talk(style=style, mood=mood).shopper("在吗")
    if reason:
        talk.escalated(reason)
    advice = advise(talk.made(), words, agent="小陈")
    assert (len(advice.do), len(advice.avoid)) == (2, 2)
    assert len(set(advice.do)) == 2
    assert "小陈" in advice.opening
    assert "〔" not in advice.opening
    assert advice.sober is (mood == "angry")
    usual = words.strategies.of(style).advice
    assert set(advice.do) & set(usual.do)  # the style is never lost


def test_moment_comes_before_type(words: DeskWords) -> None:
    plain = advise(Talk(style="lively").shopper("在吗").made(), words, agent="陈")
    upset = advise(Talk(style="lively", mood="angry").shopper("在吗").made(), words, agent="陈")
    unsafe = advise(
        Talk(style="lively", mood="angry").shopper("漏电").escalated(Reason.SAFETY).made(), words, agent="陈"
    )
    assert plain.do[0] == words.strategies.of("lively").advice.do[0]
    assert upset.do[0] == data("advice.yml")["upset"]["do"][0]
    assert unsafe.do[0] == data("advice.yml")["reason"]["safety"]["do"][0]


def test_a_second_type_and_no_personalisation_are_cautions(words: DeskWords) -> None:
    talk = Talk(style="power").shopper("在吗")
    assert "完美型" in advise(talk.made(), words, agent="陈", secondary="perfect").caution
    assert "关闭" in advise(talk.made(personalisation=False), words, agent="陈").caution
    assert advise(talk.made(), words, agent="陈").caution == ""


# -- canned -------------------------------------------------------------------------------------------------


def test_canned_replies_are_found_by_shortcut_and_words(words: DeskWords) -> None:
    everything = canned(words, {}, "neutral")
    assert len(everything) == len(words.replies) >= 40
    assert canned(words, {}, "neutral", search="/tk")[0].id == "return_ok"
    assert {c.shortcut for c in canned(words, {}, "neutral", search=" /ＴＫ ")} == {"/tk", "/tkz"}
    assert canned(words, {}, "neutral", search="开发票")[-1].id == "invoice"
    assert {c.topic for c in canned(words, {}, "neutral", search="物流 晚了")} >= {"物流"}
    assert canned(words, {}, "neutral", search="没有这样的话xyz") == ()


def test_canned_replies_fill_what_is_known_and_leave_gaps(words: DeskWords) -> None:
    [reply] = canned(words, {"agent": "小陈"}, "power", search="/nh")
    assert "小陈" in reply.text
    assert reply.gaps == ()
    [reply] = [c for c in canned(words, {}, "perfect", search="/fp") if c.shortcut == "/fp"]
    assert reply.gaps == ("〔发票抬头〕", "〔答复时间〕")
    assert all(gap in reply.text for gap in reply.gaps)


async def test_all_in_one(shop: SqlShop, wording: Wording) -> None:
    assist = Assist(shop, lambda: NOW, wording)
    made = Talk("u1023").shopper("到哪了", "track_shipment").made()
    helped = await assist.help(made, "小陈")
    assert helped.rules is not None
    assert len(helped.suggestions) == 3
    assert list(helped.acts) == [order.order_number for order in helped.case.shown]
    assert [w.code for w in assist.check(made, helped.case, "你好")] == ["forbidden"]
    assert any("〔" not in c.text for c in assist.canned(made, helped.case, "小陈"))
    nowhere = await Assist(None, lambda: NOW, wording).help(made, "小陈")
    assert (nowhere.case.complete, len(nowhere.suggestions)) == (False, 3)


async def test_the_shop_is_asked_again_when_its_answers_may_have_changed(
    shop: SqlShop, wording: Wording
) -> None:
    asked: list[str] = []

    class Counted:
        def __getattr__(self, name: str) -> Any:
            if name != "now":
                asked.append(name)
            return getattr(shop, name)

    now = [NOW]
    assist = Assist(Counted(), lambda: now[0], wording)  # type: ignore[arg-type]

    async def times(talk: Talk) -> int:
        """How often the shop is asked for the panel of a conversation."""
        asked.clear()
        await assist.help(talk.made(), "小陈")
        return len(asked)

    talk = Talk("u1023").shopper("到哪了", "track_shipment")
    first = await times(talk)
    assert first > 3
    assert await times(talk) == 0
    assert (await assist.help(talk.made(), "小陈")).case == await assist.case(talk.made())
    assert await times(talk.shopper("人呢")) == 0  # words of hers change no order
    assert await times(talk.bot("已经帮您取消了")) == first  # the bot may have done something
    now[0] += KEPT
    assert await times(talk) == first
    assist.forget(talk.made().conversation_id)
    assert await times(talk) == first
    number = (await shop.orders("u1023"))[0].order_number
    assert await times(talk.shopper(f"{number} 这个能退吗")) <= 1  # another order at hand: its product alone
    assert (await assist.case(talk.made())).order.order_number == number  # type: ignore[union-attr]
