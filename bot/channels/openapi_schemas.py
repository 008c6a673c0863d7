"""The schemas of the OpenAPI document: what is sent and what is returned (JSON Schema 2020-12)."""

from __future__ import annotations

from typing import Any

_STRING = {"type": "string"}
_ID = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[\\x21-\\x7e]+$"}
_MOMENT = {"type": "string", "format": "date-time"}
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
            "agent": {"$ref": "#/components/schemas/Agent"},
            **properties,
        },
        **more,
    )


def _button_list(least: int) -> dict[str, Any]:
    return {"type": "array", "minItems": least, "items": {"$ref": "#/components/schemas/Button"}}


_STYLE = {"enum": ["neutral", "power", "perfect", "peace", "lively"]}
_DATA = {"type": "object", "description": "Content of the card."}
_NULLABLE_OBJECT = {"type": ["object", "null"]}

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
            "author": {"const": "shopper"},
            "at": _MOMENT,
            "message_id": _STRING,
            "in_reply_to": {"type": "null"},
        },
    ),
    "TextReply": _reply("text", ["text"], {"text": _STRING}),
    "ButtonsReply": _reply("buttons", ["text", "buttons"], {"text": _STRING, "buttons": _button_list(1)}),
    "CardReply": _reply(
        "card",
        ["card", "data", "text"],
        {
            "card": {"type": "string", "examples": ["order", "shipment", "products", "aftersale"]},
            "data": _DATA,
            "text": {"type": "string", "description": "The same in plain text."},
        },
    ),
    "NoticeReply": _reply("notice", ["text"], {"text": _STRING, "buttons": _button_list(1)}),
    "PictureReply": _reply(
        "picture",
        ["url", "width", "height", "text"],
        {
            "url": {"type": "string", "description": "Path on this origin."},
            "width": {"type": "integer", "minimum": 1},
            "height": {"type": "integer", "minimum": 1},
            "text": {"type": "string", "description": "What is seen, in words."},
        },
    ),
    "Reply": {
        "oneOf": [
            {"$ref": f"#/components/schemas/{name}"}
            for name in ("TextReply", "ButtonsReply", "CardReply", "NoticeReply", "PictureReply")
        ]
    },
    "Message": {
        "oneOf": [{"$ref": "#/components/schemas/ShopperMessage"}, {"$ref": "#/components/schemas/Reply"}]
    },
    "Replies": _object(
        ["owner", "replies"],
        {
            **_OWNER,
            "replies": {"type": "array", "items": {"$ref": "#/components/schemas/Reply"}},
            "pending": {"const": True, "description": "Only where the answer itself is to follow."},
        },
    ),
    "Opened": _object(
        ["conversation_id", "secret", "owner", "replies"],
        {
            "conversation_id": _STRING,
            "secret": {"type": "string", "description": "Opens this conversation; keep it."},
            **_OWNER,
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
            "text": {"type": "string", "minLength": 1, "maxLength": 1000},
            "button": {**_ID, "description": "Id of a button offered in this conversation."},
        },
        oneOf=[{"required": ["text"]}, {"required": ["button"]}],
    ),
    "Messages": _object(
        ["owner", "messages", "more"],
        {
            **_OWNER,
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
            "after": {"type": "integer", "minimum": 0},
        },
    ),
    "MessageFrame": _object(
        ["type", "message_id"],
        {
            "type": {"const": "message"},
            "message_id": _ID,
            "text": {"type": "string", "minLength": 1, "maxLength": 1000},
            "button": _ID,
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
        ["ready", "checks"],
        {
            "ready": {"type": "boolean"},
            "checks": _object(
                ["database", "rasa", "actions"],
                {
                    "database": {"type": "boolean"},
                    "rasa": {"type": "boolean"},
                    "actions": {"type": "boolean"},
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
