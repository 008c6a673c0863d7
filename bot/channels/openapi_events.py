"""The part of the OpenAPI document about events, webhooks and ratings, with an example of each event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.channels.event_reading import FORMS, LEVELS, RETURN_STATES
from bot.channels.events import MOST_EVENTS
from bot.conversation.outbox import Happening
from bot.conversation.rating_rows import DIMENSIONS, HIGHEST, LOWEST
from bot.conversation.shop_news import NewsKind
from bot.conversation.webhooks import ATTEMPT_HEADER, DELIVERY_HEADER, KIND_HEADER
from persona.privacy.signing import SIGNATURE_HEADER, TIMESTAMP_HEADER

_JSON = "application/json"
_MOMENT: dict[str, Any] = {"type": "string", "format": "date-time"}
_MONEY: dict[str, Any] = {
    "type": "string",
    "pattern": r"^(0|[1-9][0-9]{0,7})(\.[0-9]{1,2})?$",
    "description": "Yuan.",
}


def _text(longest: int, least: int = 1) -> dict[str, Any]:
    return {"type": "string", "minLength": least, "maxLength": longest}


def _id(longest: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest, "pattern": "^[\\x21-\\x7e]+$"}


def _number(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


def _object(required: list[str], properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
        **more,
    }


_FLAG: dict[str, Any] = {"type": "boolean"}

#: The schema of each key of `data`; a test holds the keys against what is read.
DATA: Mapping[NewsKind, Mapping[str, dict[str, Any]]] = {
    NewsKind.PAID: {"amount": _MONEY, "method": _text(24)},
    NewsKind.SHIPPED: {
        "carrier": _text(40),
        "tracking_number": _text(40),
        "promised_by": _MOMENT,
        "expected_by": _MOMENT,
    },
    NewsKind.DELAYED: {"expected_by": _MOMENT, "cause": _text(120)},
    NewsKind.DELIVERED: {},
    NewsKind.RETURNED: {"amount": _MONEY, "state": {"enum": list(RETURN_STATES)}},
    NewsKind.REVIEWED: {"stars": _number(1, 5), "text": _text(5000, 0), "pictures": _number(0, 99)},
    NewsKind.BROWSED: {"seconds": _number(0, 86_400), "compared": _FLAG, "detail_opened": _FLAG},
    NewsKind.PROFILE_CHANGED: {
        "name": _text(60),
        "phone": _text(20),
        "level": {"enum": list(LEVELS)},
        "points": _number(0, 100_000_000),
    },
    NewsKind.RESTOCKED: {"stock": _number(0, 1_000_000), "sku_id": _id(40)},
}

_ORDER = {"customer_id": "u1001", "order_number": "202611200001"}

#: One good event of each kind.
EXAMPLES: Mapping[NewsKind, Mapping[str, Any]] = {
    NewsKind.PAID: {**_ORDER, "data": {"amount": "289.00", "method": "微信支付"}},
    NewsKind.SHIPPED: {
        **_ORDER,
        "data": {
            "carrier": "顺丰速运",
            "tracking_number": "SF1234567890",
            "promised_by": "2026-11-24T18:00:00+08:00",
            "expected_by": "2026-11-23T18:00:00+08:00",
        },
    },
    NewsKind.DELAYED: {
        **_ORDER,
        "data": {"expected_by": "2026-11-26T18:00:00+08:00", "cause": "分拨中心积压"},
    },
    NewsKind.DELIVERED: {**_ORDER, "data": {}},
    NewsKind.RETURNED: {**_ORDER, "data": {"amount": "289.00", "state": "received"}},
    NewsKind.REVIEWED: {
        **_ORDER,
        "product_id": "p001",
        "data": {"stars": 5, "text": "很合脚，跑起来轻。", "pictures": 2},
    },
    NewsKind.BROWSED: {
        "customer_id": "u1001",
        "product_id": "p001",
        "data": {"seconds": 95, "compared": True, "detail_opened": True},
    },
    NewsKind.PROFILE_CHANGED: {"customer_id": "u1001", "data": {"level": "gold", "points": 5200}},
    NewsKind.RESTOCKED: {"product_id": "p001", "data": {"stock": 40, "sku_id": "p001-42"}},
}


def example(kind: NewsKind) -> dict[str, Any]:
    """Return a good event of a kind."""
    return {
        "event_id": f"evt-{kind.value}-0001",
        "kind": kind.value,
        "at": "2026-11-22T10:30:00+08:00",
        **EXAMPLES[kind],
    }


def _event(kind: NewsKind) -> dict[str, Any]:
    form, ids = FORMS[kind], {"customer_id": _id(128), "order_number": _id(64), "product_id": _id(64)}
    data = _object(list(form.needed), dict(DATA[kind]))
    if form.least:
        data["minProperties"] = form.least
    needs_data = ["data"] if form.needed or form.least else []
    return _object(
        ["event_id", "kind", "at", *form.ids, *needs_data],
        {
            "event_id": {**_id(128), "description": "The shop's own; the same id is the same event."},
            "kind": {"const": kind.value},
            "at": {**_MOMENT, "description": "When it happened."},
            **{name: ids[name] for name in form.ids},
            "data": data,
        },
        examples=[example(kind)],
    )


def _name(kind: NewsKind) -> str:
    return "".join(part.title() for part in kind.value.split("_")) + "Event"


_SCORE = _number(LOWEST, HIGHEST)
_RATING = {
    "score": _SCORE,
    "dimensions": _object([], dict.fromkeys(DIMENSIONS, _SCORE)),
    "comment": {"type": ["string", "null"], "maxLength": 1000},
}
_STRING: dict[str, Any] = {"type": "string"}
_NULLABLE: dict[str, Any] = {"type": ["string", "null"]}

SCHEMAS: dict[str, Any] = {
    **{_name(kind): _event(kind) for kind in NewsKind},
    "Event": {
        "oneOf": [{"$ref": f"#/components/schemas/{_name(kind)}"} for kind in NewsKind],
        "discriminator": {
            "propertyName": "kind",
            "mapping": {kind.value: f"#/components/schemas/{_name(kind)}" for kind in NewsKind},
        },
    },
    "Events": {
        "oneOf": [
            {"$ref": "#/components/schemas/Event"},
            _object(
                ["events"],
                {
                    "events": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": MOST_EVENTS,
                        "items": {"$ref": "#/components/schemas/Event"},
                    }
                },
            ),
        ]
    },
    "EventResult": _object(
        ["event_id", "status"],
        {
            "event_id": {**_NULLABLE, "description": "Null where it could not be read."},
            "status": {
                "enum": ["accepted", "repeated", "conflict", "invalid"],
                "description": "accepted: stored now; repeated: stored before; conflict: the id was used for "
                "other content; invalid: see errors. What is neither accepted nor repeated was not stored.",
            },
            "errors": {
                "type": "array",
                "items": _object(
                    ["field", "message"],
                    {"field": {**_STRING, "examples": ["data.expected_by"]}, "message": _STRING},
                ),
            },
        },
    ),
    "EventResults": _object(
        ["results"],
        {"results": {"type": "array", "items": {"$ref": "#/components/schemas/EventResult"}}},
        description="One result for each event, in the order of the request.",
    ),
    "Rating": _object(["score"], {**_RATING, "dimensions": {**_RATING["dimensions"], "default": {}}}),
    "Rated": _object(
        ["score", "dimensions", "comment", "rated_at", "changeable_until"],
        {**_RATING, "rated_at": _MOMENT, "changeable_until": _MOMENT},
    ),
    "Webhook": _object(
        ["delivery_id", "kind", "at", "conversation_id", "channel", "customer_id", "data"],
        {
            "delivery_id": {**_STRING, "description": "The same delivery may arrive more than once."},
            "kind": {"enum": [happening.value for happening in Happening]},
            "at": _MOMENT,
            "conversation_id": _STRING,
            "channel": _STRING,
            "customer_id": _NULLABLE,
            "data": {"type": "object", "description": "See docs/webhooks.md."},
        },
    ),
}


def _content(schema: str) -> dict[str, Any]:
    return {_JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _answer(description: str, schema: str) -> dict[str, Any]:
    return {"description": description, "content": _content(schema)}


_SIGNED = [
    {
        "name": TIMESTAMP_HEADER,
        "in": "header",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9]{1,12}$"},
        "description": "Seconds since the epoch, at most 5 minutes off.",
    },
    {
        "name": SIGNATURE_HEADER,
        "in": "header",
        "required": True,
        "schema": {"type": "string"},
        "description": "v1=<hex HMAC-SHA256 of `<timestamp>.<raw body>`> under one of the keys.",
    },
]


def _paths(refusals: Any) -> dict[str, Any]:
    events = refusals(400, 401, 408, 413, 415, 422, 429, 503)
    events["401"]["description"] = "The request is not signed by a known key, or too old."
    events["413"]["description"] = "The body is larger than 1 MiB."
    none_taken = {
        "oneOf": [{"$ref": "#/components/schemas/EventResults"}, {"$ref": "#/components/schemas/Error"}]
    }
    events["422"] = {
        "description": "Nothing was stored: every event is invalid, or the request is no event at all.",
        "content": {_JSON: {"schema": none_taken}},
    }
    where = {"name": "conversation_id", "in": "path", "required": True, "schema": _STRING}
    rated: dict[str, Any] = {"security": [{"secret": []}], "parameters": [where]}
    body = _content("Events")
    body[_JSON]["examples"] = {kind.value: {"value": example(kind)} for kind in NewsKind}
    body[_JSON]["examples"]["batch"] = {
        "value": {"events": [example(NewsKind.SHIPPED), example(NewsKind.DELIVERED)]}
    }
    return {
        "/api/v1/events": {
            "post": {
                "operationId": "takeEvents",
                "summary": "Tell what happened in the shop",
                "description": f"One event, or `events` with up to {MOST_EVENTS}. What is accepted is "
                "stored, and worked on once, whatever happens; events of one customer in their order. One "
                "wrong event does not lose the others.",
                "security": [{"signature": []}],
                "parameters": _SIGNED,
                "requestBody": {"required": True, "content": body},
                "responses": {
                    "202": _answer("Something new was stored; see each result.", "EventResults"),
                    "200": _answer("All that could be taken had been before.", "EventResults"),
                    "409": _answer("Nothing was stored: ids were used for other content.", "EventResults"),
                    **events,
                },
            }
        },
        "/api/v1/conversations/{conversation_id}/rating": {
            "get": {
                "operationId": "rating",
                "summary": "The rating of a conversation",
                **rated,
                "responses": {
                    "200": _answer("The rating.", "Rated"),
                    **refusals(401, 429, 503),
                    "404": _answer(
                        "No such conversation (`not_found`), or no rating (`not_rated`).", "Error"
                    ),
                },
            },
            "put": {
                "operationId": "rate",
                "summary": "Rate a conversation",
                "description": "Once something was answered in it; closed ones too. Changed for a day.",
                **rated,
                "requestBody": {"required": True, "content": _content("Rating")},
                "responses": {
                    "200": _answer("Stored.", "Rated"),
                    **refusals(400, 401, 404, 408, 409, 413, 415, 422, 429, 503),
                },
            },
        },
    }


def _webhooks() -> dict[str, Any]:
    named = {DELIVERY_HEADER: "Id of the delivery.", KIND_HEADER: "Its kind.", ATTEMPT_HEADER: "From 1 on."}
    sent = [
        {"name": name, "in": "header", "required": True, "schema": _STRING, "description": text}
        for name, text in named.items()
    ]
    return {
        happening.value: {
            "post": {
                "operationId": f"webhook_{happening.value}",
                "summary": f"A conversation was {happening.value.replace('_', ' ')}",
                "security": [{"signature": []}],
                "parameters": [*_SIGNED, *sent],
                "requestBody": {"required": True, "content": _content("Webhook")},
                "responses": {"2XX": {"description": "Taken. Anything else, and the same is sent again."}},
            }
        }
        for happening in Happening
    }


def add_to(document: dict[str, Any], refusals: Any) -> dict[str, Any]:
    """Return the document with events, ratings and webhooks.

    Args:
        document: the rest of it.
        refusals: makes the answers of refused requests, by status.
    """
    parts = document["components"]
    signature = {
        "type": "apiKey",
        "in": "header",
        "name": SIGNATURE_HEADER,
        "description": "HMAC-SHA256 of timestamp and body; see docs/events.md.",
    }
    return {
        **document,
        "paths": {**document["paths"], **_paths(refusals)},
        "webhooks": _webhooks(),
        "components": {
            **parts,
            "schemas": {**parts["schemas"], **SCHEMAS},
            "securitySchemes": {**parts["securitySchemes"], "signature": signature},
        },
    }
