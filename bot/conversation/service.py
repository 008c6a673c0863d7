"""What channels call: open a conversation, hand in a message, wait for its answer, read on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from bot.conversation import words
from bot.conversation.desk_reads import DeskReader
from bot.conversation.handover import Handover
from bot.conversation.hub import Hub
from bot.conversation.opening import OPENED
from bot.conversation.past import PastPage
from bot.conversation.rasa_client import RasaClient
from bot.conversation.reads import Page, Progress, Reader, Standing
from bot.conversation.store import Store
from bot.conversation.traced import trace_of
from bot.conversation.types import Accepted, Incoming, Owner, State, Work
from bot.conversation.worker import Worker
from persona.telemetry import metrics, tracing

logger = logging.getLogger(__name__)

#: How often the record is asked for what another process may have written, in seconds.
_REMOTE_POLL = (0.1, 0.5)
_HUB_POLL = 1.0


@dataclass(frozen=True)
class Outcome:
    """What a shopper gets for a message: who answers, what was said, whether the answer is to follow.

    Attributes:
        queue: ``{"position", "minutes"}`` while the conversation waits for a person.
        agent: ``{"name"}`` of the agent who answers.
        style: the dress of the page.
    """

    owner: Owner
    replies: tuple[Mapping[str, Any], ...]
    pending: bool = False
    queue: Mapping[str, int] | None = None
    agent: Mapping[str, str] | None = None
    style: str = "neutral"


@dataclass(frozen=True)
class OpenedConversation:
    """A conversation just opened, with its first replies; or one that was running, without."""

    conversation_id: str
    secret: str
    outcome: Outcome
    resumed: bool = False


class Beside(Protocol):
    """What runs beside the conversations: the shop's events, what is told of them, webhooks."""

    def start(self) -> None:
        """Begin."""

    async def close(self) -> None:
        """Stop; the record is still open."""

    def arrived(self, customer_id: str) -> None:
        """Hear that a customer has opened a conversation, or logged in to one."""


