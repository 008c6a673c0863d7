"""The front's own lines, spoken through the one room that has words (:mod:`persona.wording`)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from bot.conversation.types import Author, Kind, OutButton, OutReply

logger = logging.getLogger(__name__)

PRIVACY_NOTICE = "utter_privacy_notice"
STILL_LOOKING = "utter_still_looking"
APOLOGY = "utter_apology"
TOO_LONG = "utter_too_long"
EMPTY = "utter_empty"
UNREADABLE = "utter_unreadable"
RATE_LIMITED = "utter_rate_limited"
PICTURE_TOO_LARGE = "utter_picture_too_large"
PICTURE_TOO_MANY_PIXELS = "utter_picture_too_many_pixels"
NO_PICTURE = "utter_no_picture"
PICTURE_KIND = "utter_picture_kind"
PICTURE_HEIC = "utter_picture_heic"
VOICE_UNHEARD = "utter_voice_unheard"
LOCATION_UNREAD = "utter_location_unread"
KIND_UNSUPPORTED = "utter_kind_unsupported"
PICTURE_NOT_HERE = "utter_picture_not_here"
BIND_LINK = "utter_bind_link"
UNBOUND = "utter_unbound"
BIND_REFUSED = "utter_bind_refused"
SAFETY_FIRST = "utter_safety_first"
QUEUE_JOINED = "utter_queue_joined"
QUEUE_NOBODY = "utter_queue_nobody"
QUEUE_STILL = "utter_queue_still"
QUEUE_AGENT = "utter_queue_agent"
QUEUE_REASSIGNED = "utter_queue_reassigned"
QUEUE_COLLEAGUE = "utter_queue_colleague"
QUEUE_BACK = "utter_queue_back"
QUEUE_CLOSED = "utter_queue_closed"
QUEUE_CANCELLED = "utter_queue_cancelled"
QUEUE_AFTER_HOURS = "utter_queue_after_hours"
QUEUE_NOTED = "utter_queue_noted"
QUEUE_OFFER = "utter_queue_offer"
RATE_US = "utter_rate_us"
RATE_BY_NUMBER = "utter_rate_by_number"
RATED = "utter_rated"
RATED_LOW = "utter_rated_low"
PARCEL_LATE = "utter_parcel_late_notice"
PARCEL_SHIPPED = "utter_parcel_shipped_notice"
PARCEL_DELIVERED = "utter_parcel_delivered_notice"
RESTOCKED = "utter_restocked"


class SpokenButton(Protocol):
    """A tappable next step."""

    @property
    def title(self) -> str:
        """What the shopper reads."""

    @property
    def payload(self) -> str:
        """What Rasa gets when it is tapped."""


class Spoken(Protocol):
    """What :meth:`Speaker.say` returns."""

    @property
    def text(self) -> str:
        """The words."""

    @property
    def buttons(self) -> Sequence[SpokenButton]:
        """The next steps offered."""


class Speaker(Protocol):
    """The part of ``persona.wording.Wording`` that the front needs."""

    def say(
        self,
        response: str,
        facts: Mapping[str, Any],
        style: str,
        options: Sequence[Mapping[str, Any] | str] = (),
    ) -> Spoken:
        """Return the words of a response in a style; raises where a fact is missing.

        `options` are the next steps, ``{"id", "args"}``; empty takes those that the wording names.
        """


class CardSpeaker(Protocol):
    """The part of ``persona.wording.cards.CardTexts`` that the front needs."""

    def say(self, kind: str, data: Mapping[str, Any]) -> str:
        """Return the plain words of a card; "" where there are none."""


_PARCEL: Mapping[str, Any] = {"items": ["轻量跑鞋"], "carrier": "顺丰速运", "tracking_number": "SF1234567890"}

#: Every line that the front speaks, with facts of the right form: a start-up check says each once.
LINES: Mapping[str, Mapping[str, Any]] = {
    PRIVACY_NOTICE: {},
    STILL_LOOKING: {},
    APOLOGY: {},
    TOO_LONG: {"limit": 1000},
    EMPTY: {},
    UNREADABLE: {},
    RATE_LIMITED: {"wait_s": 5},
    PICTURE_TOO_LARGE: {"megabytes": 10},
    PICTURE_TOO_MANY_PIXELS: {"megapixels": 50},
    NO_PICTURE: {},
    PICTURE_KIND: {},
    PICTURE_HEIC: {},
    VOICE_UNHEARD: {},
    LOCATION_UNREAD: {},
    KIND_UNSUPPORTED: {},
    PICTURE_NOT_HERE: {},
    BIND_LINK: {"address": "https://chat.shop.example/channels/bind?t=1"},
    UNBOUND: {},
    SAFETY_FIRST: {},
    QUEUE_JOINED: {"position": 2, "minutes": 5},
    QUEUE_NOBODY: {},
    QUEUE_STILL: {"position": 2, "minutes": 5},
    QUEUE_AGENT: {"agent": "小林"},
    QUEUE_REASSIGNED: {},
    QUEUE_COLLEAGUE: {"agent": "小林"},
    QUEUE_BACK: {},
    QUEUE_CLOSED: {},
    QUEUE_CANCELLED: {},
    QUEUE_AFTER_HOURS: {"answer_by": "2026-11-24T10:00:00+08:00"},
    QUEUE_NOTED: {},
    QUEUE_OFFER: {},
    RATE_US: {},
    RATE_BY_NUMBER: {},
    RATED: {},
    RATED_LOW: {},
    PARCEL_LATE: {**_PARCEL, "promised_by": "2026-11-24T18:00:00+08:00"},
    PARCEL_SHIPPED: _PARCEL,
    PARCEL_DELIVERED: {**_PARCEL, "delivered_at": "2026-11-24T10:20:00+08:00"},
    RESTOCKED: {"product": "轻薄羽绒服"},
}


class Lines:
    """Speaks the front's own lines.

    Args:
        speaker: the wording.
        cards: says cards in plain words; without it a card's text stays as Rasa gave it.
    """

    def __init__(self, speaker: Speaker, cards: CardSpeaker | None = None) -> None:
        self._speaker = speaker
        self._cards = cards

    def with_card_text(self, reply: OutReply) -> OutReply:
        """Return a card with its plain words; any other reply as it is."""
        if self._cards is None or reply.kind is not Kind.CARD or reply.text or reply.card is None:
            return reply
        return replace(reply, text=self._cards.say(reply.card, reply.data or {}))

    def check(self) -> None:
        """Say every line once, so that a missing one stops the start and not a shopper."""
        for response, facts in LINES.items():
            self._speaker.say(response, facts, "neutral")

    def text(self, response: str, facts: Mapping[str, Any] | None = None, style: str = "neutral") -> str:
        """Return the words of a line."""
        return self._speaker.say(response, facts or {}, style).text

    def notice(
        self,
        response: str,
        style: str = "neutral",
        facts: Mapping[str, Any] | None = None,
        options: Sequence[Mapping[str, Any]] = (),
    ) -> OutReply:
        """Return a line as a notice of the system, with the buttons that the wording offers as a way on.

        With `options` they are these next steps, e.g. with the number of an order.
        """
        spoken = (
            self._speaker.say(response, facts or {}, style, options)
            if options
            else self._speaker.say(response, facts or {}, style)
        )
        buttons = tuple(OutButton(b.title, b.payload) for b in spoken.buttons)
        return OutReply(Kind.NOTICE, spoken.text, buttons, code=response, author=Author.SYSTEM)
