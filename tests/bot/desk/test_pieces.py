"""What a shopper wrote, cut for the page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.desk.pieces import Mark, checked_target, pieces, visible
from persona.privacy.masking import mask

_NASTY = st.text(st.sampled_from("ab1 138000000002我，。<>&\"'://.www@http\u202e\u200b路市区"), max_size=60)


@given(_NASTY, st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4))
def test_pieces_joined_are_the_masked_text(text: str, spans: list[tuple[int, int]]) -> None:
    marks, last = [], 0
    for start, end in sorted(spans):
        if last <= start < end:
            marks.append(Mark(start, end, "power", "提示"))
            last = end
    assert "".join(p.text for p in pieces(text, marks)) == visible(mask(text))


@given(_NASTY)
def test_revealed_pieces_are_the_text(text: str) -> None:
    assert "".join(p.text for p in pieces(text, revealed=True)) == visible(text)


def test_evidence_and_links_meet() -> None:
    found = pieces("快看 https://a.example/x?y=1。", [Mark(0, 6, "power", "催促")])
    assert [(p.text, bool(p.href), p.kind) for p in found] == [
        ("快看 ", False, "power"),
        ("htt", True, "power"),
        ("ps://a.example/x?y=1", True, ""),
        ("。", False, ""),
    ]
    assert found[1].href == "/desk/leave?to=https%3A%2F%2Fa.example%2Fx%3Fy%3D1"


@pytest.mark.parametrize(
    "text",
    ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "http://", "vbscript:x", "xhttp:x"],
)
def test_only_web_addresses_are_links(text: str) -> None:
    assert not any(p.href for p in pieces(text))
    assert checked_target(text) is None


def test_an_address_that_hides_its_host_is_none() -> None:
    assert checked_target("https://bank.example@evil.example/") is None
    assert checked_target("https://evil.example/\u202egnp.exe") is None


def test_look_alike_hosts_are_shown_as_they_are() -> None:
    assert checked_target("http://\u0430pple.example/") == "http://xn--pple-43d.example/"


def test_phones_are_masked_until_revealed() -> None:
    found = pieces("打13800138000找我")
    assert [(p.text, p.masked) for p in found] == [("打", False), ("138****8000", True), ("找我", False)]
    assert "".join(p.text for p in pieces("打13800138000找我", revealed=True)) == "打13800138000找我"


def test_direction_marks_are_visible() -> None:
    assert pieces("abc\u202edef")[0].text == "abc[U+202E]def"
