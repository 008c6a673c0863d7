"""The widget's copy of ChatUI's style sheet is the vendored one, without what lies at other hosts."""

import pytest

from scripts.chatui_css import MADE, VENDORED, made


def test_the_sheet_is_made_of_the_vendored_one() -> None:
    assert MADE.read_text(encoding="utf-8") == made(VENDORED.read_text(encoding="utf-8"))


def test_fonts_go_and_rules_stay() -> None:
    sheet = "@font-face{font-family:A;src:url(https://cdn.example/a.woff)}.Price{font-family:A,serif}"
    assert made(sheet).splitlines()[1:] == [".Price{font-family:A,serif}"]


def test_another_thing_of_another_host_is_refused() -> None:
    with pytest.raises(ValueError, match="other hosts"):
        made(".a{background:url(//cdn.example/a.png)}")
