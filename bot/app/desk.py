"""Mounts the agents' desk in the front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from bot.channels.limits import Addresses
from bot.channels.pictures import PictureFiles
from bot.conversation.accounts import Accounts, SessionLimits
from bot.conversation.audit import Audit
from bot.conversation.changes import Changes
from bot.conversation.database import Database
from bot.conversation.desk_reads import DeskReader
from bot.conversation.handover import Handover
from bot.conversation.hub import Hub
from bot.conversation.passwords import Passwords
from bot.conversation.pictures import Pictures
from bot.desk.app import make_desk
from bot.desk.assist.helper import Assist
from bot.desk.parts import DeskParts
from bot.desk.transport import SecureCookies, Transport
from persona.privacy.vault import Vault
from persona.wording import Wording

#: The desk in the front's application.
DESK = web.AppKey("desk", web.Application)
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True)
class DeskOptions:
    """What the settings say of the desk; see ``docs/configuration.md``.

    Attributes:
        idle: without a request for so long an agent must log in again.
        cookies: whether cookies travel over TLS only.
        origins: the desk's own origins where a proxy changes them.
        demo: the stack is a demo.
        host: what the front listens on.
    """

    idle: timedelta = SessionLimits.idle
    cookies: SecureCookies = SecureCookies.AUTO
    origins: Sequence[str] = ()
    demo: bool = False
    host: str = "127.0.0.1"


def mount(
    app: web.Application,
    *,
    handover: Handover,
    reader: DeskReader,
    database: Database,
    vault: Vault,
    hub: Hub,
    addresses: Addresses,
    clock: Callable[[], datetime],
    options: DeskOptions,
    passwords: Passwords | None = None,
    shop: Any = None,
    wording: Wording | None = None,
) -> web.Application:
    """Add the desk to the front's application at ``/desk``; return it.

    Args:
        app: the front's; it knows the desk as ``app[DESK]``.
        handover: writes to conversations.
        reader: what the pages show of them.
        database: the record's.
        vault: opens and blinds.
        hub: tells what is new in this process.
        addresses: finds network address and scheme of a request.
        clock: returns the present as an aware datetime.
        options: what the settings say.
        passwords: hashes; None takes argon2's own parameters.
        shop: the shop's gateway.
        wording: the bot's words, for suggested replies; None reads them when they are needed.
    """
    limits = SessionLimits(idle=options.idle)
    pictures = Pictures(database, vault, clock)
    app.add_routes(PictureFiles(pictures).routes())
    parts = DeskParts(
        handover=handover,
        reader=reader,
        accounts=Accounts(database, vault, clock, limits=limits, passwords=passwords),
        audit=Audit(database, clock),
        shop=shop,
        vault=vault,
        clock=clock,
        transport=Transport(
            scheme=addresses.scheme,
            cookies=options.cookies,
            loopback_demo=options.demo and options.host in _LOOPBACK,
            origins=frozenset(origin.rstrip("/").lower() for origin in options.origins),
        ),
        changes=Changes(database),
        hub=hub,
        pictures=pictures,
        assist=lambda: Assist(shop, clock, wording),
        net=lambda request: vault.blind(addresses.of(request), "net"),
    )
    desk = make_desk(parts)
    app.add_subapp("/desk", desk)
    app[DESK] = desk
    return desk
