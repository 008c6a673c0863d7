"""The part of the OpenAPI document about how a shopper is served, and her choice of it."""

from __future__ import annotations

from typing import Any

from bot.conversation.manner import STYLES

_STRING = {"type": "string"}
_STYLE = {"enum": list(STYLES)}
_STYLE_OR_NULL = {"enum": [*STYLES, None]}
_CONVERSATION = {"name": "conversation_id", "in": "path", "required": True, "schema": _STRING}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }


SCHEMAS = {
    "MannerChoice": _object(
        {"style": {**_STYLE_OR_NULL, "description": "Null takes the choice back: as the chat suggests."}}
    ),
    "Manner": _object(
        {
            "personalisation": {"type": "boolean"},
            "style": {**_STYLE, "description": "What is served now. The page's dress may follow later."},
            "chosen": {**_STYLE_OR_NULL, "description": "What she chose; null: as the chat suggests."},
            "line": {"type": "string", "description": "How she is served and why, one Chinese sentence."},
            "choices": {
                "type": "array",
                "items": _object({"style": _STYLE, "name": _STRING, "line": _STRING}),
            },
        }
    ),
}


def add_to(document: dict[str, Any], answer: Any, refusals: Any) -> dict[str, Any]:
    """Return the document with the manner.

    Args:
        document: the rest of it.
        answer: makes an answer of description and name of a schema.
        refusals: makes the answers of refused requests, by status.
    """
    schema = {"application/json": {"schema": {"$ref": "#/components/schemas/MannerChoice"}}}
    common: dict[str, Any] = {"security": [{"secret": []}], "parameters": [_CONVERSATION]}
    paths = {
        "/api/v1/conversations/{conversation_id}/manner": {
            "get": {
                "operationId": "manner",
                "summary": "How she is served, why, and what she may choose",
                **common,
                "responses": {"200": answer("The manner.", "Manner"), **refusals(401, 404, 429, 503)},
            },
            "put": {
                "operationId": "chooseManner",
                "summary": "Choose how to be served",
                "description": "In force at once, and kept for later conversations. 409 "
                "`personalisation_off` (the message is Chinese, for her) while personalisation is off.",
                **common,
                "requestBody": {"required": True, "content": schema},
                "responses": {
                    "200": answer("The manner from now on.", "Manner"),
                    **refusals(400, 401, 404, 408, 409, 413, 415, 422, 429, 503),
                },
            },
        }
    }
    parts = document["components"]
    return {
        **document,
        "paths": {**document["paths"], **paths},
        "components": {**parts, "schemas": {**parts["schemas"], **SCHEMAS}},
    }
