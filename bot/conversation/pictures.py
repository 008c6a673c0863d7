"""Pictures that shoppers and agents send: sealed in the record, erased with the conversation.

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
from typing import Any

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

#: What stands for a shopper's picture where only words can.
IN_WORDS = "[图片]"

_NAME = re.compile(r"(p_[A-Za-z0-9_]{32})-(\d{1,6})-([0-9a-f]{32})\.(jpg|png|webp)")
_DAY = 86400
_MOST_OVER = 100


@dataclass(frozen=True)
class Picture:
    """A stored picture: its address on the front and its size in pixels."""

    url: str
    width: int
    height: int


@dataclass(frozen=True)
class SealedPicture:
    """A picture that is about to be stored.

    Attributes:
        name: its id.
        kind: one of :data:`KINDS`.
        body: the file, sealed.
        sha: SHA-256 of the file as it was sent, so that a repeated message is known again.
        shown: where it will be seen.
        at: when it was sealed.
        ends: until when it is seen.
    """

    name: str
    kind: str
    body: str
    sha: str
    shown: Picture
    at: datetime
    ends: datetime

    def content(self) -> dict[str, Any]:
        """Return the content of the shopper's message."""
        size = {"width": self.shown.width, "height": self.shown.height}
        return {"text": IN_WORDS, "url": self.shown.url, **size, "sha": self.sha}


def insert(connection: Connection, cid: str, picture: SealedPicture) -> None:
    """Store a picture of a conversation; what nobody can see any more goes."""
    p = desk_pictures.c
    over = select(p.id).where(p.ends_at <= picture.at - timedelta(days=1)).limit(_MOST_OVER)
    # Two that clear up at once do not wait for each other.
    connection.execute(desk_pictures.delete().where(p.id.in_(over.with_for_update(skip_locked=True))))
    connection.execute(
        desk_pictures.insert().values(
            id=picture.name,
            conversation_id=cid,
            kind=picture.kind,
            body=picture.body,
            created_at=picture.at,
            ends_at=picture.ends,
        )
    )


def of_conversation(connection: Connection, vault: Vault, conversation_id: str) -> list[dict[str, Any]]:
    """Return the pictures of a conversation for the customer's copy of all data, opened."""
    p = desk_pictures.c
    found = connection.execute(
        select(desk_pictures).where(p.conversation_id == conversation_id).order_by(p.created_at, p.id)
    )
    return [
        {
            "id": row.id,
            "type": KINDS[row.kind],
            "sent_at": row.created_at.isoformat(timespec="milliseconds"),
            "base64": vault.open(row.body, _context(row.id)),
        }
        for row in found
    ]


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
        picture = self.sealed(body, kind=kind, width=width, height=height)

        def work(connection: Connection) -> None:
            found = select(conversations.c.id).where(conversations.c.id == cid)
            if connection.execute(found).first() is None:
                raise AccessDeniedError
            insert(connection, cid, picture)

        await self._database.write(work)
        return picture.shown

    def sealed(self, body: bytes, *, kind: str, width: int, height: int, sha: str = "") -> SealedPicture:
        """Return a picture as it is stored by :func:`insert`; takes a moment, any thread may call it.

        Raises:
            ValueError: no such kind.
        """
        if kind not in KINDS:
            raise ValueError(f"a picture is one of {', '.join(KINDS)}")
        name = "p_" + "".join(secrets.choice(_LETTERS) for _ in range(32))
        now = self._clock()
        ends = now + LIFE
        day = int(ends.timestamp()) // _DAY
        shown = Picture(f"/pictures/{name}-{day}-{self._sign(name, day)}.{kind}", width, height)
        body_sealed = self._vault.seal(base64.b64encode(body).decode(), _context(name))
        return SealedPicture(name, kind, body_sealed, sha, shown, now, ends)

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
