"""REST: open a conversation, chat, read messages, switch personalisation, log in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiohttp import web

from bot.channels.errors import ApiError
from bot.channels.language import AS_IS, Tongue, tongue_of
from bot.channels.metrics import TRACE
from bot.channels.page_context import page_context
from bot.channels.tokens import TokenError
from bot.channels.validation import (
    after_parameter,
    bool_field,
    cursor_parameter,
    id_field,
    idempotency_key,
    incoming,
    only,
)
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
            web.get(f"{conversation}/earlier", self.earlier, allow_head=False),
            web.put(f"{conversation}/personalisation", self.personalisation),
            web.post(f"{conversation}/identify", self.identify),
        ]

    async def _enter(self, request: web.Request) -> str:
        """Count the request and return the blind hash of where it comes from."""
        address = self._shared.addresses.of(request)
        await self._shared.limiter.request(address)
        return self._shared.net(address)

    async def open(self, request: web.Request) -> web.Response:
        """Open a conversation; with a token it is the customer's, and may be her running one."""
        net = await self._enter(request)
        key = idempotency_key(request.headers.get("Idempotency-Key"))
        customer_id = self._shared.customer(request)
        resume = False
        if request.can_read_body and (await request.read()).strip():
            data = await body_of(request)
            only(data, "resume")
            resume = "resume" in data and bool_field(data, "resume")
        await self._shared.limiter.opening(self._shared.addresses.of(request))
        opened = await self._shared.conversations.open(
            channel=CHANNEL, customer_id=customer_id, net=net, key=key, resume=resume
        )
        first = {
            "conversation_id": opened.conversation_id,
            "secret": opened.secret,
            "resumed": opened.resumed,
            **outcome_json(opened.outcome, tongue_of(request)),
        }
        return json_response(first, status=200 if opened.resumed else 201)

    async def chat(self, request: web.Request) -> web.Response:
        """Take a message and return the replies to it."""
        net = await self._enter(request)
        data = await body_of(request)
        only(data, "conversation_id", "message_id", "text", "button", "context")
        conversation_id = id_field(data, "conversation_id")
        message = replace(incoming(data, net), trace=request.get(TRACE, ""), context=page_context(data))
        secret = secret_of(request)
        await self._shared.limiter.message(conversation_id)
        outcome = await self._shared.conversations.send(conversation_id, secret, message)
        return json_response(outcome_json(outcome, tongue_of(request)))

    async def messages(self, request: web.Request) -> web.Response:
        """Return the messages after a point, the shopper's own included."""
        await self._enter(request)
        for name in request.query:
            if name != "after":
                raise ApiError(422, "invalid_parameter", "after is the only parameter.")
        after = after_parameter(request.query.get("after"))
        page = await self._shared.conversations.messages(
            request.match_info["conversation_id"], secret_of(request), after
        )
        seen = [tongue_of(request).message(message) for message in page.messages]
        return json_response({**owner_json(page), "style": page.style, "messages": seen, "more": page.more})

    async def earlier(self, request: web.Request) -> web.Response:
        """Return messages of the customer's earlier conversations, the newest page first."""
        await self._enter(request)
        for name in request.query:
            if name != "before":
                raise ApiError(422, "invalid_parameter", "before is the only parameter.")
        before = cursor_parameter(request.query.get("before"))
        page = await self._shared.conversations.earlier(
            request.match_info["conversation_id"], secret_of(request), before
        )
        seen = [tongue_of(request).message(message) for message in page.messages]
        return json_response({"messages": seen, "before": page.before})

    async def personalisation(self, request: web.Request) -> web.Response:
        """Switch personalisation on or off; off deletes what was inferred."""
        await self._enter(request)
        data = await body_of(request)
        only(data, "on")
        on = bool_field(data, "on")
        await self._shared.conversations.set_personalisation(
            request.match_info["conversation_id"], secret_of(request), on=on
        )
        return json_response({"personalisation": on})

    async def identify(self, request: web.Request) -> web.Response:
        """Bind a running conversation to the customer of the token."""
        net = await self._enter(request)
        customer_id = self._shared.customer(request)
        if customer_id is None:
            raise TokenError("token_missing", "A token is needed: Authorization: Bearer <token>.")
        if request.can_read_body and (await request.read()).strip():
            only(await body_of(request))
        outcome = await self._shared.conversations.identify(
            request.match_info["conversation_id"], secret_of(request), customer_id, net
        )
        return json_response(outcome_json(outcome, tongue_of(request)))


def outcome_json(outcome: Outcome, tongue: Tongue = AS_IS) -> dict[str, Any]:
    """Return who answers, the dress, the replies; ``pending`` only where the answer itself is to follow."""
    replies = [tongue.message(reply) for reply in outcome.replies]
    data: dict[str, Any] = {**owner_json(outcome), "style": outcome.style, "replies": replies}
    if outcome.pending:
        data["pending"] = True
    return data
