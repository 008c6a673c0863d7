"""How much is made up: little and always the same in `make test`, much and new in `make fuzz`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

#: `make fuzz` multiplies the examples.
FACTOR = int(os.environ.get("ZHIXIN_TEST_FUZZ", "1"))


def pace(examples: int) -> settings:
    """Settings for so many examples in `make test`."""
    return settings(
        max_examples=examples * FACTOR,
        deadline=None,
        derandomize=FACTOR == 1,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


#: Pieces that mean something to some parser, and others that mean nothing to any.
SCRAPS = st.sampled_from(
    [
        *(
            "13812345678",
            "138 1234 5678",
            "+86",
            "（010）",
            "202611200001",
            "110101199003071234",
            "6222021234567890123",
        ),
        *("１３８１２３４５６７８", "١٣٨١٢٣٤٥٦٧٨", "²³", "〇", "十", "第", "倒数第", "个", "最后那个", "99"),
        *(
            "浙江省",
            "杭州市",
            "西湖区",
            "文一西路1号",
            "张三",
            "收件人",
            "电话",
            "地址改成",
            "北京",
            "新疆",
            "小区",
        ),
        *(
            "不要了",
            "算了",
            "是的",
            "好",
            "？",
            "¥",
            "89.00",
            "元",
            "块",
            "明天",
            "下周三",
            "11月31号",
            "2月30日",
            "25:61",
        ),
        *(
            "\u200b",
            "\u202e",
            "\ufeff",
            "\x00",
            "\n",
            "\r\n",
            "\t",
            "\u3000",
            "\ud83d",
            "👨‍👩‍👧",
            "a\u0301",
            "ﷺ",
        ),
        *(
            "{{ 7*7 }}",
            "%s",
            "{0.__class__}",
            "<b>",
            "' OR 1=1 --",
            "\\",
            "/restart",
            "／",
            "[^",
            "(((((",
            "eyJhbGciOi.e30.x",
        ),
    ]
)
ANY = st.text(st.characters(), max_size=40)
#: Text as nobody writes it.
MESSY = st.lists(st.one_of(SCRAPS, ANY), max_size=10).map("".join)
