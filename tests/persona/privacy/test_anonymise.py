"""Personal data goes, whatever its spelling; figures that tell a style stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from persona.privacy.anonymise import Known, anonymise, find_personal

KNOWN = Known(
    names=frozenset({"欧阳静文", "陈锐"}),
    places=frozenset({"杭州市", "文三西路 259 号"}),
    phones=frozenset({"13912345678"}),
    others=frozenset({"u1006", "SF12", "允之"}),
)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("电话１３８００１３８０００。", "电话[电话]。"),
        ("138-0013-8000", "[电话]"),
        ("138 0013 8000", "[电话]"),
        ("一三八零零一三八零零零", "[电话]"),
        ("幺三八 零零幺三 八零零零", "[电话]"),
        ("壹叁捌零零壹叁捌零零零", "[电话]"),
        ("٠٠٨٦١٣٨٠٠١٣٨٠٠٠", "[电话]"),
        ("13800138000 13900139000", "[电话] [电话]"),
        ("0571-88886666 转", "[电话] 转"),
        ("33010219900521123x", "[证件号]"),
        ("6222 0212 3456 7890 123", "[卡号]"),
        ("订单202611200001", "订单[号码]"),
        ("运单 ZX01065050654", "运单 ZX[号码]"),
        ("a.b@qq.com", "[邮箱]"),
        ("西湖区文三路88号3幢502", "[地址]"),
        ("我叫王小明，", "我叫[姓名]，"),
        ("李女士", "[姓名]女士"),
        ("叫王师傅来", "叫[姓名]师傅来"),
        ("尾号 0417", "尾号 [尾号]"),
        ("0417", "[尾号]"),
        ("生日是1990年5月21日", "生日是[生日]"),
        ("欧 阳 静 文", "[姓名]"),
        ("静文说", "[姓名]说"),
        ("在杭州", "在[地址]"),
        ("5678 打不通", "[尾号] 打不通"),
        ("刻字允之", "刻字[信息]"),
    ],
)
def test_each_kind_goes_as_a_whole(text: str, clean: str) -> None:
    assert anonymise(text, KNOWN) == clean


@pytest.mark.parametrize(
    "text",
    [
        "399.00 元和 1299 元差多少？",
        "2026-11-24 18:00 前能到吗，3 天还是 5 天",
        "11 月 24 日 9:30，一千二百块",
        "170/88A，128GB，5000mAh",
        "我是来问一下退货的",
        "安装师傅几点到",
        "七天无理由，十五天质保，买了三件两件退",
        "SF1234 不是 SF12X",
    ],
)
def test_what_is_not_personal_stays(text: str) -> None:
    assert anonymise(text, KNOWN) == text


def test_whole_numbers_are_found_where_they_stand() -> None:
    text = "打 138 0013 8000 或 a@b.cn"
    assert [(p.kind, text[p.start : p.end]) for p in find_personal(text)] == [
        ("phone", "138 0013 8000"),
        ("mail", "a@b.cn"),
    ]


@given(st.text(alphabet=st.characters(blacklist_categories=()), max_size=80))
def test_no_text_breaks_it(text: str) -> None:
    clean = anonymise(text, KNOWN)
    assert all(0 <= p.start < p.end <= len(text) for p in find_personal(text))
    assert "欧阳静文" not in clean


@given(
    st.integers(13000000000, 19999999999),
    st.lists(st.sampled_from(["", "", " ", "-", "\u200b", "·"]), min_size=10, max_size=10),
    st.sampled_from(["0123456789", "０１２３４５６７８９", "零一二三四五六七八九"]),
    st.sampled_from(["", "我的号是", "打我电话：", "call me "]),
)
def test_no_spelling_hides_a_phone(number: int, gaps: list[str], script: str, before: str) -> None:
    digits = [script[int(d)] for d in str(number)]
    spelled = "".join(d + g for d, g in zip(digits, [*gaps, ""], strict=True))
    clean = anonymise(f"{before}{spelled}，谢谢")
    assert sum(c in script for c in clean.removeprefix(before)) == 0
    assert clean.endswith("，谢谢")
