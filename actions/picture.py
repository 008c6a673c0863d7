"""Pictures that a shopper sends: kept with the conversation for people to see. The bot never looks at one.

Where a form waits, its question comes again after the acknowledgement (:mod:`actions.interruptions`); else
she is asked what the picture is about. Of several in a row only the first is acknowledged at length.
"""

from __future__ import annotations

from typing import Any

from rasa_sdk.events import SlotSet
from typing_extensions import override

from actions.base import Events, ShopAction, TurnContext, option
from actions.interruptions import PICTURE, PICTURES
from actions.write_form import REQUESTED


class TakePicture(ShopAction):
    """Acknowledges a picture."""

    @override
    def name(self) -> str:
        return "action_take_picture"

    @override
    async def handle(self, turn: TurnContext) -> Events | None:
        count = _in_a_row(turn)
        if count > 1:
            turn.say("utter_picture_more", {"count": count})
        elif turn.slot(REQUESTED):
            turn.say("utter_picture_kept")
        else:
            order, product = (turn.looking_at.get(name) for name in ("order_number", "product_id"))
            turn.say(
                "utter_picture_what",
                options=[
                    _step("report_problem", order_number=order),
                    _step("ask_about_product", product_id=product),
                    option("ask_human"),
                ],
            )
        return [SlotSet(PICTURES, count)]


def _step(name: str, **args: Any) -> dict[str, Any]:
    return option(name, **{key: value for key, value in args.items() if value is not None})


def _in_a_row(turn: TurnContext) -> int:
    """Return the how manyth picture this is of those that came one after the other."""
    for event in reversed(turn.tracker.events or []):
        if event.get("event") == "user" and event.get("message_id") != turn.identity.message_id:
            data = event.get("parse_data") or {}
            before = (data.get("intent") or {}).get("name")
            return int(turn.slot(PICTURES) or 0) + 1 if before == PICTURE else 1
    return 1
