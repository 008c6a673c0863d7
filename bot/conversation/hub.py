"""Tells those who watch a conversation that something new is in the record."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Hub:
    """Wakes watchers of conversations, within this process.

    What another process writes is found by :meth:`watched` and a look at the record from time to time.
    """

    def __init__(self) -> None:
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._watchers_of_all: set[asyncio.Event] = set()

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
        """Wake all who watch the conversation."""
        for news in (*self._watchers.get(conversation_id, ()), *self._watchers_of_all):
            news.set()

    def watched(self) -> tuple[str, ...]:
        """Return the conversations that somebody watches."""
        return tuple(self._watchers)
