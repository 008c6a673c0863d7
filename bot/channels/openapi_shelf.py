"""The part of the OpenAPI document about the shelf."""

from __future__ import annotations

from typing import Any

_ROW = {"$ref": "#/components/schemas/ProductRow"}
_MONEY = {"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,2})?$", "description": "Yuan."}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": False,
    }


SCHEMAS: dict[str, Any] = {
    "ProductRow": _object(
        {
            "product_id": {"type": "string"},
            "name": {"type": "string"},
            "short_name": {"type": "string"},
            "price": _MONEY,
            "picture": {"type": "string", "description": "Path below `/static/`."},
            "rating": {"type": "string", "description": "Mean stars, 1.0 to 5.0."},
            "stock": {"type": "integer", "minimum": 0},
            "tags": {"type": "array", "items": {"type": "string"}},
            "reason": {"type": "string", "description": 'Code of why it is shown; "" for none.'},
            "reason_label": {"type": "string"},
        }
    ),
    "ShelfProducts": _object({"products": {"type": "array", "maxItems": 6, "items": _ROW}}),
    "ShelfProduct": _object({"product": _ROW}),
}


def add_to(document: dict[str, Any], answer: Any, refusals: Any) -> dict[str, Any]:
    """Return the document with the shelf.

    Args:
        document: the rest of it.
        answer: makes an answer of description and name of a schema.
        refusals: makes the answers of refused requests, by status.
    """
    paths = {
        "/api/v1/shelf/arrivals": {
            "get": {
                "operationId": "shelfArrivals",
                "summary": "The newest goods that are for sale, at most six",
                "security": [{}],
                "responses": {"200": answer("Newest first.", "ShelfProducts"), **refusals(429, 503)},
            }
        },
        "/api/v1/shelf/products/{product_id}": {
            "get": {
                "operationId": "shelfProduct",
                "summary": "One product as the card of products shows it",
                "security": [{}],
                "parameters": [
                    {
                        "name": "product_id",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "string", "minLength": 1, "maxLength": 64},
                    }
                ],
                "responses": {
                    "200": answer("The product as it is now.", "ShelfProduct"),
                    **refusals(429, 503),
                    "404": answer("No such product is for sale.", "Error"),
                },
            }
        },
    }
    parts = document["components"]
    return {
        **document,
        "paths": {**document["paths"], **paths},
        "components": {**parts, "schemas": {**parts["schemas"], **SCHEMAS}},
    }
