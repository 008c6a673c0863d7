"""An app of a platform in a shopper's hand: what she does becomes a call, what came back is read."""

from __future__ import annotations

import http.client
import itertools
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar, NoReturn
from urllib.parse import urlencode, urlsplit


@dataclass(frozen=True)
class Shown:
    """One message on her screen.

    Attributes:
        form: the platform's name of its form.
        text: what is read, without the choices that are tapped.
        choices: title → what comes back when it is tapped.
        raw: as it was sent.
    """

    form: str
    text: str
    choices: Mapping[str, str] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """A platform's call to the front."""

    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class Phone(ABC):
    """One shopper's app.

    Args:
        url: of the front.
        server: the platform's.
    """

    name: ClassVar[str]
    #: What the front answers to a call that it takes.
    taken: ClassVar[tuple[int, str]] = (200, "success")
    #: What cannot be done with this app: names of the methods below.
    CANNOT: ClassVar[frozenset[str]] = frozenset()
    #: What the platform cannot answer to a sending, of :data:`TROUBLES`.
    NEVER: ClassVar[frozenset[str]] = frozenset()
    #: Forms in which a card of an order is drawn; without cards of its own: all of it in words.
    CARD: ClassVar[frozenset[str]] = frozenset({"text", "msgmenu"})
    _numbers = itertools.count(1)

    def __init__(self, url: str, server: Any) -> None:
        self._url = url
        self.server = server
        self.user = f"zhx{secrets.token_hex(9)}"
        self.ago = timedelta()  # how old the signatures are that the platform makes

    def signed_at(self) -> datetime:
        """Return when the platform signs what it tells."""
        return datetime.now(timezone.utc) - self.ago

    # -- what she does: each returns the call, which may be posted more than once ---------------------

    @abstractmethod
    def text(self, text: str) -> Made:
        """Type."""

    def tapped(self, title: str, choice: str) -> Made:
        """Tap a choice; where the app has none, its number is typed."""
        return self.text(choice)

    def picture(self, file: bytes) -> Made:
        self._cannot()

    def voice(self, words: str) -> Made:
        """Speak; `words` is what the platform recognises, "" for nothing."""
        self._cannot()

    def location(self, name: str) -> Made:
        self._cannot()

    def menu(self, key: str) -> Made:
        self._cannot()

    def subscribes(self) -> Made:
        self._cannot()

    def unsubscribes(self) -> Made:
        self._cannot()

    def unsupported(self) -> Made:
        self._cannot()

    def _cannot(self) -> NoReturn:
        raise AssertionError(f"{self.name} cannot do this, and its CANNOT does not say so")

    def disorders(self) -> None:  # noqa: B027  # most platforms keep nothing back
        """Let the last two messages be told the other way round, where it keeps them."""

    # -- what goes wrong ----------------------------------------------------------------------------------

    @abstractmethod
    def meets(self, trouble: str) -> None:
        """Let the next sending to her meet one of :data:`TROUBLES`."""

    def relents(self) -> None:  # noqa: B027  # most troubles are over by themselves
        """Let the platform take what is sent to her again."""

    # -- what she sees ------------------------------------------------------------------------------------

    @abstractmethod
    def shown(self) -> list[Shown]:
        """Return all that this shopper has been shown, in order."""

    # -- the wire -----------------------------------------------------------------------------------------

    def post(self, made: Made) -> tuple[int, str]:
        """Let the platform call the front; return status and body."""
        parts = urlsplit(self._url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        path = f"/channels/{self.name}" + (f"?{urlencode(made.query)}" if made.query else "")
        try:
            connection.request("POST", path, made.body, dict(made.headers))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


#: What a platform may do with what is sent to a shopper.
TROUBLES = ("slow", "500", "expired", "busy", "blocked", "closed")


def forged(made: Made) -> Made:
    """Return a call with another signature, as somebody would make it who does not know the key."""

    def other(values: Mapping[str, str]) -> dict[str, str]:
        changed = {name: value[::-1] for name, value in values.items() if "sign" in name.lower()}
        return {**values, **changed}

    return Made(other(made.query), other(made.headers), made.body)
