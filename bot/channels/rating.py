"""``/api/v1/conversations/{id}/rating``: how a shopper rates what she was told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.channels.errors import ApiError
from bot.channels.validation import is_blank, only, shopper_text, text_field
from bot.channels.web_base import Shared, body_of, json_response, secret_of
from bot.conversation.rating_rows import DIMENSIONS, HIGHEST, LOWEST, Rated, Rating
from bot.conversation.ratings import Ratings


class RatingRoute:
    """The route.

    Args:
        shared: what the routes work with.
        ratings: stores them.
    """

    def __init__(self, shared: Shared, ratings: Ratings) -> None:
        self._shared = shared
        self._ratings = ratings

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        address = "/api/v1/conversations/{conversation_id}/rating"
        return [web.get(address, self.look, allow_head=False), web.put(address, self.rate)]

    async def look(self, request: web.Request) -> web.Response:
        """Return the rating; 404 where there is none yet."""
        await self._shared.limiter.request(self._shared.addresses.of(request))
        secret, conversation_id = secret_of(request), request.match_info["conversation_id"]
        rated = await self._ratings.look(conversation_id, secret)
        if rated is None:
            raise ApiError(404, "not_rated", "The conversation has not been rated.")
        return json_response(rated_json(rated))

    async def rate(self, request: web.Request) -> web.Response:
        """Store a rating, or change it within a day."""
        await self._shared.limiter.request(self._shared.addresses.of(request))
        rating = read_rating(await body_of(request))
        secret, conversation_id = secret_of(request), request.match_info["conversation_id"]
        return json_response(rated_json(await self._ratings.rate(conversation_id, secret, rating)))


def read_rating(data: Mapping[str, Any]) -> Rating:
    """Return the rating of a body.

    Raises:
        ApiError: 400 or 422.
    """
    only(data, "score", "dimensions", "comment")
    dimensions = data.get("dimensions")
    if dimensions is None:
        dimensions = {}
    if not isinstance(dimensions, dict):
        raise ApiError(422, "invalid_field", "dimensions must be an object.")
    only(dimensions, *DIMENSIONS)
    comment = None
    if data.get("comment") is not None and not is_blank(text_field(data, "comment")):
        comment = shopper_text(text_field(data, "comment"))
    found = {name: _score(f"dimensions.{name}", value) for name, value in dimensions.items()}
    return Rating(_score("score", data.get("score")), found, comment)


def rated_json(rated: Rated) -> dict[str, Any]:
    """Return a stored rating as its shopper sees it."""
    return {
        "score": rated.rating.score,
        "dimensions": dict(rated.rating.dimensions),
        "comment": rated.rating.comment,
        "rated_at": rated.at.isoformat(timespec="milliseconds"),
        "changeable_until": rated.changeable_until.isoformat(timespec="milliseconds"),
    }


def _score(name: str, value: Any) -> int:
    if isinstance(value, float) and value.is_integer():  # to JSON 5.0 is the same number as 5
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not LOWEST <= value <= HIGHEST:
        raise ApiError(422, "invalid_field", f"{name} must be a whole number from {LOWEST} to {HIGHEST}.")
    return value
