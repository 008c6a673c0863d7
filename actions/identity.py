"""Who is writing: verifies the front's assertion, and issues and verifies grants.

Identity is proven by a signature on each message and never read from an unsigned slot. The forms of assertion
and grant are described in ``docs/architecture.md``, "The assertion".
"""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jwt

logger = logging.getLogger(__name__)

FRONT = "zhixin-front"
ACTIONS = "zhixin-actions"

_ALGORITHM = "HS256"
_LONGEST_ASSERTION_S = 300
_GRANT_S = 120
_LEEWAY_S = 5

#: Counts the failures of callers whose network address nobody vouched for: they share one allowance.
UNKNOWN_SOURCE = "unknown"


@dataclass(frozen=True)
class Identity:
    """What is proven about the sender of one message.

    Attributes:
        conversation_id: the conversation; it equals the tracker's sender id.
        message_id: the channel's message id; part of every idempotency key.
        customer_id: the logged-in customer, or None.
        orders: numbers of orders opened by verification; they open those orders alone.
        source: keyed hash of the network address, or of a channel's user, for counting failures.
        link: the message came by a messaging channel, whose user can be bound to a customer.
    """

    conversation_id: str
    message_id: str
    customer_id: str | None = None
    orders: frozenset[str] = frozenset()
    source: str = UNKNOWN_SOURCE
    link: bool = False

    @property
    def anonymous(self) -> bool:
        """Whether no customer is proven; single orders may be."""
        return self.customer_id is None


def _key() -> str | None:
    return os.environ.get("ZHIXIN_ASSERTION_KEY") or None


def _decode(token: object, *, issuer: str, audience: str, conversation_id: str) -> dict[str, Any] | None:
    """Return the claims of a valid token of this conversation, else None."""
    key = _key()
    if not isinstance(token, str) or key is None:
        return None
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            issuer=issuer,
            audience=audience,
            leeway=_LEEWAY_S,
            options={"require": ["exp", "iss", "aud", "cid"]},
        )
    except (jwt.InvalidTokenError, ValueError, RecursionError) as exc:
        logger.warning("an identity token of %s was refused: %s", issuer, type(exc).__name__)
        return None
    if claims["cid"] != conversation_id:
        logger.warning("an identity token of %s belongs to another conversation", issuer)
        return None
    if float(claims["exp"]) - time.time() > _LONGEST_ASSERTION_S + _LEEWAY_S:
        logger.warning("an identity token of %s lives longer than allowed", issuer)
        return None
    return claims


def _orders(claims: Mapping[str, Any]) -> frozenset[str]:
    orders = claims.get("orders") or ()
    return frozenset(str(number) for number in orders) if isinstance(orders, list | tuple) else frozenset()


def identify(sender_id: str, message: Mapping[str, Any], grant: str | None = None) -> Identity:
    """Return what is proven about a message; an invalid or missing assertion proves nothing.

    Args:
        sender_id: the tracker's sender id.
        message: the tracker's latest message; the assertion lies in ``metadata.assertion``.
        grant: a grant issued earlier in the same turn (slot ``grant``), trusted for its signature only.
    """
    metadata = message.get("metadata") or {}
    claims = _decode(metadata.get("assertion"), issuer=FRONT, audience=ACTIONS, conversation_id=sender_id)
    # Without any id (no channel of ours) a write must still never share its key with another write.
    fallback_id = str(message.get("message_id") or uuid.uuid4().hex)
    if claims is None:
        identity = Identity(sender_id, fallback_id)
    else:
        identity = Identity(
            conversation_id=sender_id,
            message_id=str(claims.get("mid") or fallback_id),
            customer_id=str(claims["sub"]) if claims.get("sub") else None,
            orders=_orders(claims),
            source=str(claims.get("net") or UNKNOWN_SOURCE),
            link=claims.get("link") is True,
        )
    if grant:
        granted = _decode(grant, issuer=ACTIONS, audience=FRONT, conversation_id=sender_id)
        # A grant speaks for its own turn; later turns carry the order in the front's assertion.
        if granted is not None and granted.get("mid") == identity.message_id:
            identity = replace(identity, orders=identity.orders | _orders(granted))
    return identity


def issue_grant(identity: Identity, order_number: str) -> str | None:
    """Return a signed grant that opens one order to this conversation; None where no key is configured."""
    return _issue(identity, orders=[order_number])


def issue_owner_grant(identity: Identity, customer_id: str) -> str | None:
    """Return a signed grant that the sender is a customer; None where no key is configured.

    It is for the front alone, which binds the channel's user: for the actions it opens nothing.
    """
    return _issue(identity, customer=customer_id)


def _issue(identity: Identity, **proven: Any) -> str | None:
    key = _key()
    if key is None:
        return None
    now = int(time.time())
    claims = {
        "iss": ACTIONS,
        "aud": FRONT,
        "cid": identity.conversation_id,
        "mid": identity.message_id,
        **proven,
        "iat": now,
        "exp": now + _GRANT_S,
    }
    return jwt.encode(claims, key, algorithm=_ALGORITHM)
