"""The desk's accounts as the command line and the supervisor need them, without a front."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from bot.app import preflight
from bot.app.settings import Settings
from bot.conversation.accounts import Accounts
from bot.conversation.audit import Audit
from bot.conversation.database import Database, make_engine
from bot.conversation.desk_schema import agents
from bot.conversation.migrate import upgrade
from bot.conversation.schema import SHANGHAI
from persona.privacy.vault import Vault

T = TypeVar("T")

#: Who acts in the audit log where the command line did it.
COMMAND_LINE = "command-line"


def _now() -> datetime:
    return datetime.now(SHANGHAI)


async def use(
    settings: Settings, act: Callable[[Accounts], Awaitable[T]], *, action: str = "", login: str = ""
) -> T:
    """Open the record of the settings, bring its schema up to date, act on its accounts, close it.

    Args:
        settings: the checked settings.
        act: what to do.
        action: the line of the audit log; "" writes none.
        login: whose account it is about.
    """
    preflight.data_dir(settings.data_dir)
    upgrade(settings.record_url)
    database = Database(settings.record_url)
    accounts = Accounts(database, Vault.from_text(settings.data_keys), _now)
    try:
        done = await act(accounts)
        if action:
            account = (await accounts.by_login(login)).agent_id
            await Audit(database, _now).write(COMMAND_LINE, action, detail={"account": account})
        return done
    finally:
        accounts.close()
        await database.close()


def any_account(settings: Settings) -> bool:
    """Say whether somebody can log in to the desk."""
    engine = make_engine(settings.record_url)
    try:
        with engine.connect() as connection:
            found = connection.execute(agents.select().where(agents.c.active).limit(1)).first()
            return found is not None
    finally:
        engine.dispose()
