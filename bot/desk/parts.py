"""What the desk is made of; the front hands it over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.conversation.accounts import Accounts
from bot.conversation.audit import Audit
from bot.conversation.changes import Changes
from bot.conversation.hub import Hub
from bot.conversation.pictures import Pictures
from bot.desk.transport import Transport
from persona.privacy.vault import Vault

if TYPE_CHECKING:
    from bot.conversation.desk_reads import DeskReader
    from bot.conversation.handover import Handover
    from bot.desk.assist.helper import Assist


@dataclass(frozen=True)
class DeskParts:
    """What the pages work with.

    Attributes:
        handover: writes to conversations.
        reader: what the pages show of them.
        shop: the shop's gateway.
        changes: which conversations have news, other processes' too.
        hub: tells what is new in this process at once.
        net: returns the blind hash of a request's network address.
        pictures: keeps what agents send.
        assist: makes what helps the agent; None makes it with the project's words.
    """

    handover: Handover
    reader: DeskReader
    accounts: Accounts
    audit: Audit
    shop: Any
    vault: Vault
    clock: Callable[[], datetime]
    transport: Transport
    changes: Changes
    hub: Hub
    net: Callable[[web.Request], str]
    pictures: Pictures
    assist: Callable[[], Assist] | None = None


PARTS = web.AppKey("desk_parts", DeskParts)


def parts_of(request: web.Request) -> DeskParts:
    """Return the parts for a request of the desk."""
    return request.app[PARTS]
