"""Binds a channel's user to a customer of the shop, and undoes it; both are recorded.

A ticket is signed, lives ten minutes or until a binding is undone, and is for one user of one channel. Who
comes with it has proved by the shop's login which customer she is. Who has proved it in the chat, by an order
and the number of her account, is bound with the answer to that message (:class:`VerifiedBinding`). What she
said on the channel before comes along (`merged`), unless it is another customer's.
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
from bot.conversation.opening import IDENTIFIED, Identification
from bot.conversation.types import Accepted, Kind, Owner, Work
from bot.conversation.writing import Writing
from persona.privacy.vault import Vault

#: How long a ticket can be used.
TICKET_LIFE = timedelta(minutes=10)

_l, _b = channel_links.c, channel_bindings.c
_MARK = re.compile(r"ch([0-9]{1,12})\.")  # see links.prefix
_WEB = "web"
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
    if link is None or not good or writing.now().timestamp() >= until or _undone(connection, link, until):
        raise AccessDeniedError
    return link


def _undone(connection: Connection, link: Row, until: int) -> bool:
    """Return whether a binding of hers was undone, or her link erased, since a ticket was made.

    Tickets tell whole seconds; who binds in between has logged in at the shop, which takes longer. Bound with
    it she may come with it again: a request that is repeated is no second binding.
    """
    hers = _b.channel == link.channel, _b.account == link.account, _b.user_key == link.user_key
    last = select(_b.at).where(*hers, _b.act == "unbound").order_by(_b.id.desc()).limit(1)
    at = connection.execute(last).scalar()
    made = until - int(TICKET_LIFE.total_seconds())
    return any(int(one.timestamp()) > made for one in (at, link.created_at) if one is not None)


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


class VerifiedBinding:
    """Binds the link that a message came by with the answer to that message, in its transaction.

    The link is locked before the conversation, as wherever both are.

    Args:
        connection: the transaction.
        writing: its parts.
        message_id: the message that is answered.
        customer_id: whom she proved to be.
    """

    def __init__(self, connection: Connection, writing: Writing, message_id: str, customer_id: str) -> None:
        self._connection = connection
        self._writing = writing
        self._customer_id = customer_id
        number = link_of(message_id)
        query = select(channel_links).where(_l.id == number).with_for_update()
        self._link = None if number is None else connection.execute(query).first()

    def possible(self, conversation: Row) -> bool:
        """Say whether she can be bound: she still writes there, and neither of the two is another's."""
        link = self._link
        if (
            link is None
            or not self._customer_id
            or link.conversation_id != conversation.id
            or conversation.owner == Owner.CLOSED.value
        ):
            return False  # erased, moved on, no link at all, or nobody proven
        return {link.customer_id, conversation.customer_id} <= {None, self._customer_id}

    def carry_out(self, conversation: Row) -> None:
        """Bind her; what she has said comes along."""
        connection, writing, link = self._connection, self._writing, self._link
        if not self._customer_id or link is None or link.customer_id is not None:
            return  # bound by her ticket meanwhile
        values = {"customer_id": self._customer_id}
        connection.execute(channel_links.update().where(_l.id == link.id).values(values))
        _record(connection, writing, link, self._customer_id, "bound", how="verified")
        if conversation.customer_id is None:
            Identification(
                writing, conversation_id=conversation.id, secret="", customer_id=self._customer_id, net=""
            ).join(connection, conversation)
            _record(connection, writing, link, self._customer_id, "merged", how="verified")


def link_of(message_id: str) -> int | None:
    """Return the link whose mark a message's id bears; None for other channels' ids.

    A client of the API chooses its ids itself: what the mark says must fit the conversation.
    """
    found = _MARK.match(message_id)
    return None if found is None else int(found[1])


def came_by_link(work: Work) -> bool:
    """Say whether what a turn answers came by a messaging channel, the news of a binding included."""
    conversation, message = work.conversation, work.message
    if conversation.channel == _WEB and (conversation.customer_id is None or message.kind is Kind.EVENT):
        return False
    return message.message_id == IDENTIFIED or link_of(message.message_id) is not None


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
