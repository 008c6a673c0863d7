"""Cuts what a shopper wrote into pieces that a template can show: plain, masked, highlighted, or a link.

Whatever the words are, the template escapes them; here nothing becomes markup. Addresses are links to the
desk's own warning page. Characters that turn the direction of writing are made visible.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from persona.privacy.masking import masked_places

#: http and https alone: nothing else (javascript:, data:, file:) ever becomes a link.
_LINK = re.compile(
    r"""(?:https?://|www\.)[^\s<>"'`，。；：！？、）】》」”’\u202a-\u202e\u2066-\u2069]{1,2000}""", re.I
)
_HOST = re.compile(r"[a-z0-9._-]+", re.IGNORECASE)
_TRAILING = ".,;:!?)]}"
_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)


@dataclass(frozen=True)
class Mark:
    """A place of a text that spoke for a type.

    Attributes:
        start: offset in code points.
        end: end offset, exclusive.
        kind: code of the type.
        tip: what an agent reads about it.
    """

    start: int
    end: int
    kind: str
    tip: str


@dataclass(frozen=True)
class Piece:
    """A run of text that looks the same.

    Attributes:
        text: what is shown.
        href: the warning page of a link, or "".
        kind: code of the type that it speaks for, or "".
        tip: about that, or "".
        masked: it stands for personal data.
    """

    text: str
    href: str = ""
    kind: str = ""
    tip: str = ""
    masked: bool = False


def visible(text: str) -> str:
    """Return `text` with characters that cannot be seen, or turn the direction, as their names: [U+202E]."""
    return _INVISIBLE.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def leave_address(target: str) -> str:
    """Return the address of the page that warns before a link is followed."""
    return f"/desk/leave?to={quote(target, safe='')}"


def checked_target(target: str) -> str | None:
    """Return where a link leads as a browser may be sent there; None for what is no web address.

    Names of hosts in other scripts become what they really are (punycode): look-alikes cannot be mistaken.
    """
    whole = target if "://" in target else f"http://{target}"
    if len(whole) > 2100 or _INVISIBLE.search(whole) or any(c.isspace() or c in "\\<>\"'`" for c in whole):
        return None
    try:
        parts = urlsplit(whole)
        if parts.scheme.lower() not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            return None
        host = parts.hostname.encode("idna").decode("ascii")
        if not _HOST.fullmatch(host):  # what a name is brought to may hold signs that it did not show
            return None
        port = f":{parts.port}" if parts.port else ""
    except (ValueError, UnicodeError):
        return None
    return parts._replace(netloc=f"{host}{port}").geturl()


def pieces(text: str, marks: Sequence[Mark] = (), *, revealed: bool = False) -> tuple[Piece, ...]:
    """Cut `text`; the shown texts of the pieces, joined, are the text with personal data masked.

    Args:
        text: as it was written.
        marks: places to highlight, without overlaps; those outside of the text are left out.
        revealed: personal data are shown as they are.
    """
    masked = () if revealed else masked_places(text)
    links = [link for link in _links(text) if all(link[1] <= m.start or link[0] >= m.end for m in masked)]
    inside = [m for m in marks if 0 <= m.start < m.end <= len(text)]
    cuts = {0, len(text)}
    cuts |= {edge for m in masked for edge in (m.start, m.end)} | {e for link in links for e in link[:2]}
    cuts |= {edge for m in inside for edge in (m.start, m.end)}
    cuts = {c for c in cuts if all(not m.start < c < m.end for m in masked)}
    edges = sorted(cuts)
    out = []
    for start, end in itertools.pairwise(edges):
        hidden = next((m for m in masked if m.start == start), None)
        mark = next((m for m in inside if m.start < end and start < m.end), None)
        href = next((link[2] for link in links if link[0] <= start and end <= link[1]), "")
        shown = hidden.shown if hidden is not None else visible(text[start:end])
        kind, tip = (mark.kind, mark.tip) if mark is not None else ("", "")
        out.append(Piece(shown, href, kind, tip, hidden is not None))
    return tuple(out)


def _links(text: str) -> list[tuple[int, int, str]]:
    found = []
    for match in _LINK.finditer(text):
        words = match[0].rstrip(_TRAILING)
        if checked_target(words) is not None:
            found.append((match.start(), match.start() + len(words), leave_address(words)))
    return found
