"""What a form does after another topic has answered in between: ask again, wait, or lay the matter aside.

A form that repeats itself after every sentence nags. So it repeats once; after a second interruption in a
row it says in one line that the matter rests and nothing was done. Who takes leave or wants a person has left
the form too.
"""

from __future__ import annotations

from enum import Enum

from rasa_sdk.events import SlotSet

from actions.base import Events, TurnContext, option

#: How many messages in a row went to other topics while the form waited.
COUNT = "interruptions"
_PATIENCE = 2

#: Intents that end what is under way. A phone number given next is a contact, no answer to the form.
_LEAVE = "goodbye"
LEAVING = frozenset({_LEAVE, "ask_human", "ask_callback", "not_solved"})

#: Intents that are answered and change nothing: the question still stands on the screen.
COURTESIES = frozenset({"thank", "praise_bot"})

#: The intent of a picture, which belongs to what is under way and interrupts nothing, and the slot that
#: counts those that came in a row.
PICTURE, PICTURES = "send_picture", "pictures"

#: Form -> the option that begins it again; the complaint is offered nothing, its button reads 我要投诉.
_AGAIN = {
    "cancel_form": "cancel_order",
    "address_form": "change_address",
    "verify_form": "verify_me",
    "binding_form": "bind_account",
    "repair_form": "request_repair",
    "slot_form": "choose_slot",
    "stock_form": "watch_stock",
    "invoice_form": "request_invoice",
    "price_protection_form": "claim_price_protection",
    "note_form": "add_order_note",
    "withdraw_form": "cancel_refund",
    "dispute_form": "open_dispute",
}


class After(Enum):
    """What the form does now."""

    REPEAT = "repeat"
    WAIT = "wait"
    DROP = "drop"


def after_interruption(turn: TurnContext, form: str) -> After:
    """Tell what `form` does, run again after another topic has answered; has said so where it rests."""
    if turn.intent in COURTESIES:
        return After.WAIT
    if turn.intent == PICTURE:
        return After.REPEAT if int(turn.slot(PICTURES) or 0) <= 1 else After.WAIT
    if turn.intent not in LEAVING and _count(turn) + 1 < _PATIENCE:
        return After.REPEAT
    if turn.intent == _LEAVE:  # the goodbye was the last word
        return After.DROP
    again = [option(_AGAIN[form])] if form in _AGAIN and turn.intent not in LEAVING else []
    turn.say("utter_set_aside", {"task": form}, again)
    return After.DROP


def interrupted(turn: TurnContext) -> Events:
    """Return the event that counts this interruption; whatever answers the form forgets the count."""
    return [SlotSet(COUNT, _count(turn) + (turn.intent != PICTURE))]


def _count(turn: TurnContext) -> int:
    return int(turn.slot(COUNT) or 0)
