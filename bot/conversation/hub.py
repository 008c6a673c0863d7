"""Tells those who watch a conversation that something new is in the record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Hub:
    """Wakes watchers of conversations, within this process.

    What another process writes is found by :meth:`watched` and a look at the record from time to time, and
    sooner where Redis carries the news (:mod:`bot.conversation.redis_news`).

    Attributes:
        outward: told of each conversation in which this process has written.
        inward: told of each conversation that has news, wherever they were written.
    """

    def __init__(self) -> None:
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._watchers_of_all: set[asyncio.Event] = set()
        self.outward: Callable[[str], None] | None = None
        self.inward: Callable[[str], None] | None = None

    @contextmanager
    def watch(self, conversation_id: str) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever the conversation has news; the watcher clears it."""
        news = asyncio.Event()
        self._watchers.setdefault(conversation_id, set()).add(news)
        try:
            yield news
        finally:
            watchers = self._watchers[conversation_id]
            watchers.discard(news)
            if not watchers:
                del self._watchers[conversation_id]

    @contextmanager
    def watch_all(self) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever any conversation has news; the watcher clears it."""
        news = asyncio.Event()
        self._watchers_of_all.add(news)
        try:
            yield news
        finally:
            self._watchers_of_all.discard(news)

    def publish(self, conversation_id: str) -> None:
        """Wake all who watch the conversation, at other fronts too: this process has written."""
        self.wake(conversation_id)
        if self.outward is not None:
            self.outward(conversation_id)

    def wake(self, conversation_id: str) -> None:
        """Wake those of this process who watch the conversation."""
        for news in (*self._watchers.get(conversation_id, ()), *self._watchers_of_all):
            news.set()
        if self.inward is not None:
            self.inward(conversation_id)

    def watched(self) -> tuple[str, ...]:
        """Return the conversations that somebody watches."""
        return tuple(self._watchers)
