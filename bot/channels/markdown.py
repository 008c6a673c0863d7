"""Parts as Markdown, for platforms that render it: what somebody wrote stays plain text in it."""

from __future__ import annotations

import re

from bot.channels.base import ButtonsPart, CardPart, Part, PicturePart

#: Would be markup; their full-width twins read the same.
_MARKUP = str.maketrans({"[": "［", "]": "］", "<": "＜", ">": "＞", "*": "＊", "`": "｀", "\\": "＼"})
_AT_START = re.compile(r"(?m)^(\s*)([#+\-]|\d+\.)(?=\s)")


def plain(text: str) -> str:
    """Return a text that shows itself, line by line."""
    shown = _AT_START.sub(lambda found: f"{found[1]}{found[2]}\u200b", text.translate(_MARKUP))
    return "\n\n".join(line for line in shown.split("\n") if line.strip())


def title(part: Part) -> str:
    """Return what a list of chats shows of a part: its head, or its first words."""
    head = part.title if isinstance(part, CardPart) else part.text
    return " ".join(head.split())[:20] or "消息"


def shown(part: Part, picture: str = "") -> str:
    """Return a part without its buttons.

    Args:
        part: any.
        picture: the address of its picture, where it is one.
    """
    if isinstance(part, PicturePart):
        return f"![{plain(part.text)}]({picture})"
    if isinstance(part, ButtonsPart) or not isinstance(part, CardPart):
        return plain(part.text)
    lines = [f"**{plain(part.title)}**"] if part.title else []
    for row in part.rows:
        head = plain(row.title)
        head = f"[{head}]({row.address})" if row.address and head else head
        lines += [f"![]({row.picture})"] if row.picture else []
        lines += ["  \n".join(filter(None, (head, plain(row.text).replace("\n\n", "  \n"))))]
    return "\n\n".join(filter(None, lines))
