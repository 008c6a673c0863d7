"""Pictures that agents send to shoppers: sealed in the record, erased with the conversation.

Whoever has the address sees the picture: it cannot be guessed, is signed, and ends. The shopper has it from
her conversation, agents from theirs. ``/pictures/<id>-<day of the end>-<signature>.<kind>``.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.engine import Connection

from bot.conversation.database import Database
from bot.conversation.desk_schema import desk_pictures
from bot.conversation.errors import AccessDeniedError
from bot.conversation.schema import conversations
from persona.privacy.vault import Vault, VaultError

#: So long an address works; conversations that are looked at later show that the picture has gone.
LIFE = timedelta(days=90)

#: Kinds that are stored, by the ending of their address.
KINDS = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}

_NAME = re.compile(r"(p_[A-Za-z0-9_]{32})-(\d{1,6})-([0-9a-f]{32})\.(jpg|png|webp)")
_DAY = 86400


@dataclass(frozen=True)
class Picture:
    """A stored picture: its address on the front and its size in pixels."""

    url: str
    width: int
    height: int


class Pictures:
    """Stores and returns pictures.

    Args:
        database: the record's.
        vault: seals them and signs their addresses.
        clock: returns the present as an aware datetime.
    """

    def __init__(self, database: Database, vault: Vault, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock

    async def keep(self, cid: str, body: bytes, *, kind: str, width: int, height: int) -> Picture:
        """Store a picture of a conversation, as it is to be sent.

        Args:
            cid: the conversation.
            body: the file.
            kind: one of :data:`KINDS`.
            width: pixels.
            height: pixels.

        Raises:
            AccessDeniedError: no such conversation.
            ValueError: no such kind.
        """
        if kind not in KINDS:
            raise ValueError(f"a picture is one of {', '.join(KINDS)}")
        name = "p_" + "".join(secrets.choice(_LETTERS) for _ in range(32))
        now = self._clock()
        ends = now + LIFE
        sealed = self._vault.seal(base64.b64encode(body).decode(), _context(name))

        def work(connection: Connection) -> None:
            found = select(conversations.c.id).where(conversations.c.id == cid)
            if connection.execute(found).first() is None:
                raise AccessDeniedError
            # What nobody can see any more goes.
            connection.execute(
                desk_pictures.delete().where(desk_pictures.c.ends_at <= now - timedelta(days=1))
            )
            connection.execute(
                desk_pictures.insert().values(
                    id=name, conversation_id=cid, kind=kind, body=sealed, created_at=now, ends_at=ends
                )
            )

        await self._database.write(work)
        day = int(ends.timestamp()) // _DAY
        return Picture(f"/pictures/{name}-{day}-{self._sign(name, day)}.{kind}", width, height)

    async def open(self, file: str) -> tuple[bytes, str] | None:
        """Return a picture and its content type; None where the address is wrong or has ended.

        Args:
            file: the last part of the address.
        """
        match = _NAME.fullmatch(file)
        if match is None:
            return None
        name, day, signature, kind = match.groups()
        if not hmac.compare_digest(signature, self._sign(name, int(day))):
            return None
        if self._clock().timestamp() >= (int(day) + 1) * _DAY:
            return None

        def work(connection: Connection) -> str | None:
            query = select(desk_pictures.c.body).where(
                desk_pictures.c.id == name, desk_pictures.c.kind == kind
            )
            found: str | None = connection.execute(query).scalar()
            return found

        sealed = await self._database.read(work)
        if sealed is None:
            return None
        try:
            return base64.b64decode(self._vault.open(sealed, _context(name))), KINDS[kind]
        except VaultError:
            return None

    def _sign(self, name: str, day: int) -> str:
        return self._vault.blind(f"{name}/{day}", "pictures")


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def _context(name: str) -> str:
    return f"desk_pictures.body/{name}"
