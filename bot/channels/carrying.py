"""Brings one platform and the courier together: messages rendered within its limits, pictures as files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from bot.channels.base import Address, Part, PicturePart, Platform
from bot.channels.numbered import chosen, continues, echoed, first_number, offer
from bot.channels.rendering import House, joined, parts
from bot.conversation.carrier import To
from bot.conversation.pictures import Pictures

#: A question for a rating that could not be brought so long (a window was closed) is left out.
_ASKED_WITHIN = timedelta(minutes=30)


class Carried:
    """A platform as the courier sees it.

    Args:
        platform: the platform.
        house: what rendering knows of the shop.
        pictures: the record's pictures.
        clock: returns the present as an aware datetime.
    """

    def __init__(
        self, platform: Platform, house: House, pictures: Pictures, clock: Callable[[], datetime]
    ) -> None:
        self._platform = platform
        self._clock = clock
        self._house = house
        self._pictures = pictures
        self.window: timedelta | None = platform.limits.window
        self.in_window = platform.limits.in_window
        self.keyed = platform.limits.keyed

    async def parts(self, message: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> Sequence[Part]:
        """Return a message as parts."""
        limits, house = self._platform.limits, self._house
        if message.get("type") == "rating" and self._is_late(message):
            return ()
        if message.get("type") == "picture" and limits.pictures:
            file = await self._pictures.open(urlsplit(str(message["url"])).path.rsplit("/", 1)[-1])
            if file is not None:
                text = str(message.get("text") or "")
                return (PicturePart(data=file[0], content_type=file[1], text=text),)
        return parts(message, limits, house, first_number(before, message, limits))

    def together(self, message: Mapping[str, Any], before: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether a message goes on with the answer that was given right before it."""
        return continues(before, message, self._platform.limits)

    def joined(self, first: Part, then: Part) -> Part | None:
        """Return two parts as one; None where they do not fit into one."""
        return joined(first, then, self._platform.limits)

    def _is_late(self, message: Mapping[str, Any]) -> bool:
        """Return whether a question waited so long that she has come with something else since."""
        return self._clock() - datetime.fromisoformat(str(message["at"])) > _ASKED_WITHIN

    async def send(self, to: To, part: Part, key: str) -> None:
        """Send one part; raises SendError."""
        address = Address(to.user, to.account, to.data, to.heard_at)
        await self._platform.send(address, part, key)

    def choose(self, text: str, said: Sequence[Mapping[str, Any]], form_open: bool) -> str | None:
        """Return the id of the button that a typed text chooses."""
        limits = self._platform.limits
        found = echoed(text, said) if limits.echoes else None
        found = found or chosen(text, offer(said, limits), form_open=form_open)
        return None if found is None else found.id
