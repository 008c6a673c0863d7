"""Who needs care, as the shopper mentioned it, for the person who takes over.

Pregnant, old, a child, an allergy: it says something about her body or her family, so it is sealed, kept
with the conversation alone, exported and erased with it, and kept only while personalisation is on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.engine import Connection

from bot.conversation.schema import conversations
from persona.privacy.vault import Vault

_c = conversations.c

#: What a code looks like: those of ``nlu_data/meanings/care.yml``.
CODE = re.compile(r"[a-z_]{1,24}", re.ASCII)
_MOST = 8


def care_context(conversation_id: str) -> str:
    """Return what the sealed codes of a conversation are bound to."""
    return f"conversations.care/{conversation_id}"


def opened(vault: Vault, conversation_id: str, sealed: str | None) -> tuple[str, ...]:
    """Return the codes of a conversation, in the order in which they were mentioned."""
    if sealed is None:
        return ()
    return tuple(str(code) for code in json.loads(vault.open(sealed, care_context(conversation_id))))


def keep(connection: Connection, vault: Vault, conversation_id: str, codes: Iterable[str]) -> None:
    """Add codes to those of a conversation, each once."""
    mine = _c.id == conversation_id
    known = opened(vault, conversation_id, connection.execute(select(_c.care).where(mine)).scalar())
    all_of_them = list(dict.fromkeys((*known, *codes)))[:_MOST]
    if len(all_of_them) > len(known):
        sealed = vault.seal(json.dumps(all_of_them), care_context(conversation_id))
        connection.execute(conversations.update().where(mine).values(care=sealed))
