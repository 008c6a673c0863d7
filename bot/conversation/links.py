"""Who writes on a messaging channel: her link, her conversation, her messages, in one transaction.

A shopper who is bound to a customer writes into the customer's running conversation, wherever it was opened;
who is not has one of her own, in which nothing of a customer is read. A stored message bears her link in its
id, so that its answers find the way back to where she asked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.engine import Connection, Row

from bot.conversation import binding, postgres, rows
from bot.conversation.channel_schema import ACTIVE, BLOCKED, CLOSED, channel_links
from bot.conversation.errors import ButtonNotOfferedError, MessageConflictError
from bot.conversation.link_memory import own_id, recalled
from bot.conversation.opening import RUNNING_FOR, Opening, running_of
from bot.conversation.schema import conversations
from bot.conversation.store import Store
from bot.conversation.types import Accepted, Incoming, OutReply, Owner, Work
from bot.conversation.waiting_rows import insert_once
from bot.conversation.writing import Writing
from persona.privacy.vault import Vault

_l, _c = channel_links.c, conversations.c

#: Returns the id of the button that a typed text chooses: the text, the last messages as clients see them,
#: whether a form of the bot waits for its answer.
Choose = Callable[[str, Sequence[Mapping[str, Any]], bool], "str | None"]
#: What she has not got yet comes before what she writes next where that begins another conversation: so long
#: is it waited for, and where her link rests, so that nothing comes until she writes.
OWED_FOR, RESTED_FOR = timedelta(minutes=10), timedelta(minutes=1)
#: Returns a line of the front in a style.
Spoken = Callable[[str], OutReply]


@dataclass(frozen=True)
class Visitor:
    """A shopper as a platform knows her.

    Attributes:
        data: what the platform wants back with an answer.
    """

    channel: str
    account: str
    user: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Saying:
    """What she sent or did.

    Attributes:
        key: the platform's id of it.
        incoming: her message, with any id; None where there is none for the bot.
        reply: a line that answers instead of the bot, e.g. to a kind that cannot be read.
        greets: she has just come: a conversation is opened and greeted.
        gone: she has left, and must not be written to.
        at: when she sent it; None where that is not known.
        over_at: when the platform found that nothing reaches her until she writes; it is nothing of hers.
    """

    key: str
    incoming: Incoming | None = None
    reply: Spoken | None = None
    greets: bool = False
    gone: bool = False
    at: datetime | None = None
    over_at: datetime | None = None


@dataclass(frozen=True)
class BindingWords:
    """What is said of a binding.

    Attributes:
        bind: texts that ask for it.
        unbind: texts that undo it.
        address: where a ticket is taken, without it; empty: nowhere.
        invitation: returns the line with the address of a ticket, in a style.
        unbound: returns the line that it was undone, in a style.
    """

    bind: frozenset[str]
    unbind: frozenset[str]
    address: str
    invitation: Callable[[str, str], OutReply]
    unbound: Spoken


@dataclass(frozen=True)
class Taken:
    """What became of it.

    Attributes:
        conversation_id: that she writes in.
        message_id: of her message there.
        accepted: what became of that.
        opened: what an opening gives to do.
        owed: nothing was taken yet: what she has not got of another conversation comes first.
        left: that did not come in time, and is left there.
    """

    conversation_id: str | None = None
    message_id: str = ""
    accepted: Accepted | None = None
    opened: Work | None = None
    owed: bool = False
    left: bool = False


#: Takes what is no message for the bot, given her locked link; None for all others.
First = Callable[[Connection, Row, Saying], "Taken | None"]


def user_key(vault: Vault, channel: str, account: str, user: str) -> str:
    """Return what stands for a platform's user in the record."""
    return vault.blind(f"{channel}/{account}/{user}", "channel_links.user")


def user_context(channel: str, key: str) -> str:
    """Return what binds a sealed user to its place."""
    return f"channel_links.user/{channel}/{key}"


def set_conversation(connection: Connection, link: Row, conversation_id: str | None, seq: int) -> None:
    """Let a link stand in another conversation, of which all up to `seq` counts as delivered."""
    connection.execute(
        channel_links.update()
        .where(_l.id == link.id)
        .values(conversation_id=conversation_id, delivered_seq=seq, part=0, sending=None)
    )


