"""What a writer is told about a text."""

import pytest

from persona.wording.catalogue import load_catalogue
from persona.wording.check import check
from persona.wording.report import report_html
from tests.persona.wording.conftest import Room

GOOD = {
    "neutral": "您的退款 {{ fee }}已经受理，三天内到账。",
    "power": "已退 {{ fee }}，三天内到。",
    "perfect": "退款申请已受理：金额 {{ fee }}，原路退回，三天内到账，进度在订单页核对。",
    "peace": "退款在办了，{{ fee }}三天内会回到您的账户，您不用盯着。",
    "lively": "{{ fee }}正往您的钱包飞奔💰 三天内落袋！",
}
GOOD_PLAIN = {style: text.replace("{{ fee }}", "全款") for style, text in GOOD.items()}
FACTS = """
must:
  fee: {type: money, sample: "89.50"}
may:
  note: {type: text, sample: 放门口}
  code: {type: text, sample: shipped}
"""


def found(room: Room, facts: str = FACTS, **changes: str) -> list[tuple[str, str, str]]:
    texts = {k: v for k, v in {**GOOD, **changes}.items() if v}
    room.response("utter_refund", facts=facts, **texts)
    violations = check(load_catalogue(room.root), frozenset({"utter_refund"}))
    return [(v.style, v.rule, v.message) for v in violations]


def test_a_good_response_passes(room: Room) -> None:
    assert found(room) == []


@pytest.mark.parametrize(
    ("style", "text", "rule", "message"),
    [
        ("peace", "", "missing", "no variation"),
        (
            "power",
            "退 {{ fee }}。这一句话写得实在太长了，把该说的不该说的都说了一遍，"
            "还顺便解释了一大堆原因和背景，超出很多。",
            "limit",
            "characters beside the facts, at most 40",
        ),
        ("power", "退款在办，三天内到。", "must", "does not tell fee"),
        ("power", "退 189.50 元。", "must", "does not tell fee"),
        ("neutral", "退款 {{ fee }} 尽快到账，请等短信。", "forbidden", "says 尽快 (写具体的时间)"),
        ("neutral", "你的退款 {{ fee }} 受理了，请等短信。", "forbidden", "says 你 (一律用"),
        ("perfect", "退款 {{ fee }} 已登记，大概三天后收到，凭证号见短信。", "forbidden", "says 大概"),
        ("power", "已退 {{ fee }} 💪。", "emoji", "has 1 emoji, none expected"),
        ("lively", "{{ fee }}正往您的钱包飞奔，三天内落袋！", "emoji", "has 0 emoji, 1 to 2 expected"),
        ("lively", "{{ fee }} 飞奔中🎉🎉💰 三天内落袋！", "emoji", "has 3 emoji"),
        ("lively", "{{ fee }} 飞奔中💀 三天内落袋！", "emoji", "💀 is not among those of lively.yml"),
        ("power", "退款 {{ fee }} ok done。", "English", "says ok"),
        ("power", "已退 {{ fee }}，{{ code }}。", "English", "shows the code shipped"),
        ("power", "已退 {{ fee }}，{{ code | label('colour') }}。", "unusable", "no group 'colour'"),
        ("power", "已退 {{ fee }}。\n\n三天内到。", "blank line", "split the message"),
        (
            "power",
            "已退 {{ fee }}，{% if note %}{{ note }}{% endif %}。",
            "punctuation",
            "«，。» is left over (without may",
        ),
        ("power", "已退 {{ fee }}，{{ note }}。", "render", "a fact that is absent is printed"),
        ("power", GOOD["neutral"], "variety", "is the same text as neutral"),
        ("peace", "您别担心，" + GOOD["neutral"], "variety", "only adds words around neutral"),
        (
            "perfect",
            "您的退款 {{ fee }}已经受理了，三天内到账。",
            "variety",
            "hardly differs from neutral",
        ),
    ],
)
def test_a_bad_text_is_named_with_its_rule(
    room: Room, style: str, text: str, rule: str, message: str
) -> None:
    hits = [v for v in found(room, **{style: text}) if v[1] == rule]
    assert hits, found(room, **{style: text})
    assert message in hits[0][2]
    assert rule == "unusable" or hits[0][0] == style


def test_emoji_are_no_good_with_bad_news(room: Room) -> None:
    assert found(room, facts="tone: sober" + FACTS) == [("lively", "emoji", "shows 💰 with tone: sober")]


