"""The OpenAPI document of the front, at ``/api/v1/openapi.json``."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.channels.openapi_schemas import SCHEMAS
from bot.channels.web_base import SECRET_HEADER, json_response

_JSON = "application/json"


def _content(schema: str) -> dict[str, Any]:
    return {_JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _answer(description: str, schema: str) -> dict[str, Any]:
    return {"description": description, "content": _content(schema)}


def _body(schema: str, *, required: bool = True) -> dict[str, Any]:
    return {"required": required, "content": _content(schema)}


def _refusals(*statuses: int) -> dict[str, Any]:
    said = {
        400: "The body is missing, is not JSON, or holds characters that cannot be read.",
        401: "The token or the secret is missing or proves nothing.",
        404: "No such conversation, or the secret does not open it.",
        409: "It contradicts what the conversation holds.",
        413: "The body is larger than 64 KiB.",
        422: "A field or its value is not allowed; about texts the message is Chinese, for the shopper.",
        429: "Too many: come back after `Retry-After` seconds.",
        503: "The record cannot be used now: send the same request again.",
    }
    answers = {str(status): _answer(said[status], "Error") for status in statuses}
    if "429" in answers:
        answers["429"]["headers"] = {
            "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}
        }
    return answers


_CONVERSATION = {"name": "conversation_id", "in": "path", "required": True, "schema": {"type": "string"}}
_SECRET: list[dict[str, list[str]]] = [{"secret": []}]
_TOKEN: list[dict[str, list[str]]] = [{"token": []}]

_PATHS: dict[str, Any] = {
    "/api/v1/conversations": {
        "post": {
            "operationId": "openConversation",
            "summary": "Open a conversation",
            "description": "With a token the conversation is the customer's, without one it is anonymous. "
            "The same `Idempotency-Key` finds the conversation that it opened, for 24 hours.",
            "security": [{}, *_TOKEN],
            "parameters": [
                {
                    "name": "Idempotency-Key",
                    "in": "header",
                    "required": False,
                    "schema": {"type": "string", "minLength": 8, "maxLength": 128},
                }
            ],
            "requestBody": _body("Empty", required=False),
            "responses": {
                "201": _answer("Opened, or found again by its key.", "Opened"),
                **_refusals(400, 401, 413, 422, 429, 503),
            },
        }
    },
    "/api/v1/chat": {
        "post": {
            "operationId": "chat",
            "summary": "Send a message and get the replies to it",
            "description": "The message is stored before anything else: it will be answered once, whatever "
            "happens. The same `message_id` with the same content returns the same replies and does nothing "
            "again. Where the answer takes longer than 10 seconds, `pending` is true and it follows by "
            "`messages` or the WebSocket.",
            "security": _SECRET,
            "requestBody": _body("Chat"),
            "responses": {
                "200": _answer("The replies.", "Replies"),
                **_refusals(400, 401, 404, 409, 413, 422, 429, 503),
            },
        }
    },
    "/api/v1/conversations/{conversation_id}/messages": {
        "get": {
            "operationId": "messages",
            "summary": "Read messages after a point",
            "security": _SECRET,
            "parameters": [
                _CONVERSATION,
                {
                    "name": "after",
                    "in": "query",
                    "required": False,
                    "schema": {"type": "integer", "minimum": 0, "default": 0},
                    "description": "Messages with a greater seq are returned, at most 200.",
                },
            ],
            "responses": {
                "200": _answer("Messages, ascending.", "Messages"),
                **_refusals(401, 404, 422, 429, 503),
            },
        }
    },
    "/api/v1/conversations/{conversation_id}/personalisation": {
        "put": {
            "operationId": "setPersonalisation",
            "summary": "Switch personalisation on or off",
            "description": "Off: replies are neutral, nothing is inferred or kept, and what was inferred is "
            "deleted, in all conversations of the customer.",
            "security": _SECRET,
            "parameters": [_CONVERSATION],
            "requestBody": _body("Personalisation"),
            "responses": {
                "200": _answer("Switched.", "PersonalisationState"),
                **_refusals(400, 401, 404, 413, 422, 429, 503),
            },
        }
    },
    "/api/v1/conversations/{conversation_id}/identify": {
        "post": {
            "operationId": "identify",
            "summary": "Bind a running conversation to the customer of a token",
            "security": [{"secret": [], "token": []}],
            "parameters": [_CONVERSATION],
            "requestBody": _body("Empty", required=False),
            "responses": {
                "200": _answer("The replies to the login.", "Replies"),
                **_refusals(400, 401, 404, 409, 413, 422, 429, 503),
            },
        }
    },
    "/api/v1/ws": {
        "get": {
            "operationId": "socket",
            "summary": "The same messages over a WebSocket",
            "description": "First frame of the client: `AuthFrame`, within 5 seconds. Then `MessageFrame` "
            'and `{"type": "ping"}`. Frames of the server: `ServerFrame`.',
            "security": [{}],
            "responses": {
                "101": {"description": "Switched to WebSocket."},
                "403": _answer("Pages of this origin may not connect.", "Error"),
                "426": _answer("The request is no WebSocket handshake.", "Error"),
                **_refusals(429),
            },
        }
    },
    "/healthz": {
        "get": {
            "operationId": "healthz",
            "summary": "The process serves",
            "security": [{}],
            "responses": {"200": _answer("It does.", "Health")},
        }
    },
    "/readyz": {
        "get": {
            "operationId": "readyz",
            "summary": "A message would be answered now",
            "security": [{}],
            "responses": {
                "200": _answer("Everything is there.", "Ready"),
                "503": _answer("Something is missing.", "Ready"),
            },
        }
    },
}

_DEMO_PATHS: dict[str, Any] = {
    "/demo/shoppers": {
        "get": {
            "operationId": "demoShoppers",
            "summary": "The demo's shoppers (demo mode only)",
            "security": [{}],
            "responses": {"200": _answer("Who can be chosen.", "DemoShoppers"), **_refusals(429)},
        }
    },
    "/demo/login": {
        "post": {
            "operationId": "demoLogin",
            "summary": "A token for one of the demo's shoppers (demo mode only)",
            "security": [{}],
            "requestBody": _body("DemoLogin"),
            "responses": {
                "200": _answer("The token.", "DemoToken"),
                **_refusals(400, 404, 413, 422, 429),
            },
        }
    },
    "/api/v1/conversations/{conversation_id}/reading": {
        "get": {
            "operationId": "demoReading",
            "summary": "The reading behind the replies (demo mode only)",
            "security": _SECRET,
            "parameters": [_CONVERSATION],
            "responses": {
                "200": _answer("Belief and last reading.", "DemoReading"),
                **_refusals(401, 404, 429, 503),
            },
        }
    },
}


def document(*, demo: bool) -> dict[str, Any]:
    """Return the document; the demo's routes are in it only where they exist."""
    schemas = {name: schema for name, schema in SCHEMAS.items() if demo or not name.startswith("Demo")}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "知心 Zhixin",
            "version": "1",
            "description": "Chat of an e-commerce shop's shoppers with the assistant. "
            "Times are ISO 8601, Asia/Shanghai.",
        },
        "paths": {**_PATHS, **(_DEMO_PATHS if demo else {})},
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "secret": {"type": "apiKey", "in": "header", "name": SECRET_HEADER},
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "HS256 with kid; iss, aud, sub (customer id), exp at most an hour ahead.",
                },
            },
        },
    }


class OpenApi:
    """Serves the document."""

    def __init__(self, *, demo: bool) -> None:
        self._document = document(demo=demo)

    def routes(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.get("/api/v1/openapi.json", self.get)]

    async def get(self, _request: web.Request) -> web.Response:
        """Return the document."""
        return json_response(self._document)
