"""The hostile strings, from ``catalogue.json``: what somebody writes to make a program do something else.

Whatever names an element, an attribute or a host in them is called hostile, so that a page can be searched
for it. Of kind ``unreadable`` are those that no text can hold (NUL, half characters).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path

KINDS: dict[str, list[str]] = json.loads(Path(__file__).with_name("catalogue.json").read_text("utf-8"))
UNREADABLE = KINDS["unreadable"]
READABLE = [text for kind, texts in KINDS.items() if kind != "unreadable" for text in texts]
#: The first two of each kind, where each costs a request.
SOME = [text for kind, texts in KINDS.items() if kind != "unreadable" for text in texts[:2]]
#: What some program might evaluate or break a line at, where each costs a whole talk.
FEW = [KINDS[kind][0] for kind in ("template", "html", "log", "format", "command", "unicode", "sheet")]
FEW += ["{0.__class__.__init__.__globals__}"]
#: Those that a header of a request can carry.
IN_A_HEADER = [text for text in READABLE if text.isascii() and text.isprintable()]


class Page(HTMLParser):
    """A page as a browser takes it apart: its elements, attributes and words."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        (self.scripts if self._inside in ("script", "style") else self.words).append(data)

    @property
    def text(self) -> str:
        """All words, without white space."""
        return squeezed("".join(self.words))


def squeezed(text: str) -> str:
    """Without white space: a page lays text out anew."""
    return "".join(text.split())


def nothing_of_it_is_page(text: str, where: str = "") -> Page:
    """Look that no element, attribute, address or script of a page comes from a hostile string."""
    page = Page(text)
    assert not {e for e in page.elements if "hostile" in e}, where
    assert not page.elements & {"iframe", "base", "math", "object", "embed", "style"}, (where, page.elements)
    for tag, name, value in page.attributes:
        assert "hostile" not in name and not name.startswith("on"), (where, tag, name)
        if name in ("href", "src", "action", "formaction", "hx-get", "hx-post", "data-href", "srcdoc"):
            assert value.startswith(("/", "#", "?", "https://", "http://")) or value == "", (
                where,
                name,
                value,
            )
            assert "hostile.example" not in value.split("?")[0], (where, value)
    assert not "".join(page.scripts).strip(), where  # nothing inline: the CSP would refuse it anyway
    assert "49" not in [w.strip() for w in page.words], where  # {{ 7 * 7 }}
    return page


def leaked(text: str) -> Iterable[str]:
    """What shows that something was executed, or told of the inside."""
    signs = (
        "Traceback (most recent",
        "uid=0(",
        "root:x:",
        "jinja2.",
        "sqlalchemy.exc",
        "<Config",
        "__globals__': ",
    )
    return [sign for sign in signs if sign in text]