def test_a_flag_is_told_both_ways(room: Room) -> None:
    facts = "must:\n  free: {type: flag, sample: true, shows: 运费我们出, shows_false: 运费您出}"
    said = "{% if free %}运费我们出{% else %}没有运费险{% endif %}"
    texts = {style: f"{start}{said}{end}" for style, start, end in [
        ("neutral", "退货的", "，请您寄回。"), ("power", "", "。现在寄回。"),
        ("perfect", "条款：", "。寄回地址见短信，收到后两天验收。"),
        ("peace", "您慢慢寄，", "，不用着急。"), ("lively", "寄回来吧📦 ", "，快递上门取！"),
    ]}  # fmt: skip
    hits = found(room, facts=facts, **texts)
    assert len(hits) == 5
    assert {rule for _, rule, _ in hits} == {"must"}
    assert "free = false (expects 运费您出) (free: false)" in hits[0][2]


def test_what_every_text_tells_is_missed_where_it_is_not_said(room: Room) -> None:
    facts = "tells: {when: 三天, page: 订单页}\n" + FACTS.strip()
    hits = found(room, facts=facts)
    assert {(style, rule) for style, rule, _ in hits} == {
        (style, "must") for style in ("neutral", "power", "peace", "lively")
    }
    assert all("does not tell page (expects 订单页)" in message for _, _, message in hits)


@pytest.mark.parametrize(("tells", "message"), [("[三天]", "must map"), ("{when: '('}", "tells:")])
def test_a_pattern_that_is_none_is_named(room: Room, tells: str, message: str) -> None:
    ((_, rule, said),) = found(room, facts=f"tells: {tells}{FACTS}")
    assert rule == "unusable"
    assert message in said


def test_each_row_is_told_as_far_as_the_strategy_recommends(room: Room) -> None:
    facts = """
    must:
      picks:
        type: rows
        columns: {price: money}
        cut: recommendations
        sample: [{name: 跑鞋, price: "399"}, {name: 雨伞, price: "59"}, {name: 水杯, price: "29.9"}]
    """
    row = "{% for p in picks %}{{ p.name }} {{ p.price }}；{% endfor %}"
    one = "{{ picks[0].name }} {{ picks[0].price }}"
    hits = found(
        room,
        facts=facts,
        neutral=f"为您选了：{row}您看喜欢哪一款。",
        power=f"买{one}。",
        perfect=f"按参数和评分排序：{row}参数表可以点开核对。",
        peace=f"这款稳妥：{one}，您慢慢看。",
        lively=f"新鲜出炉🎉 {row}挑花眼了吧！",
    )
    assert hits == [("peace", "must", hits[0][2])]
    assert "does not tell «雨伞» of picks" in hits[0][2]


def test_the_report_shows_every_style_and_escapes_facts(room: Room) -> None:
    room.response(
        "utter_refund",
        facts=FACTS.replace("放门口", "<b>"),
        **{**GOOD, "power": "退 {{ fee }}，{{ note }}。"},
    )
    catalogue = load_catalogue(room.root)
    page = report_html(catalogue, check(catalogue))
    assert "<mark>89.50 元</mark>" in page
    assert "<mark>&lt;b&gt;</mark>" in page
    assert "力量型" in page
    assert "a fact that is absent is printed" in page


def test_strategies_name_only_steps_and_extras_that_exist(room: Room) -> None:
    room.response("utter_refund", facts="may:\n  x: {type: text, sample: 甲, extra: gossip}", **GOOD_PLAIN)
    messages = [str(v) for v in check(load_catalogue(room.root))]
    assert "lively.yml  option: options: first: options.yml has no ask_new_arrivals" in messages
    assert "facts/utter_refund.yml utter_refund extra: fact x: no strategy tells the extra gossip" in messages


def test_no_gap_after_an_amount(room: Room) -> None:
    (gap,) = found(room, neutral="您的退款 {{ fee }} 已经受理，三天内到账。")
    assert gap[:2] == ("neutral", "money")


def test_lines_of_a_list_do_not_run_together(room: Room) -> None:
    start, end = "退款已受理，三天内到账。金额：{{ fee }}", "进度：订单页核对。"
    apart = start + "{% if note %}{{ '\\n' }}备注：{{ note }}{% endif %}{{ '\\n' }}" + end
    assert found(room, perfect=apart) == []
    lost = start + "{% if note %}\n备注：{{ note }}{% endif %}\n" + end
    rules = {rule for _, rule, _ in found(room, perfect=lost)}
    assert "lines" in rules
