"""The OpenAPI document of the front, at ``/api/v1/openapi.json``."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.channels import openapi_manner, openapi_shelf
from bot.channels.openapi_events import add_to
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
        408: "The body did not arrive in time.",
        413: "The body is larger than 64 KiB.",
        415: "The body is compressed.",
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

_OPENED_ID = "$response.body#/conversation_id"
_LINKS = {
    operation: {"operationId": operation, "parameters": {"conversation_id": _OPENED_ID}}
    for operation in ("messages", "earlier", "setPersonalisation", "identify")
} | {
    "chat": {
        "operationId": "chat",
        "requestBody": {"conversation_id": _OPENED_ID},
        "description": "The secret of the answer opens it, in `X-Conversation-Secret`.",
    }
}

_PATHS: dict[str, Any] = {
    "/api/v1/conversations": {
        "post": {
            "operationId": "openConversation",
            "summary": "Open a conversation",
            "description": "With a token the conversation is the customer's, without one it is anonymous. "
            "With `resume` and a token the customer's running conversation (not over, something said within "
            "30 days, the latest one) is given again under a secret of its own; where there is none, or no "
            "token, one is opened. The last 20 such secrets of a conversation open it. The same "
            "`Idempotency-Key` finds the conversation that it opened or gave, for 24 hours.",
            "security": [{}, *_TOKEN],
            "parameters": [
                {
                    "name": "Idempotency-Key",
                    "in": "header",
                    "required": False,
                    "schema": {
                        "type": "string",
                        "minLength": 8,
                        "maxLength": 128,
                        "pattern": "^[\\x21-\\x7e]+$",
                    },
                }
            ],
            "requestBody": _body("Opening", required=False),
            "responses": {
                "200": {**_answer("The running one, or found again by its key.", "Opened"), "links": _LINKS},
                "201": {**_answer("Opened, or found again by its key.", "Opened"), "links": _LINKS},
                **_refusals(400, 401, 408, 413, 415, 422, 429, 503),
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
                **_refusals(400, 401, 404, 409, 408, 413, 415, 422, 429, 503),
            },
        }
    },
    "/api/v1/conversations/{conversation_id}/pictures": {
        "post": {
            "operationId": "sendPicture",
            "summary": "Send a picture and get the replies to it",
            "description": "It is made anew, upright, at most 1600 pixels a side, without metadata, and "
            "stored with its message in one step. The same `message_id` with the same file is the same "
            "message. Six at once in a conversation, then six a minute.",
            "security": _SECRET,
            "parameters": [_CONVERSATION],
            "requestBody": {
                "required": True,
                "content": {"multipart/form-data": {"schema": {"$ref": "#/components/schemas/PictureForm"}}},
            },
            "responses": {
                "200": _answer("The replies.", "Replies"),
                **_refusals(400, 401, 404, 409, 408, 422, 429, 503),
                "413": _answer("`picture_too_large`: more than 10 MB.", "Error"),
                "415": _answer("The body is no form in parts, or is compressed.", "Error"),
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
                    "schema": {"type": "integer", "minimum": 0, "maximum": 999_999_999, "default": 0},
                    "description": "Messages with a greater seq are returned, at most 200.",
                },
            ],
            "responses": {
                "200": _answer("Messages, ascending.", "Messages"),
                **_refusals(401, 404, 422, 429, 503),
            },
        }
    },
    "/api/v1/conversations/{conversation_id}/earlier": {
        "get": {
            "operationId": "earlier",
            "summary": "Read what was said in the customer's earlier conversations",
            "description": "The newest page first, ascending within it, at most 50 messages, without "
            "buttons. Only in a conversation that is a customer's by login; in others there is nothing.",
            "security": _SECRET,
            "parameters": [
                _CONVERSATION,
                {
                    "name": "before",
                    "in": "query",
                    "required": False,
                    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,512}$"},
                    "description": "`before` of the page that was read last.",
                },
            ],
            "responses": {
                "200": _answer("Messages, ascending.", "Earlier"),
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
                **_refusals(400, 401, 404, 408, 413, 415, 422, 429, 503),
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
                **_refusals(400, 401, 404, 409, 408, 413, 415, 422, 429, 503),
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
                **_refusals(429, 503),
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
                "200": _answer("It would; `degraded` lists what is away and not needed for that.", "Ready"),
                "503": _answer("It would not: a part is missing, or the process is stopping.", "Ready"),
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
                **_refusals(400, 404, 408, 413, 415, 422, 429),
            },
        }
    },
    "/demo/products": {
        "get": {
            "operationId": "demoProducts",
            "summary": "What the demo shop sells (demo mode only)",
            "security": [{}],
            "responses": {"200": _answer("All products.", "DemoProducts"), **_refusals(429, 503)},
        }
    },
    "/demo/products/{product_id}": {
        "get": {
            "operationId": "demoProduct",
            "summary": "One product of the demo shop (demo mode only)",
            "security": [{}],
            "parameters": [
                {"name": "product_id", "in": "path", "required": True, "schema": {"type": "string"}}
            ],
            "responses": {
                "200": _answer("The product with its variants.", "DemoProduct"),
                **_refusals(404, 429, 503),
            },
        }
    },
    "/demo/my-orders": {
        "get": {
            "operationId": "demoOrders",
            "summary": "The orders of the shopper who is chosen (demo mode only)",
            "security": _TOKEN,
            "responses": {
                "200": _answer("Her orders, newest first.", "DemoOrders"),
                **_refusals(401, 429, 503),
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
    made = {
        "openapi": "3.1.0",
        "info": {
            "title": "知心 Zhixin",
            "version": "1",
            "description": "Chat of an e-commerce shop's shoppers with the assistant. "
            "Times are ISO 8601, Asia/Shanghai. With `Accept-Language: zh-Hant` (zh-TW, zh-HK) the words of "
            "the assistant and the system come in Traditional characters; agents' and shoppers' stay.",
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
    made = openapi_manner.add_to(openapi_shelf.add_to(made, _answer, _refusals), _answer, _refusals)
    return add_to(made, _refusals)


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
