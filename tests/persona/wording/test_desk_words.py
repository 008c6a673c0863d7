"""The desk's replies: the project's own are sound in five styles; gaps, edits and mistakes of a manager."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from persona.strategy import Style
from persona.wording import Wording, WordingError
from persona.wording.desk_words import FOLDER, DeskWords, violations
from persona.wording.emoji import find_emoji
from persona.wording.engine import ROOT

FACTS = """
items: {type: list, sample: [轻量跑鞋], gap: 商品}
expected_by: {type: datetime, sample: "2026-11-24T18:00:00+08:00", gap: 送达时间}
state: {type: text, sample: shipped, gap: 状态}
place: {type: text, sample: 杭州, gap: 位置}
"""
TOPIC = """
topic: 物流
replies:
  moving:
    title: 在路上
    shortcut: /wl
    suits: {wishes: [track_shipment], states: [shipped], late: false}
    must: [items, expected_by, state]
    may: [place]
    texts:
      neutral: 'GOODS，{% if place %}在{{ place }}，{% endif %}WHEN 前到。'
      power: 'WHEN 前到。GOODS。'
      perfect: '状态：STATE。{{ items | join_zh }}预计 WHEN 前送达。'
      peace: 'GOODS，WHEN 前会到，您不用惦记。'
      lively: 'GOODS🚚 WHEN 前见～'
"""
for _short, _long in (
    ("GOODS", "{{ items | join_zh }}STATE"),
    ("STATE", '{{ state | label("order_state") }}'),
    ("WHEN", "{{ expected_by | moment }}"),
):
    TOPIC = TOPIC.replace(_short, _long)

KNOWN = {"items": ["鞋"], "expected_by": "2026-11-24T18:00:00+08:00", "state": "shipped"}


@pytest.fixture(scope="module")
def wording() -> Wording:
    return Wording.load()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    (folder / "facts.yml").write_text(FACTS, "utf-8")
    (folder / "parcel.yml").write_text(TOPIC, "utf-8")
    return tmp_path


def test_the_projects_replies_are_sound_and_enough(wording: Wording) -> None:
    words = DeskWords(wording)
    assert [str(v) for v in violations(words)] == []
    assert len(words.replies) >= 40
    assert len({reply.shortcut for reply in words.replies.values()}) == len(words.replies)
    assert all(set(reply.spec.texts) == set(Style) for reply in words.replies.values())


def test_every_reply_can_be_said_with_nothing_known(wording: Wording) -> None:
    words = DeskWords(wording)
    gaps = set(words.gaps.values())
    for reply in words.replies.values():
        for style in Style:
            filled = words.say(reply, {}, style)
            must = {words.gaps[f.name] for f in reply.spec.facts.values() if f.must}
            assert set(filled.gaps) == must, (reply.id, style)
            assert set(re.findall("〔[^〕]*〕", filled.text)) <= gaps


def test_facts_fill_and_gaps_stay(wording: Wording, root: Path) -> None:
    words = DeskWords(wording, root)
    reply = words.replies["moving"]
    assert words.say(reply, KNOWN, "power").text == "11月24日 18:00 前到。鞋已发货。"
    part = words.say(reply, {"state": "shipped", "other": 1}, "neutral")
    assert part.text == "〔商品〕已发货，〔送达时间〕 前到。"
    assert part.gaps == ("〔商品〕", "〔送达时间〕")
    assert words.missing(reply, {"items": ["鞋"]}) == {"expected_by", "state"}
    assert "在杭州，" in words.say(reply, {**KNOWN, "place": "杭州"}, None).text


def test_an_upset_shopper_gets_no_emoji(wording: Wording, root: Path) -> None:
    words = DeskWords(wording, root)
    reply = words.replies["moving"]
    assert find_emoji(words.say(reply, KNOWN, "lively").text)
    assert words.say(reply, KNOWN, "lively", "angry").text == words.say(reply, KNOWN, "neutral").text


def test_what_is_no_such_fact_is_an_error_without_its_value(wording: Wording, root: Path) -> None:
    words = DeskWords(wording, root)
    with pytest.raises(WordingError) as failed:
        words.say(words.replies["moving"], {**KNOWN, "expected_by": "秘密"}, None)
    assert "秘密" not in str(failed.value)
    with pytest.raises(WordingError):
        words.say(words.replies["moving"], {**KNOWN, "state": "flying"}, None)


def test_a_facts_words_are_no_template_and_no_gap(wording: Wording, root: Path) -> None:
    words = DeskWords(wording, root)
    said = words.say(words.replies["moving"], {**KNOWN, "items": ["{{ 7 * 7 }}〔商 品〕"]}, None)
    assert "{{ 7 * 7 }}〔商 品〕" in said.text
    assert said.gaps == ()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("title: 在路上", "name: 在路上", "unknown field name"),
        ("shortcut: /wl", "shortcut: 物流", "shortcut must be"),
        ("must: [items,", "must: [goods,", "goods is not in facts.yml"),
        ("may: [place]", "may: [items]", "items is named twice"),
        ("may: [place]", "", "uses place"),
        ("      peace:", "      calm:", "texts must hold"),
        ("late: false", "late: maybe", "late must be true or false"),
        ("suits: {wishes:", "suits: {wish:", "unknown field wish"),
        ('label("order_state")', 'label("nothing")', "no group"),
        ("topic: 物流", "", "must have topic"),
        ("replies:", "replies: [", "parcel.yml"),
    ],
)
def test_a_mistake_is_named(wording: Wording, root: Path, old: str, new: str, complaint: str) -> None:
    path = root / FOLDER / "parcel.yml"
    assert old in path.read_text("utf-8")
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    words = DeskWords(wording, root)
    assert "moving" not in words.replies
    assert any(complaint in str(problem) for problem in words.problems), words.problems


def test_a_shortcut_belongs_to_one_reply(wording: Wording, root: Path) -> None:
    second = TOPIC.replace("moving:", "moving_too:")
    (root / FOLDER / "second.yml").write_text(second, "utf-8")
    words = DeskWords(wording, root)
    assert list(words.replies) == ["moving"]
    assert "/wl stands here a second time" in str(words.problems[0])


def test_a_flag_leaves_no_gap_and_is_refused(wording: Wording, root: Path) -> None:
    (root / FOLDER / "facts.yml").write_text(FACTS + "late: {type: flag, sample: true, gap: 晚}\n", "utf-8")
    assert "leaves no gap" in str(DeskWords(wording, root).problems[0])


def test_an_edit_is_read_and_a_broken_one_keeps_the_old_words(wording: Wording, root: Path) -> None:
    now = [0.0]
    words = DeskWords(wording, root, clock=lambda: now[0])
    path = root / FOLDER / "parcel.yml"
    path.write_text(TOPIC.replace("title: 在路上", "title: 包裹在路上"), "utf-8")
    assert words.replies["moving"].title == "在路上"
    now[0] = 3.0
    assert words.replies["moving"].title == "包裹在路上"
    path.write_text("topic: [", "utf-8")
    now[0] = 6.0
    assert words.replies["moving"].title == "包裹在路上"


def test_a_missing_folder_gives_no_replies(wording: Wording, tmp_path: Path) -> None:
    shutil.copytree(ROOT / FOLDER, tmp_path / "elsewhere")
    assert DeskWords(wording, tmp_path).replies == {}
