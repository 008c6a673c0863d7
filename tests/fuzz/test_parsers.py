"""Parsers take any text: they never raise, and what they return is of the form that they promise."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actions import parsing
from bot.channels.errors import ApiError
from bot.channels.limits import Rate
from bot.channels.tokens import TokenError, Tokens, parse_keys
from bot.channels.validation import after_parameter, idempotency_key, incoming, is_blank, read_json
from bot.conversation.assertion import Assertions
from bot.conversation.errors import AssertionInvalidError
from bot.desk.pieces import checked_target, pieces
from tests.fuzz.pace import ANY, MESSY, pace

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
TOKENS = Tokens(parse_keys("k=" + "x" * 40), "zhixin", "zhixin-shoppers", lambda: NOW)
ASSERTIONS = Assertions("a" * 40, lambda: NOW)


@pace(150)
@given(text=MESSY, count=st.integers(-2, 120))
def test_what_shoppers_type(text: str, count: int) -> None:
    for number in parsing.order_numbers(text):
        assert re.fullmatch(r"[0-9]{12}", number)
    found = parsing.phone(text)
    assert found is None or re.fullmatch(r"1[3-9][0-9]{9}", found)
    last = parsing.phone_tail(text)
    assert last is None or re.fullmatch(r"[0-9]{4}", last)
    index = parsing.ordinal(text, count)
    assert index is None or 0 <= index < count
    assert all(0 <= i < 2 for i in parsing.match_words(text, ["耳机", text]))
    code = parsing.reason(text)
    assert code is None or re.fullmatch(r"[a-z_]+", code)
    assert not (parsing.is_plain_yes(text) and parsing.is_question(text))
    parsing.gives_up(text)


@pace(150)
@given(text=MESSY, before=MESSY)
def test_addresses(text: str, before: str) -> None:
    said = parsing.address(text)
    assert parsing.AddressParts.from_json(said.to_json()) == said
    for part in said.to_json().values():
        assert part.strip() == part != ""
    merged = said.over(parsing.address(before))
    assert all(getattr(merged, name) == value for name, value in said.to_json().items())


@pace(80)
@given(
    digits=st.from_regex(r"1[3-9]\d{9}", fullmatch=True),
    around=st.sampled_from(["{}", "打{}找我", "+86{}", "86-{}"]),
)
def test_a_phone_is_found_wherever_it_stands(digits: str, around: str) -> None:
    ascii_digits = "".join(str(int(d)) for d in digits)
    assert parsing.phone(around.format(digits)) == ascii_digits


@pace(120)
@given(st.one_of(st.binary(max_size=200), MESSY.map(lambda t: t.encode("utf-8", "surrogatepass"))))
def test_bodies(raw: bytes) -> None:
    try:
        data = read_json(raw)
        incoming(data, "net")
    except ApiError as error:
        assert 400 <= error.status < 500


@pace(120)
@given(
    st.dictionaries(
        st.sampled_from(["text", "button", "message_id", "conversation_id", "x"]),
        st.one_of(MESSY, st.none(), st.integers(), st.floats(), st.lists(st.text(), max_size=2)),
    )
)
def test_messages(data: dict[str, object]) -> None:
    try:
        message = incoming(data, "net")
    except ApiError as error:
        assert error.status in (400, 422)
        return
    assert re.fullmatch(r"[\x21-\x7e]{1,64}", message.message_id)
    if message.text is not None:
        assert message.text == data["text"] and "\0" not in message.text and not is_blank(message.text)
        message.text.encode()  # no lone surrogate


@pace(150)
@given(MESSY)
def test_headers_and_parameters(text: str) -> None:
    for read in (idempotency_key, after_parameter):
        try:
            read(text)
        except ApiError as error:
            assert error.status == 422
    try:
        rate = Rate.parse(text)
        assert 0 < rate.per_s < 1e6 and rate.burst >= 1
    except ValueError:
        pass


GOOD = TOKENS.sign("u1001")[0]
ASSERTED = ASSERTIONS.sign("c_1", "m_1", customer_id="u1001", orders=["1"], net="n")


@pace(150)
@given(st.one_of(MESSY, st.tuples(ANY, ANY, ANY).map(".".join)))
@example("\ud83d")  # half a character
def test_tokens_that_nobody_signed_prove_nobody(token: str) -> None:
    with pytest.raises(TokenError):
        TOKENS.verify(token)
    with pytest.raises(AssertionInvalidError):
        ASSERTIONS.granted_orders(token, conversation_id="c_1", message_id="m_1")


@pace(150)
@given(at=st.integers(0, len(GOOD) - 1), sign=st.sampled_from("AQgw_-.0"))
def test_a_token_with_another_sign_in_it_proves_nobody(at: int, sign: str) -> None:
    forged = GOOD[:at] + sign + GOOD[at + 1 :]
    if forged == GOOD:
        return
    try:
        # The last sign of a base64 text carries spare bits: other text, the same signature.
        assert TOKENS.verify(forged) == "u1001" and at == len(GOOD) - 1
    except TokenError as error:
        assert GOOD not in str(error)


@pytest.mark.parametrize("token", [GOOD, ASSERTED])
def test_what_one_key_signed_opens_no_other_door(token: str) -> None:
    with pytest.raises(AssertionInvalidError):
        ASSERTIONS.granted_orders(token, conversation_id="c_1", message_id="m_1")
    with pytest.raises(TokenError):
        TOKENS.verify(ASSERTED)


@pace(150)
@given(MESSY)
def test_links_in_what_shoppers_write(text: str) -> None:
    for target in (text, f"http://{text}", f"https://a.example/{text}", f"javascript:{text}", f"//{text}"):
        checked = checked_target(target)
        if checked is not None:
            assert re.match(r"https?://[a-z0-9._-]+(?:[:/?#]|$)", checked, re.IGNORECASE), checked
            assert not re.search(r"[\s<>\"'`\\]", checked)
    made = pieces(text, revealed=True)
    assert all(not p.href or p.href.startswith("/desk/leave?to=") for p in made)


# Words that make backtracking expensive, as long as a message may be, and four times that.
EVIL = [
    *("1" * 4000, "1 " * 2000, "1-" * 2000, "一" * 4000, "十" * 4000, "第" * 4000, "倒数" * 2000),
    *("地址" * 2000, "改" * 4000, "路" * 4000, "省市区" * 1300, "收件人" * 1300, "张三 " * 1300, "," * 4000),
    *(
        "a@" * 2000,
        "a" * 4000 + "@",
        "a.b" * 1300 + "@",
        "eyJ" + "a" * 4000 + ".",
        "中" * 4000,
        "中市" * 2000,
    ),
    *(
        "http://" * 600,
        "www." * 1000,
        "不" * 4000,
        "好" * 4000 + "?",
        "的" * 3999 + "1",
        "<" * 4000,
        "{{" * 2000,
    ),
    *("(" * 4000, "选要就是看" * 800, "杭州市" + "a " * 1990, "\u200b" * 4000, "a\u0301" * 2000),
]


@contextmanager
def alarm(seconds: int) -> Iterator[None]:
    """End a test that hangs."""

    def ring(*_: object) -> None:
        raise AssertionError("a pattern backtracks without end")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("text", EVIL, ids=[f"{e[:6]!a}-{len(e)}" for e in EVIL])
def test_no_pattern_backtracks_without_end(text: str) -> None:
    from persona.privacy.masking import mask
    from persona.telemetry.scrub import Scrubber

    with alarm(20):
        for read in (
            parsing.order_numbers,
            parsing.phone,
            parsing.phone_tail,
            parsing.reason,
            parsing.address,
            parsing.is_plain_yes,
            parsing.is_question,
            parsing.gives_up,
            mask,
            Scrubber(["secret-value"]).line,
            pieces,
        ):
            read(text)
        parsing.ordinal(text, 5)
        parsing.match_words(text, ["耳机", "跑鞋"])
