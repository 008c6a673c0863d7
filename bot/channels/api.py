"""REST: open a conversation, chat, read messages, switch personalisation, log in."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.channels.errors import ApiError
from bot.channels.tokens import TokenError
from bot.channels.validation import after_parameter, bool_field, idempotency_key, incoming, only, text_field
from bot.channels.web_base import Shared, body_of, json_response, owner_json, secret_of
from bot.conversation.service import Outcome

CHANNEL = "web"


class Api:
    """The routes under ``/api/v1``."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        conversation = "/api/v1/conversations/{conversation_id}"
        return [
            web.post("/api/v1/conversations", self.open),
            web.post("/api/v1/chat", self.chat),
            web.get(f"{conversation}/messages", self.messages, allow_head=False),
            web.put(f"{conversation}/personalisation", self.personalisation),
            web.post(f"{conversation}/identify", self.identify),
        ]

    def _enter(self, request: web.Request) -> str:
        """Count the request and return the blind hash of where it comes from."""
        address = self._shared.addresses.of(request)
        self._shared.limiter.request(address)
        return self._shared.net(address)

    async def open(self, request: web.Request) -> web.Response:
        """Open a conversation; with a token it is the customer's."""
        net = self._enter(request)
        key = idempotency_key(request.headers.get("Idempotency-Key"))
        customer_id = self._shared.customer(request)
        if request.can_read_body and (await request.read()).strip():
            only(await body_of(request))
        self._shared.limiter.opening(self._shared.addresses.of(request))
        opened = await self._shared.conversations.open(
            channel=CHANNEL, customer_id=customer_id, net=net, key=key
        )
        first = outcome_json(opened.outcome)
        return json_response(
            {"conversation_id": opened.conversation_id, "secret": opened.secret, **first}, status=201
        )

    async def chat(self, request: web.Request) -> web.Response:
        """Take a message and return the replies to it."""
        net = self._enter(request)
        data = await body_of(request)
        only(data, "conversation_id", "message_id", "text", "button")
        conversation_id = text_field(data, "conversation_id")
        message = incoming(data, net)
        secret = secret_of(request)
        self._shared.limiter.message(conversation_id)
        outcome = await self._shared.conversations.send(conversation_id, secret, message)
        return json_response(outcome_json(outcome))

    async def messages(self, request: web.Request) -> web.Response:
        """Return the messages after a point, the shopper's own included."""
        self._enter(request)
        for name in request.query:
            if name != "after":
                raise ApiError(422, "invalid_parameter", "after is the only parameter.")
        after = after_parameter(request.query.get("after"))
        page = await self._shared.conversations.messages(
            request.match_info["conversation_id"], secret_of(request), after
        )
        return json_response({**owner_json(page), "messages": list(page.messages), "more": page.more})

    async def personalisation(self, request: web.Request) -> web.Response:
        """Switch personalisation on or off; off deletes what was inferred."""
        self._enter(request)
        data = await body_of(request)
        only(data, "on")
        on = bool_field(data, "on")
        await self._shared.conversations.set_personalisation(
            request.match_info["conversation_id"], secret_of(request), on=on
        )
        return json_response({"personalisation": on})

    async def identify(self, request: web.Request) -> web.Response:
        """Bind a running conversation to the customer of the token."""
        net = self._enter(request)
        customer_id = self._shared.customer(request)
        if customer_id is None:
            raise TokenError("token_missing", "A token is needed: Authorization: Bearer <token>.")
        if request.can_read_body and (await request.read()).strip():
            only(await body_of(request))
        outcome = await self._shared.conversations.identify(
            request.match_info["conversation_id"], secret_of(request), customer_id, net
        )
        return json_response(outcome_json(outcome))


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """Return who answers and the replies; ``pending`` only where the answer itself is to follow."""
    data: dict[str, Any] = {**owner_json(outcome), "replies": list(outcome.replies)}
    if outcome.pending:
        data["pending"] = True
    return data
