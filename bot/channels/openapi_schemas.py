"""The schemas of the OpenAPI document: what is sent and what is returned (JSON Schema 2020-12)."""

from __future__ import annotations

from typing import Any

from bot.conversation.rating_rows import DIMENSIONS

_STRING = {"type": "string"}
_ID = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^(?!front-)[\\x21-\\x7e]+$"}
_SEEN_ID = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[\\x21-\\x7e]+$"}
_BUTTON_ID = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9_-]+$"}
#: What a shopper types; it must also show something.
_TEXT = {"type": "string", "minLength": 1, "maxLength": 1000, "pattern": "^[^\\x00]+$"}
_CONTEXT = {"$ref": "#/components/schemas/PageContext"}
_MOMENT = {"type": "string", "format": "date-time"}
_WHERE = {"type": "string", "description": "Among earlier messages only: the conversation it was said in."}
_STYLE = {
    "enum": ["neutral", "power", "perfect", "peace", "lively"],
    "description": "How the page is dressed.",
}
_OWNER = {
    "owner": {"$ref": "#/components/schemas/Owner"},
    "queue": {"$ref": "#/components/schemas/Queue"},
    "agent": {"$ref": "#/components/schemas/Agent"},
}
_MESSAGE_LIST = {"type": "array", "items": {"$ref": "#/components/schemas/Message"}}


def _object(required: list[str], properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
        **more,
    }


