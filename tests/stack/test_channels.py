"""Every messaging platform through the real three processes, from a shopper's phone to the desk and back.

One stack has all six channels on, set up by variables as an integrator would; each platform is its small real
server (`tests/fakes`), which speaks the platform's own form both ways.
"""

from __future__ import annotations

import http.client
import json
import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from tests.stack.agent import AgentClient, Got
from tests.stack.channels import LOGIN, Platforms, Talk
from tests.stack.channels_phone import forged
from tests.stack.channels_phones import PHONES, able
from tests.stack.harness import Stack, until
from tests.support.photographs import photograph

pytestmark = pytest.mark.stack

QUESTION = "在吗 我想问下你们退货运费谁出阿"
ANSWER = "质量问题.*由我们承担"
NOTICE = "不影响价格和您的权益"
NOT_HERS = "请发我 12 位订单号"
#: Whom each channel's user is bound to: each another customer, so that none shares a conversation.
CUSTOMERS = dict(zip(PHONES, ("u1016", "u1012", "u1017", "u1011", "u1001", "u1020"), strict=True))
every_channel = pytest.mark.parametrize("channel", list(PHONES))


@pytest.fixture(scope="module")
def platforms() -> Iterator[Platforms]:
    with Platforms() as made:
        yield made


@pytest.fixture(scope="module")
def channels(platforms: Platforms, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("channels") / "data", **platforms.settings()) as running:
        yield running


@pytest.fixture(autouse=True)
def stack(channels: Stack) -> Stack:
    channels.heal()
    return channels


@pytest.fixture(scope="module")
def lin(channels: Stack) -> AgentClient:
    return AgentClient.hired(channels, "xiaolin", "小林")


def done(got: Got) -> None:
    assert got.status in {200, 204, 303}, got


def orders_of(stack: Stack, customer: str) -> list[str]:
    """The numbers of a customer's orders, newest first, as the shop has them."""
    with closing(sqlite3.connect(stack.settings.data_dir / "shop.db")) as shop:
        query = "SELECT order_number FROM orders WHERE customer_id = ? ORDER BY placed_at DESC"
        return [row[0] for row in shop.execute(query, (customer,))]


def tracking_of(stack: Stack, number: str) -> list[str]:
    with closing(sqlite3.connect(stack.settings.data_dir / "shop.db")) as shop:
        query = "SELECT tracking_number FROM shipments WHERE order_number = ?"
        return [row[0] for row in shop.execute(query, (number,))]


def in_record(stack: Stack, query: str, *values: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(stack.settings.data_dir / "record.db")) as record:
        return record.execute(query, values).fetchall()


