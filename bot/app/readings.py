"""Looks up the stored reading of a conversation's newest turn, for `zhixin chat --reading`."""

from __future__ import annotations

import json
from typing import Any

from bot.app.settings import Settings


def latest(settings: Settings, conversation_id: str) -> dict[str, Any] | None:
    """Return the reading of the newest shopper message, or None where it has none (a tap, switched off)."""
    from sqlalchemy import select

    from bot.conversation.database import make_engine
    from bot.conversation.rows import reading_context
    from bot.conversation.schema import messages
    from bot.conversation.types import Author
    from persona.privacy.vault import Vault

    engine = make_engine(settings.record_url)
    try:
        with engine.connect() as connection:
            row = connection.execute(
                select(messages.c.seq, messages.c.reading)
                .where(
                    messages.c.conversation_id == conversation_id, messages.c.author == Author.SHOPPER.value
                )
                .order_by(messages.c.seq.desc())
                .limit(1)
            ).first()
    finally:
        engine.dispose()
    if row is None or row.reading is None:
        return None
    opened = Vault.from_text(settings.data_keys).open(row.reading, reading_context(conversation_id, row.seq))
    reading: dict[str, Any] = json.loads(opened)
    return reading
