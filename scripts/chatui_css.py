"""Takes the fonts of another host out of ChatUI's style sheet: ``python scripts/chatui_css.py``.

ChatUI's sheet declares a font that lies at its maker's. A browser under our content security policy does not
load it, but complains on the console of every page that embeds the widget, even where nothing is set in
that font. So the page gets `frame/chatui.css`, which is the vendored sheet without its ``@font-face`` rules.
"""

from __future__ import annotations

import re
from pathlib import Path

WIDGET = Path(__file__).resolve().parents[1] / "bot/channels/widget"
VENDORED = WIDGET / "vendor/chatui/chatui.css"
MADE = WIDGET / "frame/chatui.css"

_HEAD = "/* ChatUI's style sheet without its fonts; made by scripts/chatui_css.py, not edited. */\n"
_FONT = re.compile(r"@font-face\s*\{[^{}]*\}")


def made(sheet: str) -> str:
    """Return a style sheet without fonts.

    Raises:
        ValueError: it still names another host.
    """
    rest = _FONT.sub("", sheet)
    if re.search(r"url\(\s*[\"']?(https?:)?//", rest):
        raise ValueError("the style sheet loads more than fonts from other hosts")
    return _HEAD + rest.strip() + "\n"


if __name__ == "__main__":
    MADE.write_text(made(VENDORED.read_text(encoding="utf-8")), encoding="utf-8")