def asked(stack: Stack, method: str, path: str, **more: str) -> http.client.HTTPResponse:
    """Ask the front, as a browser or the shop's backend does; redirects are not followed."""
    parts = urlsplit(stack.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    headers = {"Content-Type": "application/json"}
    if "token" in more:
        headers["Authorization"] = f"Bearer {more['token']}"
    body = json.dumps({"ticket": more["ticket"]}) if "ticket" in more else None
    connection.request(method, path, body, headers)
    return connection.getresponse()


def bound(stack: Stack, talk: Talk, customer: str) -> None:
    """Bind her as she would: the word in the chat, the link, the shop's login, the shop's backend."""
    (link,) = [one.text for one in talk.asks("绑定", "channels/bind") if "channels/bind" in one.text]
    found = re.search(r"(/channels/bind\?t=(\S+))", link)
    assert found is not None
    led = asked(stack, "GET", found[1])
    assert (led.status, led.headers["Location"]) == (303, f"{LOGIN}?ticket={found[2]}")
    assert asked(stack, "POST", "/channels/bind", ticket=found[2]).status == 401
    for repeated in (False, True):
        answer = asked(stack, "POST", "/channels/bind", ticket=found[2], token=stack.token(customer))
        assert json.loads(answer.read()) == {"bound": True, "repeated": repeated}


# -- a shopper's way ----------------------------------------------------------------------------------------


@every_channel
def test_a_stranger_is_told_answered_and_chooses_and_nothing_of_anybody_leaks(
    stack: Stack, platforms: Platforms, channel: str
) -> None:
    talk = platforms.phone(stack, channel)
    shown = talk.asks(QUESTION, NOTICE, ANSWER, "有运费险吗")
    text = "\n".join(one.text for one in shown)
    assert text.index(re.search(NOTICE, text)[0]) < text.index(re.search(ANSWER, text)[0])  # type: ignore[index]
    assert len(shown) <= 3, [one.form for one in shown]
    talk.taps(shown, "有运费险吗")  # a tap of the platform's own, a typed number where it has none
    talk.sees("运费险")
    talk.asks("我的订单", NOT_HERS)

    number = orders_of(stack, CUSTOMERS[channel])[0]
    talk.asks(f"订单{number}到哪了", "后四位")
    talk.asks("0000", "核对上|没对上")
    assert not [one for one in tracking_of(stack, number) if one in talk.everything]
    assert not set(re.findall(r"(?<!\d)20\d{10}(?!\d)", talk.everything)) - {number}, "orders she never named"


@every_channel
def test_bound_she_hears_of_her_own_order_in_the_platforms_own_form(
    stack: Stack, platforms: Platforms, channel: str
) -> None:
    talk, customer = platforms.phone(stack, channel), CUSTOMERS[channel]
    talk.asks("你好", "我在")
    bound(stack, talk, customer)
    number = orders_of(stack, customer)[0]
    shown = talk.sees("绑定", number)
    (card,) = [one for one in shown if number in one.text]
    assert card.form in talk.phone.CARD, card
    talk.asks("我的快递到哪了", r"\d+月\d+日")
    talk.asks("我的订单", "①")
    assert NOT_HERS not in talk.everything
    talk.asks("解绑", "解")
    talk.asks("我的订单", "12 位订单号")


@every_channel
def test_an_agent_answers_on_the_platform_and_hands_back(
    stack: Stack, platforms: Platforms, lin: AgentClient, channel: str
) -> None:
    done(lin.post("/desk/presence", {"presence": "busy"}))
    talk = platforms.phone(stack, channel)
    talk.asks("你好", "我在")
    with lin.at_the_desk():
        talk.asks("转人工", "客服|人工|同事")
        cid = talk.conversation()
        until(lambda: cid in lin.queue("waiting"), 60)
        done(lin.take(cid))
        talk.sees("小林")
        done(lin.reply(cid, "您好，我是小林，<b>这一单</b>我来看", key=f"first-{channel}"))
        done(lin.reply(cid, "您好，我是小林，<b>这一单</b>我来看", key=f"first-{channel}"))
        talk.sees("这一单")
        talk.says("鞋子开胶了，退货运费谁出")
        until(lambda: "鞋子开胶了，退货运费谁出" in [line.text for line in lin.transcript(cid)], 60)
        done(lin.reply(cid, "给您换一双，运费我们出"))
        talk.sees("给您换一双，运费我们出")
        assert not re.search(ANSWER, talk.everything), "the bot keeps silent while a person serves her"
        done(lin.back(cid))
    talk.asks(QUESTION, ANSWER)
    assert talk.everything.count("这一单") == talk.everything.count("给您换一双") == 1


#: What she does, and what she hears; where nothing is recognised, every voice is the second one.
ACTS: dict[str, tuple[tuple[object, ...], str]] = {
    "subscribes": ((), "我是知心|不影响价格"),
    "picture": ((photograph(),), "图片收到了"),
    "voice": (("",), "语音的内容我听不到"),
    "location": (("人民广场",), "位置收到了：人民广场"),
    "menu": (("menu-orders",), NOT_HERS),
    "unsupported": ((), "这种消息我看不了"),
}


@pytest.mark.parametrize(("act", "channel"), [(act, name) for act in ACTS for name in able(act)])
def test_each_kind_has_its_answer(stack: Stack, platforms: Platforms, act: str, channel: str) -> None:
    given, answer = ACTS[act]
    talk = platforms.phone(stack, channel)
    talk.does(getattr(talk.phone, act)(*given))
    talk.sees(answer)


@pytest.mark.parametrize("channel", ["signed", "wechat", "dingtalk"])
def test_a_recognised_voice_is_her_words(stack: Stack, platforms: Platforms, channel: str) -> None:
    talk = platforms.phone(stack, channel)
    talk.does(talk.phone.voice(QUESTION))
    talk.sees(ANSWER)


@pytest.mark.parametrize("channel", able("unsubscribes"))
def test_who_leaves_is_left_alone_until_she_comes_back(
    stack: Stack, platforms: Platforms, lin: AgentClient, channel: str
) -> None:
    talk = platforms.phone(stack, channel)
    talk.asks("你好", "我在")
    talk.asks("转人工", "客服|人工|同事")
    cid = talk.conversation()
    talk.does(talk.phone.unsubscribes())
    until(lambda: talk.link_state() == "blocked", 60)
    done(lin.take(cid))
    done(lin.reply(cid, "您还在吗"))
    talk.rest()
    assert "您还在吗" not in talk.everything
    talk.asks("我回来了", "您还在吗")
    done(lin.back(cid))


def test_two_channels_of_one_customer_share_all_and_an_unbound_third_nothing(
    stack: Stack, platforms: Platforms
) -> None:
    first, second, third = (platforms.phone(stack, name) for name in ("wechat", "feishu", "signed"))
    number = orders_of(stack, "u1015")[0]
    for talk in (first, second):
        talk.asks("你好", "我在")
        bound(stack, talk, "u1015")
        talk.sees("绑定", number)
    for words in ("别废话，直接说结果", "快点，马上给我结论，别绕弯子"):
        first.asks(words, ".")
        first.rest()
    assert first.conversation() == second.conversation()
    query = "SELECT style FROM conversations WHERE id = ?"
    assert in_record(stack, query, second.conversation()) == [("power",)], "what one is, the other is too"
    second.rest()

    (asked_here,) = [one.text for one in first.asks("帮我取消订单", "确认") if "确认" in one.choices]
    second.rest()
    assert asked_here not in second.everything, "what was asked here is answered here"
    done_here = second.asks("确认", "取消")[-1].text  # the form that was opened there goes on here
    first.rest()
    assert done_here not in first.everything
    third.asks("我的订单", NOT_HERS)
    assert number not in third.everything and third.conversation() != first.conversation()


# -- what goes wrong ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["slow", "500", "expired", "busy"])
def test_a_platform_that_stumbles_loses_nothing(stack: Stack, platforms: Platforms, trouble: str) -> None:
    """On all platforms at once; a part that a platform was slow with may come twice where it takes no key."""
    talks = [platforms.phone(stack, name) for name in able(trouble)]
    for talk in talks:
        talk.asks("你好", "我在")
    for talk in talks:
        talk.phone.meets(trouble)
        talk.says(QUESTION)
    for talk in talks:
        talk.sees(ANSWER, "有运费险吗")
        talk.rest()
        assert talk.everything.count("保留运费凭证，验收通过") >= 1
        twice = talk.phone.name in {"wechat", "wechat_mini", "dingtalk"} and trouble == "slow"
        ways = [one for one in talk.phone.shown() if "有运费险吗" in one.choices]
        assert len(ways) == 1 or twice, talk.everything


@pytest.mark.parametrize("trouble", ["blocked", "closed"])
def test_what_she_cannot_be_sent_waits_for_her_next_message(
    stack: Stack, platforms: Platforms, trouble: str
) -> None:
    for channel in able(trouble):
        talk = platforms.phone(stack, channel)
        talk.asks("你好", "我在")
        talk.phone.meets(trouble)
        talk.says(QUESTION)
        until(lambda talk=talk: talk.link_state() == trouble, 60)
        talk.rest()
        assert not re.search(ANSWER, talk.everything)
        talk.phone.relents()
        talk.asks("我的订单", ANSWER, NOT_HERS)
        text = talk.everything
        assert text.index("验收通过") < text.index(NOT_HERS), "in the order in which she asked"


@every_channel
def test_what_comes_twice_or_late_is_answered_once(stack: Stack, platforms: Platforms, channel: str) -> None:
    talk = platforms.phone(stack, channel)
    earlier, later = talk.phone.text("能开发票吗"), talk.phone.text(QUESTION)
    talk.phone.disorders()
    with ThreadPoolExecutor(3) as three:  # the platform's retries, at the same time
        assert set(three.map(talk.phone.post, [later] * 3)) == {talk.phone.taken}
    for made in (earlier, later):  # what she sent before comes after
        talk.does(made)
    talk.sees(ANSWER, "抬头")
    talk.does(earlier)
    talk.rest()
    said = "SELECT count(*) FROM messages WHERE conversation_id = ? AND author = 'shopper'"
    assert in_record(stack, said, talk.conversation()) == [(2,)]
    texts = [one.text for one in talk.phone.shown()]
    assert len(set(texts)) == len(texts), texts


@every_channel
def test_what_is_not_the_platforms_is_refused_and_nothing_kept(
    stack: Stack, platforms: Platforms, channel: str
) -> None:
    talk = platforms.phone(stack, channel)
    made = talk.phone.text(QUESTION)
    assert talk.phone.post(forged(made))[0] == 401
    cut = type(made)(made.query, made.headers, made.body[: len(made.body) // 2])
    assert talk.phone.post(cut)[0] in (400, 401)
    assert talk.phone.post(type(made)({}, {}, made.body))[0] in (400, 401)
    talk.phone.ago = timedelta(hours=9)  # older than any platform's own retries
    assert talk.phone.post(talk.phone.text("转人工"))[0] == 401
    talk.phone.ago = timedelta()
    assert talk.rest() == []
    talk.does(talk.phone.text(QUESTION))
    talk.sees(ANSWER)
