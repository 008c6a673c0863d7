"""What a messaging platform must do, and the plain data that it takes and gives.

A platform is one module, ``bot/channels/platforms/<name>.py``, which defines

* ``NAME``: its name, as in ``ZHIXIN_CHANNELS``, in ``/channels/<name>`` and in the record;
* ``Settings``: a frozen dataclass, read by :func:`bot.channels.channel_settings.read`;
* ``make(settings, tools) -> Platform``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from bot.conversation.sending import SendError as SendError  # noqa: PLC0414  # told on
from bot.conversation.sending import SendKind as SendKind  # noqa: PLC0414

if TYPE_CHECKING:
    import aiohttp

# -- what comes in ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """One request of the platform to ``/channels/<name>``.

    Attributes:
        method: ``GET`` or ``POST``.
        query: parameters of the address, the first of each name.
        headers: names in lower case.
        body: raw, at most 1 MiB.
        address: network address of the caller.
        now: the present, aware.
    """

    method: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    address: str
    now: datetime


class HeardKind(str, Enum):
    """What a shopper sent or did."""

    TEXT = "text"
    PICTURE = "picture"
    VOICE = "voice"
    LOCATION = "location"
    MENU = "menu"
    SUBSCRIBE = "subscribe"
    UNSUBSCRIBE = "unsubscribe"
    GONE = "gone"  # the platform tells that a message could not be delivered, or that a session has ended
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True)
class Media:
    """A file that stays with the platform until it is fetched.

    Attributes:
        id: the platform's name of it; empty where there is an address.
        address: where it can be fetched.
        content_type: as told; empty where it is not.
    """

    id: str = ""
    address: str = ""
    content_type: str = ""


@dataclass(frozen=True)
class Heard:
    """One message or event of a shopper.

    Attributes:
        user: the platform's id of the shopper, unique within `account`.
        message_id: the platform's id of the message, or what stands for one; a repeat has the same.
        kind: what it is.
        at: when she sent it, by the platform's clock; aware.
        text: what she typed; of a voice, what the platform recognised (empty: nothing); of a location, its
            name.
        media: the picture or voice.
        event: the platform's name of an event, or the kind of what is unsupported.
        data: more that is plain JSON: ``{"button": id}`` of a tapped button, ``{"latitude", "longitude"}`` of
            a location, and what the platform needs back in :attr:`Address.data` (``{"reply": {…}}``).
        account: which of the shop's accounts she wrote to, where a platform has several.
    """

    user: str
    message_id: str
    kind: HeardKind
    at: datetime
    text: str = ""
    media: Media | None = None
    event: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    account: str = ""


@dataclass(frozen=True)
class Hint:
    """The platform's word that there is something to pull.

    Attributes:
        account: of which account.
        token: what the platform wants to see when it is pulled; short-lived.
    """

    account: str = ""
    token: str = ""


@dataclass(frozen=True)
class Pulled:
    """One page of what was pulled, oldest first.

    Attributes:
        heard: messages and events.
        cursor: where to go on.
        more: there is another page now.
    """

    heard: tuple[Heard, ...]
    cursor: str
    more: bool = False


@dataclass(frozen=True)
class Receipt:
    """What a call brought, and what it is answered once that is stored.

    Attributes:
        body: of the answer.
        status: of the answer.
        content_type: of the answer.
        heard: messages and events, in their order.
        hint: there is something to pull.
    """

    body: str = "success"
    status: int = 200
    content_type: str = "text/plain"
    heard: tuple[Heard, ...] = ()
    hint: Hint | None = None


class Refused(Exception):  # noqa: N818  # it is no error of ours
    """A call is not the platform's, or cannot be read.

    Attributes:
        status: 401 for a wrong or old signature, 400 for what is malformed.
        code: for programs and the log; no content of the call.
    """

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


# -- what goes out ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Address:
    """Where an answer goes.

    Attributes:
        user: the platform's id of the shopper.
        account: of the shop's account, where a platform has several.
        data: ``Heard.data["reply"]`` of what she sent last (e.g. DingTalk's session webhook); empty if none.
        heard_at: when she last sent or did something.
    """

    user: str
    account: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    heard_at: datetime | None = None


class Unit(str, Enum):
    """What a platform counts in a text."""

    CHARACTERS = "characters"
    BYTES = "bytes"  # of UTF-8


@dataclass(frozen=True)
class Limits:
    """What a platform renders; :func:`bot.channels.rendering.parts` cuts to it.

    Attributes:
        text: length of one text, in `unit`.
        unit: what is counted.
        texts: parts that one reply may become; what is longer is cut.
        buttons: buttons that one part may have; 0: they become numbered choices in the text.
        button_title: characters of a button's title.
        cards: kinds of cards that it renders itself (``products``, ``order`` …); others become text.
        card_rows: rows of one card.
        pictures: it sends pictures (from bytes or an address).
        links: addresses in a text can be tapped.
        window: how long after her last message she may be written to; None: always.
        in_window: parts that may be sent after each message of hers; 0: any number.
        keyed: it takes a key against duplicates.
        echoes: a tapped button comes back as a text of hers, its title.
    """

    text: int
    unit: Unit = Unit.CHARACTERS
    texts: int = 3
    buttons: int = 0
    button_title: int = 20
    cards: frozenset[str] = frozenset()
    card_rows: int = 8
    pictures: bool = False
    links: bool = True
    window: timedelta | None = None
    in_window: int = 0
    keyed: bool = False
    echoes: bool = False


@dataclass(frozen=True)
class Button:
    """A choice: its opaque id comes back as ``Heard.data["button"]``."""

    id: str
    title: str


@dataclass(frozen=True)
class TextPart:
    """A text."""

    text: str


@dataclass(frozen=True)
class PicturePart:
    """A picture.

    Attributes:
        address: absolute address that the platform can fetch; empty where `data` is given.
        data: the file.
        content_type: of the file.
        text: what it shows, in words.
    """

    address: str = ""
    data: bytes = b""
    content_type: str = "image/jpeg"
    text: str = ""


@dataclass(frozen=True)
class ButtonsPart:
    """A text with buttons; only for platforms whose limits have buttons."""

    text: str
    buttons: tuple[Button, ...]


@dataclass(frozen=True)
class CardRow:
    """One row of a card: a product, a step of a shipment, a field of an order.

    Attributes:
        title: what stands first.
        text: the rest of the row.
        picture: absolute address, or empty.
        address: where it leads, or empty.
    """

    title: str
    text: str = ""
    picture: str = ""
    address: str = ""


@dataclass(frozen=True)
class CardPart:
    """A card; only of kinds that the limits name.

    Attributes:
        card: its kind: ``order``, ``shipment``, ``products``, ``comparison``, ``aftersale``, ``policy`` or
            ``coupons``.
        title: its head.
        rows: what it shows.
        buttons: choices, as many as the limits allow.
        text: all of it in plain words, cut to the limits: for where the card is not taken.
        data: the card's data as in the record.
    """

    card: str
    title: str
    rows: tuple[CardRow, ...]
    text: str
    buttons: tuple[Button, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


Part: TypeAlias = TextPart | PicturePart | ButtonsPart | CardPart


# -- configuration ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """What `zhixin channel check NAME` found; without `wrong` it is good news.

    Attributes:
        text: one sentence for the integrator; no secrets.
        wrong: it must be mended.
        code: the platform's code, where it gave one.
    """

    text: str
    wrong: bool = True
    code: str = ""


class Tokens(Protocol):
    """Access tokens shared by all fronts; see :mod:`bot.channels.tokens_cache`."""

    async def get(self, name: str, fetch: Callable[[], Awaitable[tuple[str, float]]]) -> str:
        """Return the token of that name; `fetch` returns a new one and the seconds that it lives."""

    async def expired(self, name: str, token: str) -> None:
        """Say that the platform does not take that token any more; the next `get` fetches another."""


@dataclass(frozen=True)
class Tools:
    """What a platform is given.

    Attributes:
        http: its calls go out here; always give a timeout (``aiohttp.ClientTimeout``).
        tokens: its access tokens; names are its own.
        now: the present, aware.
    """

    http: aiohttp.ClientSession
    tokens: Tokens
    now: Callable[[], datetime]


class Platform(Protocol):
    """A messaging platform."""

    name: str
    limits: Limits

    async def receive(self, call: Call) -> Receipt:
        """Verify, decrypt and parse a call; reads no more than the call.

        Raises:
            Refused: it is not the platform's, or cannot be read.
        """

    async def send(self, to: Address, part: Part, key: str) -> None:
        """Send one part, in at most 10 s; `key` (32 hex digits) is the same whenever it is sent again.

        Raises:
            SendError: it was not taken.
        """

    async def check(self) -> Sequence[Finding]:
        """Ask the platform whether the configuration is good; never raises for what it answers."""


@runtime_checkable
class PulledFrom(Protocol):
    """A platform whose messages are fetched after a hint."""

    async def pull(self, hint: Hint, cursor: str) -> Pulled:
        """Return the messages after a cursor (empty: from the beginning).

        Raises:
            SendError: the platform does not answer, or refuses.
        """


@runtime_checkable
class HasMedia(Protocol):
    """A platform whose pictures can be fetched."""

    async def fetch(self, media: Media, account: str) -> bytes:
        """Return the file, at most 10 MiB.

        Raises:
            SendError: ``away`` to try again, ``refused`` where it is gone.
        """


class SettingsProblem(ValueError):  # noqa: N818  # a list of them
    """A platform's settings are wrong; each argument is one sentence, without values of secrets."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Return the sentences."""
        return tuple(str(arg) for arg in self.args)