def _reply(kind: str, required: list[str], properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return _object(
        ["seq", "type", "author", "at", "in_reply_to", *required],
        {
            "seq": {"type": "integer", "minimum": 1},
            "type": {"const": kind},
            "author": {"enum": ["bot", "agent", "system"]},
            "at": _MOMENT,
            "in_reply_to": {"type": ["string", "null"], "description": "The message_id that it answers."},
            "conversation": _WHERE,
            "agent": {"$ref": "#/components/schemas/Agent"},
            **properties,
        },
        **more,
    )


def _button_list(least: int) -> dict[str, Any]:
    return {"type": "array", "minItems": least, "items": {"$ref": "#/components/schemas/Button"}}


_DATA = {"type": "object", "description": "Content of the card."}
_PICTURE = {
    "url": {"type": "string", "description": "Path on this origin."},
    "width": {"type": "integer", "minimum": 1},
    "height": {"type": "integer", "minimum": 1},
    "text": {"type": "string", "description": "What stands for it in words."},
}
_NULLABLE_OBJECT = {"type": ["object", "null"]}

_DEMO_ROW = {
    "type": "object",
    "required": ["product_id", "name", "price", "picture", "stock"],
    "properties": {"product_id": _STRING, "name": _STRING, "price": _STRING, "picture": _STRING},
}

SCHEMAS: dict[str, Any] = {
    "Empty": _object([], {}),
    "Error": _object(
        ["error"], {"error": _object(["code", "message"], {"code": _STRING, "message": _STRING})}
    ),
    "Owner": {
        "enum": ["BOT", "WAITING", "HUMAN", "CLOSED"],
        "description": "Who answers: the assistant; nobody yet, a person is waited for; an agent; nobody any "
        "more (a new conversation has to be opened).",
    },
    "Queue": _object(
        ["position", "minutes"],
        {
            "position": {"type": "integer", "minimum": 1, "description": "1 is the next one."},
            "minutes": {"type": "integer", "minimum": 1, "description": "Expected wait."},
        },
        description="Only while owner is WAITING.",
    ),
    "Agent": _object(["name"], {"name": _STRING}, description="The person who answers, or wrote a message."),
    "Button": _object(["id", "title"], {"id": _STRING, "title": _STRING}),
    "ShopperMessage": _object(
        ["seq", "type", "text", "author", "at", "message_id", "in_reply_to"],
        {
            "seq": {"type": "integer", "minimum": 1},
            "type": {"const": "text"},
            "text": _STRING,
            "button": {**_BUTTON_ID, "description": "The button whose title it is, where she tapped one."},
            "author": {"const": "shopper"},
            "at": _MOMENT,
            "message_id": _STRING,
            "in_reply_to": {"type": "null"},
            "conversation": _WHERE,
        },
    ),
    "ShopperPicture": _object(
        ["seq", "type", "url", "width", "height", "text", "author", "at", "message_id", "in_reply_to"],
        {
            "seq": {"type": "integer", "minimum": 1},
            "type": {"const": "picture"},
            **_PICTURE,
            "author": {"const": "shopper"},
            "at": _MOMENT,
            "message_id": _STRING,
            "in_reply_to": {"type": "null"},
            "conversation": _WHERE,
        },
    ),
    "TextReply": _reply("text", ["text"], {"text": _STRING}),
    "ButtonsReply": _reply("buttons", ["text", "buttons"], {"text": _STRING, "buttons": _button_list(1)}),
    "CardReply": _reply(
        "card",
        ["card", "data", "text"],
        {
            "card": {
                "type": "string",
                "examples": [
                    "order",
                    "shipment",
                    "products",
                    "comparison",
                    "aftersale",
                    "policy",
                    "coupons",
                ],
            },
            "data": _DATA,
            "text": {
                "type": "string",
                "description": "The same in plain text; of `policy` the answer itself, "
                "which the card completes.",
            },
            "buttons": _button_list(1),
        },
    ),
    "NoticeReply": _reply("notice", ["text"], {"text": _STRING, "buttons": _button_list(1)}),
    "PictureReply": _reply(
        "picture",
        ["url", "width", "height", "text"],
        _PICTURE,
    ),
    "RatingReply": _reply(
        "rating",
        ["text", "dimensions", "comment_label"],
        {
            "text": {"type": "string", "description": "Asks for a rating; reads well without a form."},
            "dimensions": {
                "type": "array",
                "items": _object(["name", "label"], {"name": {"enum": list(DIMENSIONS)}, "label": _STRING}),
            },
            "comment_label": _STRING,
            "by_number": {
                "type": "string",
                "description": "Asks for a typed figure instead: what messaging channels show.",
            },
        },
        description="At most once in a conversation, when it is over; to be answered by PUT …/rating.",
    ),
    "Reply": {
        "oneOf": [
            {"$ref": f"#/components/schemas/{name}"}
            for name in (
                "TextReply",
                "ButtonsReply",
                "CardReply",
                "NoticeReply",
                "PictureReply",
                "RatingReply",
            )
        ]
    },
    "Message": {
        "oneOf": [
            {"$ref": "#/components/schemas/ShopperMessage"},
            {"$ref": "#/components/schemas/ShopperPicture"},
            {"$ref": "#/components/schemas/Reply"},
        ]
    },
    "Replies": _object(
        ["owner", "style", "replies"],
        {
            **_OWNER,
            "style": _STYLE,
            "replies": {"type": "array", "items": {"$ref": "#/components/schemas/Reply"}},
            "pending": {"const": True, "description": "Only where the answer itself is to follow."},
        },
    ),
    "Opened": _object(
        ["conversation_id", "secret", "resumed", "owner", "style", "replies"],
        {
            "conversation_id": _STRING,
            "secret": {"type": "string", "description": "Opens this conversation; keep it."},
            "resumed": {
                "type": "boolean",
                "description": "It was running: what was said is in `messages`, `replies` is empty.",
            },
            **_OWNER,
            "style": _STYLE,
            "replies": {"type": "array", "items": {"$ref": "#/components/schemas/Reply"}},
            "pending": {"const": True},
        },
    ),
    "Chat": _object(
        ["conversation_id", "message_id"],
        {
            "conversation_id": _STRING,
            "message_id": {
                **_ID,
                "description": "Chosen by the client, unique in the conversation; not front-…",
            },
            "text": _TEXT,
            "button": {**_BUTTON_ID, "description": "Id of a button offered in this conversation."},
            "context": _CONTEXT,
        },
        oneOf=[{"required": ["text"]}, {"required": ["button"]}],
    ),
    "PageContext": _object(
        [],
        {
            "product_id": _SEEN_ID,
            "order_id": {**_SEEN_ID, "description": "Number of an order; counts only if it is hers."},
            "page": {
                "type": "string",
                "minLength": 1,
                "maxLength": 500,
                "pattern": "^[^\\x00]+$",
                "description": "Address or name of the page: text for the agent, never fetched.",
            },
        },
        description="What she is looking at with this message. Unknown ids are passed over in silence.",
    ),
    "PictureForm": _object(
        ["message_id", "file"],
        {
            "message_id": {**_ID, "description": "As in `Chat`."},
            "file": {
                "type": "string",
                "format": "binary",
                "description": "JPEG, PNG or WebP, told by its content; at most 10 MB and 50 megapixels.",
            },
            "context": {"type": "string", "description": "The JSON text of `context` as in `Chat`."},
        },
    ),
    "Opening": _object([], {"resume": {"type": "boolean", "default": False}}),
    "Earlier": _object(
        ["messages", "before"],
        {
            "messages": _MESSAGE_LIST,
            "before": {
                "type": ["string", "null"],
                "description": "Asks for the page before this one; null: there is none.",
            },
        },
    ),
    "Messages": _object(
        ["owner", "style", "messages", "more"],
        {
            **_OWNER,
            "style": _STYLE,
            "messages": _MESSAGE_LIST,
            "more": {"type": "boolean", "description": "There are more: ask again after the last seq."},
        },
    ),
    "Personalisation": _object(["on"], {"on": {"type": "boolean"}}),
    "PersonalisationState": _object(["personalisation"], {"personalisation": {"type": "boolean"}}),
    "AuthFrame": _object(
        ["type", "conversation_id", "secret"],
        {
            "type": {"const": "auth"},
            "conversation_id": _STRING,
            "secret": _STRING,
            "after": {"type": "integer", "minimum": 0, "maximum": 999_999_999},
            "lang": {
                "type": "string",
                "pattern": "^[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8}){0,8}$",
                "description": "As `Accept-Language` of other calls; the handshake's counts for nothing.",
            },
        },
    ),
    "MessageFrame": _object(
        ["type", "message_id"],
        {
            "type": {"const": "message"},
            "message_id": _ID,
            "text": _TEXT,
            "button": _BUTTON_ID,
            "context": _CONTEXT,
        },
        oneOf=[{"required": ["text"]}, {"required": ["button"]}],
    ),
    "ServerFrame": {
        "oneOf": [
            _object(
                ["type", "conversation_id", "owner"],
                {"type": {"const": "ready"}, "conversation_id": _STRING, "owner": _OWNER["owner"]},
            ),
            _object(
                ["type", "message"],
                {"type": {"const": "message"}, "message": {"$ref": "#/components/schemas/Message"}},
            ),
            _object(
                ["type", "message_id", "seq", "repeated"],
                {
                    "type": {"const": "accepted"},
                    "message_id": _ID,
                    "seq": {"type": "integer"},
                    "repeated": {"type": "boolean"},
                },
            ),
            _object(["type", "owner"], {"type": {"const": "owner"}, **_OWNER}),
            _object(["type", "style"], {"type": {"const": "style"}, "style": _STYLE}),
            _object(["type"], {"type": {"const": "pong"}}),
            _object(
                ["type", "error"],
                {
                    "type": {"const": "error"},
                    "message_id": _STRING,
                    "error": _object(
                        ["code", "message"],
                        {"code": _STRING, "message": _STRING, "retry_after": {"type": "integer"}},
                    ),
                },
            ),
        ]
    },
    "Health": _object(["status"], {"status": {"const": "ok"}}),
    "Ready": _object(
        ["ready", "draining", "degraded", "checks"],
        {
            "ready": {"type": "boolean"},
            "draining": {"type": "boolean"},
            "degraded": {"type": "array", "items": {"enum": ["redis", "shop"]}},
            "checks": _object(
                [],
                {
                    name: {"type": "boolean"}
                    for name in (
                        "database",
                        "record",
                        "migrations",
                        "rasa",
                        "actions",
                        "shop",
                        "disk",
                        "redis",
                    )
                },
            ),
        },
    ),
    "DemoShoppers": _object(
        ["shoppers"],
        {
            "shoppers": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["customer_id"],
                    "properties": {"customer_id": _STRING},
                },
            }
        },
    ),
    "DemoLogin": _object(["customer_id"], {"customer_id": _STRING}),
    "DemoToken": _object(["token", "expires_at"], {"token": _STRING, "expires_at": _MOMENT}),
    "DemoProducts": _object(["products"], {"products": {"type": "array", "items": _DEMO_ROW}}),
    "DemoProduct": _object(
        ["product"], {"product": {**_DEMO_ROW, "required": ["product_id", "name", "skus"]}}
    ),
    "DemoOrders": _object(
        ["orders"],
        {
            "orders": {
                "type": "array",
                "items": {"type": "object", "required": ["number", "state", "items", "total", "shipment"]},
            }
        },
    ),
    "DemoReading": _object(
        ["personalisation", "style", "belief", "reading", "intent", "message_id"],
        {
            "personalisation": {"type": "boolean"},
            "style": _STYLE,
            "belief": _NULLABLE_OBJECT,
            "reading": _NULLABLE_OBJECT,
            "intent": _NULLABLE_OBJECT,
            "message_id": {"type": ["string", "null"]},
        },
    ),
}
