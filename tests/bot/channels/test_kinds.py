"""Every kind of message has its answer."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from bot.channels.base import Heard, HeardKind, Media
from bot.channels.hearing import to_item
from bot.channels.kinds import said_to, words_of
from bot.conversation import words
from bot.conversation.words import Lines
from persona.privacy.vault import Vault
from persona.strategy import Style
from tests.support.stage import wording

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=timezone.utc)
LINES = Lines(wording())


def heard(kind: HeardKind, text: str = "", media: Media | None = None) -> Heard:
    """Return a message of a kind."""
    return Heard("u", "m1", kind, NOW, text=text, media=media)


@pytest.mark.parametrize(
    ("message", "said", "line"),
    [
        (heard(HeardKind.TEXT, " 在吗 "), "在吗", None),
        (heard(HeardKind.TEXT, "  "), "", words.EMPTY),
        (heard(HeardKind.TEXT, "长" * 1001), "长" * 1001, words.TOO_LONG),
        (heard(HeardKind.MENU, "查物流"), "查物流", None),
        (heard(HeardKind.VOICE, "我的快递呢"), "我的快递呢", None),
        (heard(HeardKind.VOICE), "", words.VOICE_UNHEARD),
        (heard(HeardKind.LOCATION, "中关村大街 1 号"), "", words.LOCATION_UNREAD),
        (heard(HeardKind.LOCATION), "", words.LOCATION_UNREAD),
        (heard(HeardKind.UNSUPPORTED), "", words.KIND_UNSUPPORTED),
        (heard(HeardKind.UNSUPPORTED, "年度账单.pdf"), "", words.KIND_UNSUPPORTED),
        (heard(HeardKind.PICTURE, media=Media("k")), "", None),
        (heard(HeardKind.PICTURE), "", words.PICTURE_NOT_HERE),
        (heard(HeardKind.SUBSCRIBE), "", None),
        (heard(HeardKind.UNSUBSCRIBE), "", None),
        (heard(HeardKind.GONE), "", None),
    ],
)
def test_each_kind_has_its_answer(message: Heard, said: str, line: str | None) -> None:
    assert words_of(message) == said
    found = said_to(message)
    assert (found and found.response) == line
    for style in Style if found else ():
        spoken = found.spoken(LINES, style.value) if found else None
        assert spoken and spoken.text and spoken.code == line


def test_a_place_is_said_back_and_no_address_is_made_of_it() -> None:
    for style in Style:
        told = said_to(heard(HeardKind.LOCATION, "中关村大街 1 号"))
        assert told
        text = told.spoken(LINES, style.value).text
        assert "中关村大街 1 号" in text and "门牌号" in text and "文字" in text
        assert "{" not in told.spoken(LINES, style.value).text


def test_what_a_platform_tells_of_her_waits_behind_nothing_of_hers() -> None:
    vault = Vault.from_text("main=" + "K" * 43)
    text, left, gone = (
        to_item(vault, "wecom", heard(kind)).lane
        for kind in (HeardKind.TEXT, HeardKind.UNSUBSCRIBE, HeardKind.GONE)
    )
    assert text == left != gone
