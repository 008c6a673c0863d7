"""Policies as YAML: what is delivered is sound, what is wrong is named with file, topic and clause."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from actions.shop import policy_file
from actions.shop.policy_file import (
    FOLDER,
    PolicyFileError,
    delivered,
    group_of,
    main,
    read_files,
    read_text,
    write_text,
)
from actions.shop.policy_models import Case, Part, Tone, that_hold
from actions.shop.policy_terms import terms

ROOT = Path(__file__).resolve().parents[2]
SOUND = """
return_fee:
  title: 退货运费
  clauses:
    - {part: conclusion, states: [delivered], when: [returnable, "!late"], tone: yes, text: "运费我们出。"}
    - {part: conclusion, tone: no, text: "寄回运费由您承担。"}
    - {part: deadline, states: [delivered], text: "{product}最晚 {return_until} 前申请。"}
    - {part: fee, core: false, categories: [food], text: "生鲜不用寄回。"}
"""


def problems(clauses: str, *, title: str = "退货运费", topic: str = "return_fee") -> list[str]:
    """Return what is wrong with one policy made of these clauses, each on a line of its own."""
    lines = "\n".join(f"    - {clause}" for clause in clauses.strip().splitlines())
    with pytest.raises(PolicyFileError) as caught:
        read_text(f"{topic}:\n  title: {title}\n  clauses:\n{lines}\n", "x.yml", categories={"food"})
    return list(caught.value.problems)


GENERAL = '{part: conclusion, text: "运费由您承担。"}\n'


def test_a_sound_file_is_read_with_its_defaults() -> None:
    (policy,) = read_text(SOUND, "x.yml", categories={"food"})
    assert (policy.topic, policy.title, policy.version) == ("return_fee", "退货运费", 1)
    first, second, deadline, fee = policy.clauses
    assert (first.tone, second.tone, deadline.tone) == (Tone.YES, Tone.NO, Tone.INFO)
    assert first.when == ("returnable", "!late")
    assert deadline.gaps == ("product", "return_until") and deadline.core
    assert (fee.part, fee.core, fee.categories) == (Part.FEE, False, ("food",))


def test_what_is_written_is_read_back_the_same() -> None:
    read = read_text(SOUND, "x.yml")
    assert read_text(write_text(read), "y.yml") == read


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ("{part: fee, text: 运费由您承担。, stats: [none]}", "第 2 条：不认识的键 stats"),
        ("{part: fees, text: 运费由您承担。}", "第 2 条 · part：不认识的值 fees"),
        ("{part: fee, tone: maybe, text: 运费由您承担。}", "不认识的值 maybe"),
        ("{part: fee, core: 1, text: 运费由您承担。}", "第 2 条 · core：要写成"),
        ("{part: fee, states: delivered, text: 运费由您承担。}", "第 2 条 · states：要写成"),
        ("{part: fee}", "第 2 条：缺少 text"),
        ("{part: fee, states: [arrived], text: 运费由您承担。}", "第 2 条·订单状态：没有“arrived”"),
        ("{part: fee, categories: [fod], text: 运费由您承担。}", "第 2 条·品类：没有“fod”"),
        ("{part: fee, when: [returnabel], text: 运费由您承担。}", "第 2 条·情形：没有“returnabel”"),
        ("{part: fee, when: [late, '!late'], text: 运费由您承担。}", "第 2 条·情形：“late”写了两次"),
        ("{part: fee, states: [paid, paid], text: 运费由您承担。}", "第 2 条·订单状态：“paid”写了两次"),
        ('{part: fee, text: "{product_nam}的运费由您承担。"}', "第 2 条·文字：没有“product_nam”"),
        ('{part: fee, text: "{product的运费由您承担。"}', "第 2 条·文字：大括号"),
        ('{part: fee, text: "运费由您承担"}', "第 2 条·文字：要写成完整的句子"),
        (f'{{part: fee, text: "{"长" * 160}。"}}', "第 2 条·文字：最多 160 个字，现在有 161 个"),
        ('{part: fee, text: "运费\\n由您承担。"}', "第 2 条·文字：有看不见的字符"),
        ('{part: fee, states: [none], text: "{total}由您承担。"}', "第 2 条·文字：没有订单时不会有“total”"),
        (
            "{part: fee, states: [none], when: [late], text: 运费由您承担。}",
            "第 2 条·情形：没有订单时不会有“late”",
        ),
        ("{part: conclusion, states: [paid], text: 运费由我们承担。}", "第 2 条·部分：前面第 1 条结论"),
        ('{part: conclusion, text: "运费由您承担。"}', "第 2 条·文字：与第 1 条完全一样"),
    ],
)
def test_a_wrong_clause_is_named(clause: str, said: str) -> None:
    found = problems(GENERAL + clause)
    assert len(found) == 1, found
    assert found[0].startswith("x.yml: return_fee · ") and said in found[0]


@pytest.mark.parametrize(
    ("clauses", "said"),
    [
        ('{part: fee, text: "运费由您承担。"}', "至少要有一条结论"),
        ('{part: conclusion, states: [delivered], text: "运费由您承担。"}', "什么订单、品类和情形都不知道"),
        ('{part: conclusion, when: ["!own"], text: "运费由您承担。"}', "什么订单、品类和情形都不知道"),
        ('{part: conclusion, text: "{product}的运费由您承担。"}', "什么订单、品类和情形都不知道"),
    ],
)
def test_a_general_conclusion_is_wanted(clauses: str, said: str) -> None:
    (found,) = problems(clauses)
    assert said in found


def test_titles_and_topics_have_their_form() -> None:
    assert "最多 16 个字，现在有 17 个" in problems(GENERAL, title="名" * 17)[0]
    assert "return-fee" in problems(GENERAL, topic="return-fee")[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('a:\n  title: 题\n  clauses:\n    - {part: fee, when: [!late], text: "x。"}', "x.yml: 4：情形的“!”"),
        (
            "a: {title: 题, clauses: []}\na: {title: 题, clauses: []}",
            "x.yml: 2：不是能读的 YAML：“a”写了两次",
        ),
        ("a: {title: 题", "不是能读的 YAML"),
        ("[a]", "要写成"),
        ("a: {title: 题, clauses: [], words: 1}", "a：不认识的键 words"),
        ("a: {title: 题}", "a：缺少 clauses"),
    ],
)
def test_a_file_that_cannot_be_read_says_where(text: str, said: str) -> None:
    with pytest.raises(PolicyFileError, match=re.escape(said)):
        read_text(text, "x.yml")


def test_a_topic_stands_in_one_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yml").write_text(SOUND, encoding="utf-8")
    with pytest.raises(PolicyFileError, match=r"b.yml: 主题 return_fee 已经在 a.yml"):
        read_files(sorted(tmp_path.glob("*.yml")))


def test_the_check_lists_problems_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "x.yml"
    path.write_text(SOUND, encoding="utf-8")
    lines: list[str] = []
    assert main([str(path)], lines.append) == 0
    assert "1 topics, 4 clauses" in lines[-1]
    path.write_text(SOUND.replace("生鲜不用寄回", "请尽快寄回"), encoding="utf-8")
    assert main([str(path)], lines.append) == 1
    assert lines[-1] == "x.yml: return_fee · 第 4 条：交付的政策里不写“尽快”"


def test_what_is_delivered_is_sound_and_answers_where_nothing_is_known() -> None:
    lines: list[str] = []
    assert main([], lines.append) == 0, "\n".join(lines)
    for group, policies in delivered().items():
        assert group in terms().groups, f"{group} has no Chinese name in policy_terms.yml"
        for policy in policies:
            assert group_of(policy.topic) == group
            assert that_hold(policy, Case()), policy.topic
    assert set(delivered()) == {path.stem for path in FOLDER.glob("*.yml")}


def test_a_broken_delivered_file_is_left_out_and_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "order_rules.yml").write_text(SOUND, encoding="utf-8")
    (tmp_path / "price_rules.yml").write_text(SOUND + "price: {title: 1", encoding="utf-8")
    monkeypatch.setattr(policy_file, "FOLDER", tmp_path)
    policy_file._delivered.cache_clear()
    try:
        assert set(delivered()) == {"order_rules"}
        assert not policy_file.delivered_whole()
    finally:
        policy_file._delivered.cache_clear()


def test_the_terms_are_those_of_the_page() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.split("| source | values (gaps) | flags |", 1)[1].split("\n\n", 1)[0]
    gaps: set[str] = set()
    flags: set[str] = set()
    for line in table.strip().splitlines()[1:]:
        _, values, more = [cell.strip() for cell in line.strip("|").split("|")]
        gaps |= set(re.findall(r"`(\w+)`", values))
        flags |= set(re.findall(r"`(\w+)`", more))
    assert (set(terms().gaps), set(terms().flags)) == (gaps, flags)
    assert all(term.sample and term.means for term in terms().gaps.values())
