"""``/api/v1/conversations/{id}/manner``: how she is served and why, and her own choice of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aiohttp import web

from bot.channels.errors import ApiError
from bot.channels.language import tongue_of
from bot.channels.validation import only
from bot.channels.web_base import Shared, body_of, json_response, secret_of
from bot.conversation.errors import PersonalisationOffError
from bot.conversation.manner import Manner, Manners

_ADDRESS = "/api/v1/conversations/{conversation_id}/manner"


class MannerRoutes:
    """The routes.

    Args:
        shared: what the routes work with.
        manners: tells and takes what she chooses.
    """

    def __init__(self, shared: Shared, manners: Manners) -> None:
        self._shared = shared
        self._manners = manners

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(_ADDRESS, self.look, allow_head=False),
            web.put(_ADDRESS, self.choose),
        ]

    async def look(self, request: web.Request) -> web.Response:
        """Tell how she is served, and what she may choose."""
        await self._shared.limiter.request(self._shared.addresses.of(request))
        conversation_id = request.match_info["conversation_id"]
        manner = await self._manners.look(conversation_id, secret_of(request))
        return json_response(tongue_of(request).words(manner_json(manner)))

    async def choose(self, request: web.Request) -> web.Response:
        """Take her choice, or take it back; 409 while personalisation is off."""
        await self._shared.limiter.request(self._shared.addresses.of(request))
        data = await body_of(request)
        only(data, "style")
        style = data.get("style", "")
        if style is not None and not isinstance(style, str):
            raise ApiError(422, "invalid_field", "style must be a text or null.")
        conversation_id, secret = request.match_info["conversation_id"], secret_of(request)
        await self._shared.limiter.message(conversation_id)
        try:
            manner = await self._manners.choose(conversation_id, secret, style)
        except PersonalisationOffError as exc:
            raise ApiError(409, "personalisation_off", self._manners.refused) from exc
        except ValueError as exc:
            raise ApiError(422, "unknown_style", "There is no such style.") from exc
        return json_response(tongue_of(request).words(manner_json(manner)))


def manner_json(manner: Manner) -> dict[str, Any]:
    """Return how she is served as clients see it."""
    return {
        "personalisation": manner.personalisation,
        "style": manner.style,
        "chosen": manner.chosen,
        "line": manner.line,
        "choices": [asdict(choice) for choice in manner.choices],
    }
