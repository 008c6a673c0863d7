"""What a page says that a shopper is looking at: checked here, kept with her message, never fetched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.channels.errors import ApiError
from bot.channels.validation import only, read_json

#: Longest address or name of a page, in Unicode code points.
LONGEST_PAGE = 500

_ID = re.compile(r"[\x21-\x7e]{1,64}")
_IDS = ("product_id", "order_id")


def page_context(data: Mapping[str, Any]) -> dict[str, str]:
    """Return field ``context`` of a message; {} where there is none.

    It has ``product_id``, ``order_id`` and ``page``, each of which may be absent. Whether the ids are known,
    and whose the order is, is not looked at here.

    Raises:
        ApiError: 422 for an unknown field, and for a value that is none.
    """
    if "context" not in data:
        return {}
    given = data["context"]
    if not isinstance(given, Mapping):
        raise ApiError(422, "invalid_field", "context must be an object.")
    only(given, *_IDS, "page")
    for name in _IDS:
        if name in given and not (isinstance(given[name], str) and _ID.fullmatch(given[name])):
            raise ApiError(
                422,
                "invalid_field",
                f"context.{name} must be 1 to 64 printable ASCII characters without space.",
            )
    if "page" in given and not _is_page(given["page"]):
        raise ApiError(
            422, "invalid_field", f"context.page must be a text of 1 to {LONGEST_PAGE} characters."
        )
    return dict(given)


def page_context_text(text: str) -> dict[str, str]:
    """Return the same from the JSON text of a part ``context`` of a multipart body; {} for an empty one.

    Raises:
        ApiError: 400 where it is no JSON object, 422 as above.
    """
    if not text.strip():
        return {}
    return page_context({"context": read_json(text.encode("utf-8", "surrogatepass"))})


def _is_page(value: object) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST_PAGE
        and not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value)
    )