class Hearing:
    """One message or event of a shopper, run as a transaction by :meth:`Store.run`.

    Args:
        store: of conversations.
        visitor: who.
        saying: what.
        choose: see :data:`Choose`.
        notice: the first-message notice.
        settle: ends what brought it, in the same transaction.
        words: of her binding; without them none can be asked for.
        first: see :data:`First`.
        waited: it was tried before, and she was owed something: that she wrote is noted.
        wrote_again: returns whether she has sent more since a moment; what waits here waits for that too.
    """

    def __init__(
        self,
        store: Store,
        visitor: Visitor,
        saying: Saying,
        *,
        choose: Choose,
        notice: OutReply | None,
        settle: Callable[[Connection], None],
        words: BindingWords | None = None,
        first: First | None = None,
        waited: bool = False,
        wrote_again: Callable[[Connection, datetime], bool] = lambda _connection, _since: False,
    ) -> None:
        self._store = store
        self._writing: Writing = store.writing
        self._visitor = visitor
        self._saying = saying
        self._choose = choose
        self._notice = notice
        self._settle = settle
        self._words = words
        self._first = first
        self._waited = waited
        self._wrote_again = wrote_again

    def __call__(self, connection: Connection) -> Taken:
        """Take it.

        Raises:
            TooManyPendingError: too many of her messages wait already.
            LeaseLostError: another process takes it now.
        """
        saying = self._saying
        if saying.over_at is not None:
            self._settle(connection)
            self._rest(connection, saying.over_at)
            return Taken()
        link = self._link(connection)
        owed = not self._is_silent and self._is_owed(connection, link)
        if not owed or self._is_late(link):
            self._settle(connection)
            taken = Taken(link.conversation_id) if self._is_silent else self._taken(connection, link)
            return replace(taken, left=owed)
        if saying.incoming is None and saying.reply is None:  # she came in: the rest is what she gets
            self._settle(connection)
            return Taken(link.conversation_id)
        return Taken(link.conversation_id, owed=True)

    def owes(self, connection: Connection) -> bool:
        """Return whether what she has not got yet comes first; that she wrote is noted."""
        link = self._link(connection)
        return self._is_owed(connection, link) and not self._is_late(link)

    @property
    def _is_silent(self) -> bool:
        saying = self._saying
        return saying.gone or (saying.incoming is None and saying.reply is None and not saying.greets)

    def _taken(self, connection: Connection, link: Row) -> Taken:
        """Take what she wrote."""
        saying = self._saying
        if self._first is not None and (taken := self._first(connection, link, saying)) is not None:
            return taken
        if (line := self._of_binding(connection, link)) is not None:
            saying = replace(saying, incoming=None, reply=line)
            link = connection.execute(select(channel_links).where(_l.id == link.id)).one()
        conversation_id, opened = self._conversation(connection, link)
        if saying.incoming is None:
            if saying.reply is not None:
                self._say(connection, conversation_id, saying.reply, link)
            return Taken(conversation_id, opened=opened)
        message_id = own_id(self._writing.vault, link.id, saying.key)
        # Failed verifications count for each user apart; all of a platform come from its own address.
        given = replace(saying.incoming, message_id=message_id, net=link.user_key)
        incoming = self._meant(connection, link, conversation_id, given)
        try:
            accepted = self._store.accept_in(connection, conversation_id, incoming)
        except MessageConflictError:  # the same id: it counts as it came first
            return Taken(conversation_id, opened=opened)
        return Taken(conversation_id, message_id, accepted, opened)

    def _of_binding(self, connection: Connection, link: Row) -> Spoken | None:
        """Do what a word about her binding asks; return the line that answers it, None for other words."""
        incoming, words = self._saying.incoming, self._words
        said = None if incoming is None or incoming.text is None else incoming.text.strip(" 。.!！")
        if words is None or said is None:
            return None
        if said in words.unbind and link.customer_id is not None:
            binding.unbind(connection, self._writing, link, "chat")
            return words.unbound
        if said in words.bind and link.customer_id is None and words.address:
            given = binding.ticket(self._writing, link)
            return partial(words.invitation, f"{words.address}?t={given}")
        return None

    def _rest(self, connection: Connection, over_at: datetime) -> None:
        """Let her link rest until she writes, unless she has since: then the next sending tells."""
        visitor = self._visitor
        connection.execute(
            channel_links.update()
            .where(
                _l.channel == visitor.channel,
                _l.account == visitor.account,
                _l.user_key == user_key(self._writing.vault, visitor.channel, visitor.account, visitor.user),
                _l.state == ACTIVE,
                _l.heard_at <= over_at,
            )
            .values(state=CLOSED)
        )

    def _link(self, connection: Connection) -> Row:
        """Return her link, locked, made if she is new; noted that she can be written to again."""
        visitor, vault, now = self._visitor, self._writing.vault, self._writing.now()
        key = user_key(vault, visitor.channel, visitor.account, visitor.user)
        sealed = vault.seal(
            json.dumps({"user": visitor.user, "data": dict(visitor.data)}, ensure_ascii=False),
            user_context(visitor.channel, key),
        )
        keys = {"channel": visitor.channel, "account": visitor.account, "user_key": key}
        heard: dict[str, Any] = {
            "user": sealed,
            "state": BLOCKED if self._saying.gone else ACTIVE,
            "heard_at": now,
            "sent": 0,
            "tries": 0,
            "since": None,
            "due_at": now,
            "trouble": None,
        }
        made = {**keys, **heard, "delivered_seq": 0, "part": 0, "created_at": now}
        hers = [_l[name] == value for name, value in keys.items()]
        locked = select(channel_links).where(*hers).with_for_update()
        if not insert_once(connection, channel_links, made, keys=tuple(keys)):
            if self._waited:
                link = connection.execute(locked).one()
                if not self._wrote_again(connection, link.heard_at):
                    return link
            connection.execute(channel_links.update().where(*hers).values(heard))
        return connection.execute(locked).one()

    def _is_late(self, link: Row) -> bool:
        """Return whether what she is owed was waited for long enough, since she last wrote."""
        return bool(self._writing.now() - link.heard_at >= (OWED_FOR if link.state == ACTIVE else RESTED_FOR))

    def _is_owed(self, connection: Connection, link: Row) -> bool:
        """Return whether she has not got all of a conversation that she would leave behind.

        A window that is used up again opens with what she writes next; who has left gets nothing more.
        """
        if link.conversation_id is None or link.state == BLOCKED:
            return False
        head = connection.execute(select(_c.next_seq).where(_c.id == link.conversation_id)).scalar()
        if head is None or head - 1 <= link.delivered_seq:
            return False
        return bool(self._running(connection, link) != link.conversation_id)

    def _running(self, connection: Connection, link: Row) -> str | None:
        """Return the conversation that goes on with what she writes, None where a new one is to be opened."""
        now = self._writing.now()
        here = select(_c.id).where(
            _c.id == link.conversation_id,
            _c.owner != Owner.CLOSED.value,
            _c.last_at >= now - RUNNING_FOR,
        )
        if link.customer_id is None:
            return connection.execute(here).scalar()
        # Two channels that begin at the same moment are to find one.
        postgres.one_at_a_time(connection, self._writing.vault.blind(link.customer_id, "resume"))
        # A person who speaks with her here, or an answer that she waits for here, is not left for another.
        busy = or_(_c.owner.in_([Owner.WAITING.value, Owner.HUMAN.value]), _c.pending > 0)
        found: str | None = connection.execute(here.where(_c.customer_id == link.customer_id, busy)).scalar()
        return found or running_of(connection, link.customer_id, now)

    def _conversation(self, connection: Connection, link: Row) -> tuple[str, Work | None]:
        """Return the conversation that she writes in, and what an opening gives to do."""
        running = self._running(connection, link)
        if running is not None:
            if running != link.conversation_id:
                row = connection.execute(rows.LOCKED_CONVERSATION, {"cid": running}).one()
                set_conversation(connection, link, running, row.next_seq - 1)
            return running, None
        opening = Opening(
            self._writing,
            channel=self._visitor.channel,
            customer_id=link.customer_id,
            net="",
            key=None,
            notice=self._notice,
            greet=self._saying.greets,
        )
        opened = opening(connection)
        set_conversation(connection, link, opened.conversation_id, 0)
        return opened.conversation_id, opened.work

    def _meant(self, connection: Connection, link: Row, conversation_id: str, incoming: Incoming) -> Incoming:
        """Return the message with a typed number as the button that it chooses."""
        if incoming.button is not None:
            try:
                self._writing.content(connection, conversation_id, incoming)
            except ButtonNotOfferedError:  # of another conversation, long ago: its title speaks for it
                return replace(incoming, button=None, text=incoming.text or "?")
            return replace(incoming, text=None)
        if incoming.text is None or len(incoming.text) > _LONGEST_CHOICE:
            return incoming
        row = connection.execute(rows.CONVERSATION, {"cid": conversation_id}).one()
        # What she has not got yet she cannot choose from: 1 as her first word is no answer to the notice.
        seen = link.delivered_seq if link.conversation_id == conversation_id else 0
        said = recalled(connection, self._writing.vault, conversation_id, seen + 1, link=link)
        found = self._choose(incoming.text, said, row.form_open)
        return incoming if found is None else replace(incoming, text=None, button=found)

    def _say(self, connection: Connection, conversation_id: str, reply: Spoken, link: Row) -> None:
        """Store a line that answers at once, in the style of the conversation."""
        row = connection.execute(rows.LOCKED_CONVERSATION, {"cid": conversation_id}).one()
        now = self._writing.now()
        # Nothing stands under this id, but its link is what finds the way.
        mark = own_id(self._writing.vault, link.id, self._saying.key)
        self._writing.insert_replies(
            connection,
            conversation_id,
            [reply(row.style)],
            first_seq=row.next_seq,
            in_reply_to=mark,
            now=now,
        )
        connection.execute(
            conversations.update()
            .where(_c.id == conversation_id)
            .values(next_seq=row.next_seq + 1, last_at=now, changed_at=now)
        )


_LONGEST_CHOICE = 16
