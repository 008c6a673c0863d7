"""What the front does with the directives of a turn."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.conversation.assertion import Assertions
from bot.conversation.caring import CODE
from bot.conversation.desk_types import Reason, Wish
from bot.conversation.errors import AssertionInvalidError
from bot.conversation.schema import SHANGHAI
from bot.conversation.types import RequestKind, ServiceRequest

logger = logging.getLogger(__name__)

_LONGEST = 2_000


@dataclass
class Effects:
    """What the directives of one turn ask of the record.

    Attributes:
        wish: the hand-over that is asked for; the last one counts.
        customer_id: whom the channel's user proved to be; "" where that was not believed.
        malformed: one could not be obeyed: the shopper must not believe that it was.
    """

    orders: list[str] = field(default_factory=list)
    requests: list[ServiceRequest] = field(default_factory=list)
    personalisation: bool | None = None
    said_goodbye: bool = False
    care: list[str] = field(default_factory=list)
    wish: Wish | None = None
    customer_id: str | None = None
    malformed: bool = False


def read_directives(
    directives: Iterable[Mapping[str, Any]],
    assertions: Assertions,
    *,
    conversation_id: str,
    message_id: str,
    replayed: bool,
) -> Effects:
    """Return what the directives of a turn ask for; unknown and malformed ones are logged and left out."""
    effects = Effects()

    def verified(data: Mapping[str, Any]) -> None:
        effects.orders += assertions.granted_orders(
            data.get("grant"), conversation_id=conversation_id, message_id=message_id, replayed=replayed
        )

    def bound(data: Mapping[str, Any]) -> None:
        effects.customer_id = ""  # until the grant is read: the answer says that she is bound
        effects.customer_id = assertions.granted_customer(
            data.get("grant"), conversation_id=conversation_id, message_id=message_id, replayed=replayed
        )

    def wish(data: Mapping[str, Any], reason: Reason) -> None:
        # What completes a request brings the contact to a hand-over that is known already.
        if data.get("completes") is not True:
            effects.wish = _wish(data, reason)

    def escalate(data: Mapping[str, Any]) -> None:
        effects.wish = _wish({**data, "reason": data.get("detail")}, Reason(data.get("reason")))

    def request_human(data: Mapping[str, Any]) -> None:
        request = _request(data, RequestKind.HUMAN)
        if data.get("live") is not True:  # else the hand-over itself is all that is to be done
            effects.requests.append(request)
        wish(data, Reason.CUSTOMER_REQUEST)

    def complaint(data: Mapping[str, Any]) -> None:
        effects.requests.append(_request(data, RequestKind.COMPLAINT))
        wish(data, Reason.COMPLAINT)

    def callback(data: Mapping[str, Any]) -> None:
        effects.requests.append(_request(data, RequestKind.CALLBACK))

    def praise(data: Mapping[str, Any]) -> None:
        effects.requests.append(_request({**data, "contact": None, "answer_by": None}, RequestKind.PRAISE))

    def personalisation(data: Mapping[str, Any]) -> None:
        if not isinstance(data.get("on"), bool):
            raise ValueError("on is no boolean")
        effects.personalisation = data["on"]

    def closed(_data: Mapping[str, Any]) -> None:
        effects.said_goodbye = True

    def care(data: Mapping[str, Any]) -> None:
        who = data.get("who")
        if not isinstance(who, str) or CODE.fullmatch(who) is None:
            raise ValueError("who is no code")
        effects.care.append(who)

    handlers: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
        "verified": verified,
        "bound": bound,
        "request_human": request_human,
        "complaint": complaint,
        "callback": callback,
        "praise": praise,
        "escalate": escalate,
        "personalisation": personalisation,
        "closed": closed,
        "care": care,
    }
    for data in directives:
        name = data.get("directive")
        handler = handlers.get(name) if isinstance(name, str) else None
        try:
            if handler is None:
                raise ValueError("unknown")
            handler(data)
        except (ValueError, AssertionInvalidError) as exc:
            effects.malformed = True
            logger.error("directive %r of %s was not obeyed: %s", name, conversation_id, exc)
    return effects


def _wish(data: Mapping[str, Any], reason: Reason) -> Wish:
    request = _request(data, RequestKind.HUMAN)
    live = data.get("live", False)
    if live is not None and not isinstance(live, bool):  # None: the bot could not ask for the hours
        raise ValueError("live is no boolean")
    level = _optional_text(data, "level")
    if level is not None and len(level) > 16:
        raise ValueError("level is too long")
    return Wish(
        reason=reason,
        live=live,
        detail=request.reason or None,
        order_number=request.order_number,
        level=level,
        answer_by=request.answer_by,
    )


def _request(data: Mapping[str, Any], kind: RequestKind) -> ServiceRequest:
    answer_by = data.get("answer_by")
    moment = None
    if answer_by is not None:
        if not isinstance(answer_by, str):
            raise ValueError("answer_by is no text")
        moment = datetime.fromisoformat(answer_by.replace("Z", "+00:00"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=SHANGHAI)
    order_number = _optional_text(data, "order_number")
    if order_number is not None and len(order_number) > 64:
        raise ValueError("order_number is too long")
    completes, withdraws = data.get("completes", False), data.get("withdraws", False)
    if not isinstance(completes, bool) or not isinstance(withdraws, bool):
        raise ValueError("completes or withdraws is no boolean")
    return ServiceRequest(
        kind=kind,
        reason=_optional_text(data, "reason") or "",
        contact=_optional_text(data, "contact"),
        answer_by=moment,
        order_number=order_number,
        completes=completes,
        withdraws=withdraws,
    )


def _optional_text(data: Mapping[str, Any], name: str) -> str | None:
    value = data.get(name)
    if value is not None and (not isinstance(value, str) or len(value) > _LONGEST):
        raise ValueError(f"{name} is no text, or too long")
    return value