class Conversations:
    """The conversations of this process.

    Args:
        store: writes the record.
        reader: reads it.
        worker: answers messages.
        rasa: asked for its health only.
        lines: the front's own words.
        hub: tells watchers.
        handover: what agents do with conversations.
        desk: what agents read of them.

    Attributes:
        beside: what starts and ends with them.
    """

    def __init__(
        self,
        *,
        store: Store,
        reader: Reader,
        worker: Worker,
        rasa: RasaClient,
        lines: words.Lines,
        hub: Hub,
        handover: Handover,
        desk: DeskReader,
    ) -> None:
        self.handover = handover
        self.desk = desk
        self._store = store
        self._reader = reader
        self._worker = worker
        self._rasa = rasa
        self._hub = hub
        self.lines = lines
        self.beside: Beside | None = None
        self._poller: asyncio.Task[None] | None = None
        self._tender: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to work; what a former process left unanswered comes first."""
        self._worker.start()
        self._poller = asyncio.create_task(self._look_for_news())
        self._tender = asyncio.create_task(self._tend_forever())
        if self.beside is not None:
            self.beside.start()

    async def drain(self, seconds: float) -> int:
        """Finish what has begun, at most so long; see :meth:`Worker.drain`."""
        return await self._worker.drain(seconds)

    def busy(self, conversation_id: str) -> bool:
        """Return whether this process is working on an answer of the conversation."""
        return self._worker.works_on(conversation_id)

    async def close(self) -> None:
        """End all work and release what is held."""
        if self.beside is not None:
            await self.beside.close()
        tasks = [task for task in (self._poller, self._tender) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._worker.close()
        await self._rasa.close()
        await self._store.database.close()

    # -- shoppers ---------------------------------------------------------------------------------------

    async def open(
        self,
        *,
        channel: str,
        customer_id: str | None,
        net: str,
        key: str | None = None,
        resume: bool = False,
    ) -> OpenedConversation:
        """Open a conversation and return it with its greeting, or the running one; see :meth:`Store.open`."""
        opened = await self._store.open(
            channel=channel,
            customer_id=customer_id,
            net=net,
            key=key,
            notice=self.lines.notice(words.PRIVACY_NOTICE),
            resume=resume,
        )
        if opened.work is not None:
            self._worker.take(opened.work)
        flushed = self._store.database.flush()
        outcome = Outcome(Owner.BOT, ())
        if not opened.resumed:
            outcome = await self._wait((opened.conversation_id, OPENED), complete=False)
        await flushed
        self._arrived(customer_id)
        standing = await self._reader.standing(opened.conversation_id)
        outcome = _standing(outcome, standing)
        return OpenedConversation(opened.conversation_id, opened.secret, outcome, opened.resumed)

    async def send(self, conversation_id: str, secret: str, incoming: Incoming) -> Outcome:
        """Hand in a message and wait for its answer, or for the apology that it takes long.

        Raises:
            ConversationError: as :meth:`Store.accept`.
        """
        accepted = await self._accept(conversation_id, secret, incoming, "rest")
        return await self._placed((conversation_id, incoming.message_id), accepted)

    async def submit(self, conversation_id: str, secret: str, incoming: Incoming) -> Accepted:
        """Hand in a message without waiting; once this returns it will be answered.

        Raises:
            ConversationError: as :meth:`Store.accept`.
        """
        accepted = await self._accept(conversation_id, secret, incoming, "websocket")
        await self._store.database.flush()
        where = await self._reader.whereabouts(conversation_id, accepted.owner)
        return replace(accepted, queue=where.queue, agent=where.agent)

    def heard(
        self, channel: str, conversation_id: str, message_id: str, accepted: Accepted, kind: str = "text"
    ) -> None:
        """Have a message answered that another part's transaction has stored by :meth:`Store.accept_in`."""
        if channel and not accepted.repeated:
            metrics.MESSAGES.labels(metrics.CHANNELS.of(channel), metrics.MESSAGE_KINDS.of(kind)).inc()
        self._take(conversation_id, message_id, accepted)

    def opened(self, conversation_id: str, work: Work | None) -> None:
        """Have an opening answered that another part's transaction has stored."""
        if work is not None:
            self._worker.take(work)
        self._hub.publish(conversation_id)

    async def identify(self, conversation_id: str, secret: str, customer_id: str, net: str) -> Outcome:
        """Bind a conversation to a customer who has logged in, and wait for the reply.

        Raises:
            ConversationError: as :meth:`Store.identify`.
        """
        message_id, accepted = await self._store.identify(conversation_id, secret, customer_id, net)
        self._take(conversation_id, message_id, accepted)
        outcome = await self._placed((conversation_id, message_id), accepted)
        self._arrived(customer_id)
        return outcome

    def _arrived(self, customer_id: str | None) -> None:
        """Let what waits for a customer be told, after the greeting."""
        if self.beside is not None and customer_id is not None:
            self.beside.arrived(customer_id)

    async def messages(self, conversation_id: str, secret: str | None, after: int) -> Page:
        """Return messages after a point; see :meth:`Reader.messages`."""
        return await self._reader.messages(conversation_id, secret, after)

    async def earlier(self, conversation_id: str, secret: str, before: str | None) -> PastPage:
        """Return a page of the customer's earlier conversations; see :meth:`Reader.earlier`."""
        return await self._reader.earlier(conversation_id, secret, before)

    async def authorise(self, conversation_id: str, secret: str) -> Owner:
        """Return the owner; AccessDeniedError for an unknown conversation or a wrong secret."""
        return await self._reader.authorise(conversation_id, secret)

    async def reading(self, conversation_id: str, secret: str) -> Mapping[str, Any]:
        """Return belief and last reading; see :meth:`Reader.reading`."""
        return await self._reader.reading(conversation_id, secret)

    async def set_personalisation(self, conversation_id: str, secret: str, *, on: bool) -> None:
        """Switch personalisation; see :meth:`Store.set_personalisation`."""
        await self._store.set_personalisation(conversation_id, secret, on=on)
        self._hub.publish(conversation_id)
        await self._store.database.flush()

    def watch(self, conversation_id: str) -> AbstractContextManager[asyncio.Event]:
        """Give an event that is set whenever the conversation has news."""
        return self._hub.watch(conversation_id)

    async def checks(self) -> Mapping[str, bool]:
        """Return whether the record and Rasa can be used now."""

        async def record() -> bool:
            try:
                await asyncio.wait_for(self._store.database.ping(), 2.0)
            except Exception:
                logger.exception("the record does not answer")
                return False
            return True

        database, rasa = await asyncio.gather(record(), self._rasa.healthy())
        return {"database": database, "rasa": rasa}

    # -- waiting ----------------------------------------------------------------------------------------

    async def _accept(self, conversation_id: str, secret: str, incoming: Incoming, channel: str) -> Accepted:
        tracing.enter(trace_of(conversation_id, incoming))  # for what else is done for this request
        with metrics.stage("accept"):
            accepted = await self._store.accept(conversation_id, secret, incoming)
        if not accepted.repeated:
            kind = "picture" if incoming.picture else "button" if incoming.button else "text"
            metrics.MESSAGES.labels(metrics.CHANNELS.of(channel), kind).inc()
        self._take(conversation_id, incoming.message_id, accepted)
        return accepted

    def _take(self, conversation_id: str, message_id: str, accepted: Accepted) -> None:
        if accepted.state is State.ACCEPTED:
            self._worker.watch((conversation_id, message_id), accepted.style)
        if (
            accepted.work is not None
        ):  # the record has given us the lease: a former task of ours is done with it
            self._worker.take(accepted.work)
        self._hub.publish(conversation_id)

    async def _placed(self, key: tuple[str, str], accepted: Accepted) -> Outcome:
        """Return the outcome with the place in the queue, or the agent, and the dress beside it."""
        outcome = await self._outcome(key, accepted)
        return _standing(outcome, await self._reader.standing(key[0], outcome.owner))

    async def _outcome(self, key: tuple[str, str], accepted: Accepted) -> Outcome:
        if accepted.state is State.ANSWERED:
            await self._store.database.flush()
            return Outcome(accepted.owner, accepted.replies)
        # The message reaches the disk while its turn runs; nobody hears of it before both are done. The
        # answer need not: lost with the power, it is fetched again from Rasa, which runs a message id once.
        flushed = self._store.database.flush()
        outcome = await self._wait(key, complete=not accepted.repeated)
        await flushed
        return outcome

    async def _wait(self, key: tuple[str, str], *, complete: bool) -> Outcome:
        """Wait until a message is answered or the apology for its delay was said.

        Args:
            key: conversation and message.
            complete: nothing was said to the message before, so that the replies of the turn are all.
        """
        if self._worker.works_on(key[0]):
            # The worker ends this by the answer, by the apology, or by giving up the conversation.
            answered = await self._worker.waiter(key)
            if answered is not None and complete:
                return Outcome(answered.owner, answered.replies)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._worker.patience.apology + 1.0
        pause = _REMOTE_POLL[0]
        while not await self._reader.settled(*key) and loop.time() < deadline and not self._worker.over:
            await asyncio.wait({self._worker.waiter(key)}, timeout=pause)
            pause = min(2 * pause, _REMOTE_POLL[1])
        progress = await self._reader.progress(*key)
        self._worker.forget(key)
        return _to_outcome(progress)

    async def _tend_forever(self) -> None:
        """Look after the queue from time to time; every front does, each step is done once."""
        while True:
            try:
                await self.handover.tend()
            except Exception:
                logger.exception("the queue could not be tended")
            await asyncio.sleep(self._worker.patience.sweep)

    async def _look_for_news(self) -> None:
        """Wake watchers of conversations that another process has written to."""
        seen: dict[str, int] = {}
        while True:
            await asyncio.sleep(_HUB_POLL)
            watched = self._hub.watched()
            if not watched:
                seen.clear()
                continue
            try:
                heads = await self._reader.heads(watched)
            except Exception:
                logger.exception("the record could not be asked for news")
                continue
            for conversation_id, head in heads.items():
                if seen.get(conversation_id) != head:
                    self._hub.wake(conversation_id)  # who wrote it has told the other processes
            seen = dict(heads)


def _standing(outcome: Outcome, now: Standing) -> Outcome:
    return replace(outcome, owner=now.owner, queue=now.queue, agent=now.agent, style=now.style)


def _to_outcome(progress: Progress) -> Outcome:
    return Outcome(progress.owner, progress.replies, pending=not progress.answered)
