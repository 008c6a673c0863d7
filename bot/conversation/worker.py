"""Answers accepted messages: one at a time per conversation, in order, each exactly once.

A conversation is worked on by one task under a lease in the record. Its loop ends only when no message waits,
because the transaction that stores an answer also hands out the next message or ends the lease. What a killed
process leaves behind is found by :meth:`Worker.sweep`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Coroutine
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from bot.conversation import words
from bot.conversation.assertion import Assertions
from bot.conversation.directives import read_directives
from bot.conversation.errors import LeaseLostError, RasaAwayError, RasaBrokenError, RasaRefusedError
from bot.conversation.hub import Hub
from bot.conversation.lease import RENEWAL
from bot.conversation.rasa_client import RasaClient, history_wanted
from bot.conversation.store import Store
from bot.conversation.traced import trace_of
from bot.conversation.turns import Turn
from bot.conversation.types import Answer, Answered, Kind, Proven, Trouble, Work
from persona.telemetry import metrics, tracing

logger = logging.getLogger(__name__)

Key = tuple[str, str]  # conversation id, message id


@dataclass(frozen=True)
class Patience:
    """How long the shopper waits for what, in seconds.

    Attributes:
        looking: until the line that it is still looking.
        apology: until the apology with a way on.
        first_retry: pause before Rasa is asked again; doubles each time.
        longest_retry: the longest such pause.
        most_broken: answers that are none, for one message, before the front gives up on it with an apology.
        sweep: pause between two looks for what nobody works on.
    """

    looking: float = 3.0
    apology: float = 10.0
    first_retry: float = 0.1
    longest_retry: float = 3.0
    most_broken: int = 6
    sweep: float = 1.0


def speaks(work: Work) -> bool:
    """Return whether the shopper hears something of a turn: a hand-back is between us and Rasa."""
    return work.message.content.get("event") != "handed_back"


class Worker:
    """Works on the conversations whose lease this process holds.

    Args:
        store: the record.
        rasa: asks for a turn.
        assertions: checks grants.
        lines: the front's own words.
        hub: tells watchers.
        patience: the waiting times.
        misunderstood: intents that mean that nothing was recognised.
    """

    def __init__(
        self,
        *,
        store: Store,
        rasa: RasaClient,
        assertions: Assertions,
        lines: words.Lines,
        hub: Hub,
        patience: Patience | None = None,
        misunderstood: Collection[str] = (),
    ) -> None:
        self._misunderstood = frozenset(misunderstood)
        self._store = store
        self._rasa = rasa
        self._assertions = assertions
        self._lines = lines
        self._hub = hub
        self.patience = patience or Patience()
        self._active: dict[str, asyncio.Task[None]] = {}
        self._waiters: dict[Key, asyncio.Future[Answered | None]] = {}
        self._timers: dict[Key, list[asyncio.TimerHandle]] = {}
        self._side: set[asyncio.Task[Any]] = set()
        self._background: list[asyncio.Task[None]] = []
        self._draining = False
        self.over = False

    # -- life -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to look for what waits, at once and from time to time."""
        self._background = [
            asyncio.create_task(self._sweep_forever()),
            asyncio.create_task(self._renew_forever()),
        ]

    async def drain(self, seconds: float) -> int:
        """Finish the turns that have begun, at most so long; begin none of what waits behind them.

        What is not finished is left to whoever comes next (:meth:`close` gives its leases back), and nobody
        in this process waits for it any more: clients hear that the answer is to follow.

        Returns:
            How many conversations are left.
        """
        self._draining = True
        if self._background:
            self._background[0].cancel()  # the sweep; leases are renewed to the end
        deadline = asyncio.get_running_loop().time() + seconds
        while self._active and (left := deadline - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(set(self._active.values()), timeout=left)
        self.over = True
        for key in list(self._waiters):
            self._resolve(key, None)
        return len(self._active)

    async def close(self) -> None:
        """Stop, leaving what is unanswered to whoever comes next; its leases end now."""
        for handles in self._timers.values():
            for handle in handles:
                handle.cancel()
        self._timers.clear()
        held = list(self._active)
        tasks = [*self._active.values(), *self._side, *self._background]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for conversation_id in held:
            await self._store.release(conversation_id)
        for waiter in self._waiters.values():
            waiter.cancel()

    # -- for the service --------------------------------------------------------------------------------

    def take(self, work: Work) -> None:
        """Work on a conversation whose lease the record has just given us."""
        conversation_id = work.conversation.conversation_id
        task = asyncio.create_task(self._work(work))
        self._active[conversation_id] = task
        task.add_done_callback(lambda done: self._ended(conversation_id, done))

    def works_on(self, conversation_id: str) -> bool:
        """Return whether a task of this process works on the conversation."""
        return conversation_id in self._active

    def waiter(self, key: Key) -> asyncio.Future[Answered | None]:
        """Return the future of a message: its answer, or None where the record must be asked.

        It is done when the message is answered by this process, or the apology for its delay was said.
        """
        future = self._waiters.get(key)
        if future is None or future.done():
            future = self._waiters[key] = asyncio.get_running_loop().create_future()
        return future

    def forget(self, key: Key) -> None:
        """Drop the future of a message that nobody waits for any more."""
        self._waiters.pop(key, None)

    def look_again(self, conversation_id: str) -> None:
        """Let all who wait for messages of a conversation look into the record: somebody else answers now."""
        for key in [key for key in self._waiters if key[0] == conversation_id]:
            self._resolve(key, None)

    def watch(self, key: Key, style: str) -> None:
        """See to it that the shopper hears something while the message waits."""
        if key in self._timers:
            return
        loop = asyncio.get_running_loop()
        self._timers[key] = [
            loop.call_later(self.patience.looking, self._spawn_notice, key, words.STILL_LOOKING, style),
            loop.call_later(self.patience.apology, self._spawn_notice, key, words.APOLOGY, style),
        ]

    # -- notices ----------------------------------------------------------------------------------------

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._side.add(task)
        task.add_done_callback(self._side.discard)

    def _spawn_notice(self, key: Key, response: str, style: str) -> None:
        if response == words.APOLOGY:
            self._timers.pop(key, None)
        self._spawn(self._notice(key, response, style))

    async def _notice(self, key: Key, response: str, style: str) -> None:
        try:
            said = await self._store.notice(
                *key, self._lines.notice(response, style), only_oldest=response == words.STILL_LOOKING
            )
        except Exception:
            logger.exception("the line %s could not be said", response)
            said = ()
        if said:
            self._hub.publish(key[0])
        if response == words.APOLOGY:
            self._resolve(key, None)

    def _resolve(self, key: Key, answered: Answered | None) -> None:
        waiter = self._waiters.pop(key, None)
        if waiter is not None and not waiter.done():
            waiter.set_result(answered)

    def _unwatch(self, key: Key) -> bool:
        """Cancel the timers of a message; return whether none has gone off."""
        handles = self._timers.pop(key, None)
        if handles is None:
            return False
        quiet = all(handle.when() > asyncio.get_running_loop().time() for handle in handles)
        for handle in handles:
            handle.cancel()
        return quiet

    # -- the loop of one conversation -------------------------------------------------------------------

    def _ended(self, conversation_id: str, task: asyncio.Task[None]) -> None:
        if self._active.get(conversation_id) is task:
            del self._active[conversation_id]
            self.look_again(conversation_id)
        if not task.cancelled() and task.exception() is not None:
            logger.error("work on %s ended", conversation_id, exc_info=task.exception())

    async def _work(self, first: Work) -> None:
        conversation_id = first.conversation.conversation_id
        try:
            work: Work | None = first
            while work is not None:
                key = (conversation_id, work.message.message_id)
                tracing.enter(trace_of(conversation_id, work.message))
                self._note_stage("wait", work)
                if speaks(work):
                    self.watch(key, work.conversation.style)
                answer = await self._ask(work)
                with metrics.stage("keep"):
                    answered = await self._keep(work, answer)
                self._tell(work, answer)
                quiet = self._unwatch(key)
                # Where something was said meanwhile, the record has the whole of it.
                self._resolve(key, answered if quiet else None)
                self._hub.publish(conversation_id)
                work = answered.next
                if work is not None and self._draining:
                    await self._store.release(conversation_id)
                    return
        except LeaseLostError:
            logger.warning("another process works on %s now", conversation_id)

    def _tell(self, work: Work, answer: Answer) -> None:
        """Log that a message was answered, and how: never what was said."""
        waited = self._note_stage("message", work)
        outcome = "ok" if answer.trouble is None else answer.trouble.value
        metrics.ANSWERS.labels(metrics.OUTCOMES.of(outcome)).inc()
        logger.info("answered", extra={"fields": {"outcome": outcome, "ms": waited * 1000}})

    def _note_stage(self, stage: str, work: Work) -> float:
        """Note how long ago a message was accepted, in seconds; events of the front count for no stage."""
        seconds = max(0.0, (self._store.now() - work.message.at).total_seconds())
        if work.message.kind is not Kind.EVENT:
            metrics.STAGE_SECONDS.labels(stage).observe(seconds)
        return seconds

    async def _ask(self, work: Work) -> Answer:
        """Return the answer to a message, however long it takes to get one."""
        pause, broken = self.patience.first_retry, 0
        while True:
            try:
                with metrics.stage("turn"):
                    turn = await self._rasa.turn(work)
                return self._answer(work, turn)
            except RasaRefusedError as exc:
                metrics.RETRIES.labels("refused").inc()
                logger.error("message %s cannot be asked: %s", work.message.message_id, exc)
                return self._apology(work)
            except RasaBrokenError as exc:
                broken += 1
                metrics.RETRIES.labels("broken").inc()
                logger.warning("no turn for message %s (%d): %s", work.message.message_id, broken, exc)
                if broken >= self.patience.most_broken:
                    return self._apology(work)
            except RasaAwayError as exc:
                metrics.RETRIES.labels("away").inc()
                logger.warning("message %s waits: %s", work.message.message_id, exc)
            await asyncio.sleep(pause)
            pause = min(2 * pause, self.patience.longest_retry)

    async def _keep(self, work: Work, answer: Answer) -> Answered:
        """Store an answer, however often the database fails."""
        pause = self.patience.first_retry
        while True:
            try:
                return await self._store.answer(work, answer)
            except SQLAlchemyError:
                logger.exception("the answer to %s could not be stored yet", work.message.message_id)
            await asyncio.sleep(pause)
            pause = min(2 * pause, self.patience.longest_retry)

    def _answer(self, work: Work, turn: Turn) -> Answer:
        effects = read_directives(
            turn.directives,
            self._assertions,
            conversation_id=work.conversation.conversation_id,
            message_id=work.message.message_id,
            replayed=turn.replayed,
        )
        replies = tuple(map(self._lines.with_card_text, turn.replies))
        if (turn.failed or effects.malformed) and speaks(work):
            replies = (*replies, self._lines.notice(words.APOLOGY, work.conversation.style))
        wanted = history_wanted(work)
        held = turn.history_held if turn.history_held is not None else turn.belief is not None
        return Answer(
            replies=replies,
            intent=turn.intent,
            # What is no text of the shopper is no evidence, whatever came with it.
            reading=turn.reading if work.message.kind is Kind.TEXT else None,
            shown=turn.signals if work.message.kind is Kind.TEXT else None,
            belief=turn.belief,
            history_held=wanted and held,
            orders=tuple(effects.orders),
            requests=tuple(effects.requests),
            personalisation=effects.personalisation,
            said_goodbye=effects.said_goodbye,
            care=tuple(effects.care),
            wish=effects.wish,
            trouble=self._trouble(turn, malformed=effects.malformed),
            form_open=turn.form_open,
            proven=None if effects.customer_id is None else self._proven(work, effects.customer_id),
        )

    def _proven(self, work: Work, customer_id: str) -> Proven:
        return Proven(customer_id, self._lines.notice(words.BIND_REFUSED, work.conversation.style))

    def _apology(self, work: Work) -> Answer:
        if not speaks(work):
            return Answer(replies=())
        return Answer(
            replies=(self._lines.notice(words.APOLOGY, work.conversation.style),), trouble=Trouble.FAILED
        )

    def _trouble(self, turn: Turn, *, malformed: bool) -> Trouble | None:
        if turn.failed or malformed:
            return Trouble.FAILED
        name = (turn.intent or {}).get("name")
        return Trouble.MISUNDERSTOOD if name in self._misunderstood else None

    # -- what nobody works on ---------------------------------------------------------------------------

    async def sweep(self) -> int:
        """Take over conversations with unanswered messages that nobody works on; return how many."""
        taken = 0
        for conversation_id in await self._store.waiting():
            if conversation_id in self._active:
                continue
            work = await self._store.claim(conversation_id)
            if work is not None and conversation_id not in self._active:
                self.take(work)
                taken += 1
        return taken

    async def _sweep_forever(self) -> None:
        while True:
            try:
                taken = await self.sweep()
                if taken:
                    logger.info("took over %d conversations with unanswered messages", taken)
            except Exception:
                logger.exception("the record could not be searched for unanswered messages")
            await asyncio.sleep(self.patience.sweep)

    async def _renew_forever(self) -> None:
        """Keep the leases of long turns alive. One that is lost shows when the answer is stored."""
        while True:
            await asyncio.sleep(RENEWAL.total_seconds())
            if not self._active:
                continue
            try:
                await self._store.renew(list(self._active))
            except Exception:
                logger.exception("the leases could not be renewed yet")
