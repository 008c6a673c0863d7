"""Signs the identity that travels with each message, and checks the grants that come back.

The forms are in ``docs/architecture.md``, "The assertion".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import jwt

from bot.conversation.errors import AssertionInvalidError

FRONT = "zhixin-front"
ACTIONS = "zhixin-actions"

_ALGORITHM = "HS256"
_LIFE = timedelta(seconds=240)
_GRANT_LIFE = timedelta(seconds=120)
_LEEWAY = timedelta(seconds=10)
#: A turn that Rasa recorded before a crash is replayed later. Its grant is bound to one message of one
#: conversation, which is answered once, so that its age adds no danger.
_REPLAY = timedelta(hours=24)


class Assertions:
    """Signs assertions and verifies grants.

    Args:
        key: the HS256 key shared with the action server.
        clock: returns the present as an aware datetime.
    """

    def __init__(self, key: str, clock: Callable[[], datetime]) -> None:
        self._key = key
        self._clock = clock

    def sign(
        self,
        conversation_id: str,
        message_id: str,
        *,
        customer_id: str | None,
        orders: Sequence[str],
        net: str,
        link: bool = False,
    ) -> str:
        """Return the assertion of one message; it holds for 240 s.

        Args:
            conversation_id: the conversation.
            message_id: the message.
            customer_id: the customer who is proven, or None.
            orders: that were verified.
            net: blind hash of where it came from.
            link: it came by a messaging channel, whose user can be bound to a customer.
        """
        now = int(self._clock().timestamp())
        claims: dict[str, Any] = {
            "iss": FRONT,
            "aud": ACTIONS,
            "iat": now,
            "exp": now + int(_LIFE.total_seconds()),
            "cid": conversation_id,
            "mid": message_id,
            "orders": list(orders),
            "net": net,
            "link": link,
        }
        if customer_id is not None:
            claims["sub"] = customer_id
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def granted_orders(
        self, grant: object, *, conversation_id: str, message_id: str, replayed: bool = False
    ) -> tuple[str, ...]:
        """Return the orders that a grant opens.

        Args:
            grant: what the directive carried.
            conversation_id: must be the grant's.
            message_id: must be the grant's: a grant speaks for one message.
            replayed: the turn was run before and its answer recorded; its grant may be old.

        Raises:
            AssertionInvalidError: not signed by the action server, expired, or of another message.
        """
        claims = self._granted(grant, conversation_id, message_id, replayed=replayed)
        orders = claims.get("orders")
        if not isinstance(orders, list) or len(orders) != 1 or not _identifier(orders[0], 64):
            raise AssertionInvalidError("a grant opens one order")
        return (orders[0],)

    def granted_customer(
        self, grant: object, *, conversation_id: str, message_id: str, replayed: bool = False
    ) -> str:
        """Return the customer whom a grant proves; see :meth:`granted_orders`.

        Raises:
            AssertionInvalidError: as there; a grant for an order proves no customer.
        """
        claims = self._granted(grant, conversation_id, message_id, replayed=replayed)
        customer_id = claims.get("customer")
        if not _identifier(customer_id, 128) or "orders" in claims:
            raise AssertionInvalidError("a grant names one customer")
        return str(customer_id)

    def _granted(
        self, grant: object, conversation_id: str, message_id: str, *, replayed: bool
    ) -> Mapping[str, Any]:
        """Return the claims of a grant of this message."""
        if not isinstance(grant, str):
            raise AssertionInvalidError("a grant is a text")
        try:
            claims: Mapping[str, Any] = jwt.decode(
                grant,
                self._key,
                algorithms=[_ALGORITHM],
                issuer=ACTIONS,
                audience=FRONT,
                options={
                    "require": ["exp", "iss", "aud"],
                    "verify_exp": False,  # judged below by the injected clock
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except (jwt.InvalidTokenError, ValueError, RecursionError) as exc:
            raise AssertionInvalidError(f"a grant was refused: {type(exc).__name__}") from exc
        if claims.get("cid") != conversation_id or claims.get("mid") != message_id:
            raise AssertionInvalidError("a grant belongs to another message")
        try:
            left = timedelta(seconds=float(claims["exp"]) - self._clock().timestamp())
        except (TypeError, ValueError, OverflowError) as exc:
            raise AssertionInvalidError("a grant has no proper expiry") from exc
        if left < -(_REPLAY if replayed else _LEEWAY) or left > _GRANT_LIFE + _LEEWAY:
            raise AssertionInvalidError("a grant has expired or lives too long")
        return claims


def _identifier(value: object, longest: int) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= longest
