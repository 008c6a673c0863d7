"""Binds a channel's user to a customer of the shop, and undoes it; both are recorded.

A ticket is signed, lives ten minutes, and is for one user of one channel. Who comes with it has proved by the
shop's login which customer she is. What she said on the channel before comes along (`merged`), unless it is
another customer's.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.engine import Connection, Row

from bot.conversation import rows
from bot.conversation.channel_schema import channel_bindings, channel_links
from bot.conversation.errors import AccessDeniedError, ConversationClosedError, IdentityConflictError
from bot.conversation.opening import Identification
from bot.conversation.types import Accepted, Owner
from bot.conversation.writing import Writing
from persona.privacy.vault import Vault

#: How long a ticket can be used.
TICKET_LIFE = timedelta(minutes=10)

_l = channel_links.c
_TICKET = re.compile(r"(?P<link>[0-9]{1,12})-(?P<until>[0-9]{1,12})-(?P<signature>[0-9a-f]{32})")


@dataclass(frozen=True)
class Bound:
    """What became of a binding.

    Attributes:
        conversation_id: that came along, or None.
        message_id: of the event that is answered in it.
        accepted: what became of that.
        repeated: she was bound to this customer already.
    """

    conversation_id: str | None = None
    message_id: str = ""
    accepted: Accepted | None = None
    repeated: bool = False


def ticket(writing: Writing, link: Row) -> str:
    """Return a new ticket for a link."""
    until = int((writing.now() + TICKET_LIFE).timestamp())
    return f"{link.id}-{until}-{_sign(writing.vault, link, until)}"


def holder_of(connection: Connection, writing: Writing, given: str) -> Row:
    """Return the link that a ticket is for, locked; AccessDeniedError where it is none, or over."""
    match = _TICKET.fullmatch(given)
    if match is None:
        raise AccessDeniedError
    until = int(match["until"])
    query = select(channel_links).where(_l.id == int(match["link"])).with_for_update()
    link = connection.execute(query).first()
    signed = "" if link is None else _sign(writing.vault, link, until)
    good = hmac.compare_digest(signed, match["signature"])
    if link is None or not good or writing.now().timestamp() >= until:
        raise AccessDeniedError
    return link


def bind(writing: Writing, given: str, customer_id: str) -> Callable[[Connection], Bound]:
    """Return the transaction that binds whom the ticket is for.

    It raises AccessDeniedError for a ticket that is none or over, IdentityConflictError where she is bound to
    another customer: that is undone first.
    """

    def work(connection: Connection) -> Bound:
        link = holder_of(connection, writing, given)
        if link.customer_id == customer_id:
            return Bound(link.conversation_id, repeated=True)
        if link.customer_id is not None:
            raise IdentityConflictError
        connection.execute(channel_links.update().where(_l.id == link.id).values(customer_id=customer_id))
        _record(connection, writing, link, customer_id, "bound", how="link")
        if link.conversation_id is None:
            return Bound()
        identification = Identification(
            writing, conversation_id=link.conversation_id, secret="", customer_id=customer_id, net=""
        )
        row = connection.execute(rows.LOCKED_CONVERSATION, {"cid": link.conversation_id}).one()
        if row.owner == Owner.CLOSED.value:
            return Bound()
        try:
            message_id, accepted = identification.bind(connection, row)
        except (IdentityConflictError, ConversationClosedError):
            return Bound()
        _record(connection, writing, link, customer_id, "merged", how="link")
        return Bound(link.conversation_id, message_id, accepted)

    return work


def unbind(connection: Connection, writing: Writing, link: Row, how: str) -> None:
    """Undo a binding; what she writes next stands in a conversation of her own."""
    _record(connection, writing, link, link.customer_id, "unbound", how=how)
    connection.execute(
        channel_links.update()
        .where(_l.id == link.id)
        .values(customer_id=None, conversation_id=None, delivered_seq=0, part=0, sending=None)
    )


def _record(
    connection: Connection, writing: Writing, link: Row, customer_id: str, act: str, *, how: str
) -> None:
    connection.execute(
        channel_bindings.insert().values(
            channel=link.channel,
            account=link.account,
            user_key=link.user_key,
            customer_id=customer_id,
            act=act,
            how=how,
            conversation_id=link.conversation_id,
            at=writing.now(),
        )
    )


def _sign(vault: Vault, link: Row, until: int) -> str:
    return vault.blind(f"{link.id}/{link.user_key}/{until}", "channel_links.ticket")
