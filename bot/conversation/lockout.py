"""Slows down the guessing of passwords, by account and by network address, over all processes.

An attempt is counted before the password is looked at and taken back when it was right, so a hundred
attempts at once are still a hundred. Logins that no account has are counted like the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from bot.conversation.desk_schema import login_failures
from persona.privacy.vault import Vault

_f = login_failures.c
_LONGEST = timedelta(hours=24)


@dataclass(frozen=True)
class Rule:
    """How often one may be wrong.

    Attributes:
        most: failures until the first lock.
        lock: how long that lasts; each further failure doubles it, up to a day.
        memory: without a failure for so long the count begins anew.
        locked_memory: the same where there was a lock already.
    """

    most: int = 5
    lock: timedelta = timedelta(minutes=15)
    memory: timedelta = timedelta(hours=24)
    locked_memory: timedelta = timedelta(hours=48)

    def until(self, failures: int, now: datetime) -> datetime | None:
        """Return until when so many failures lock, None where they do not."""
        if failures < self.most:
            return None
        doublings = min(failures - self.most, 12)
        return now + min(self.lock * (1 << doublings), _LONGEST)

    def remembers(self, failures: int, at: datetime, now: datetime) -> bool:
        """Say whether failures of which the last was at `at` still count."""
        return now - at < (self.locked_memory if failures >= self.most else self.memory)


#: Colleagues share an address: their slips of an hour ago are no guessing.
ADDRESS = Rule(memory=timedelta(hours=1))
ACCOUNT = Rule()


class Lockout:
    """Counts wrong passwords. All methods run inside a transaction of the caller.

    Args:
        vault: makes the blind hashes that stand for logins.
        account: the rule for one login.
        address: the rule for one network address.
    """

    def __init__(self, vault: Vault, account: Rule = ACCOUNT, address: Rule = ADDRESS) -> None:
        self._vault = vault
        self._account = account
        self._address = address

    def charge(self, connection: Connection, login: str, net: str, now: datetime) -> timedelta | None:
        """Count an attempt before it is checked.

        Returns:
            None where the attempt may be made; else how long to wait, and nothing was counted.
        """
        rows = [(key, rule, *self._state(connection, key, rule, now)) for key, rule in self._keys(login, net)]
        waits = [until - now for _, _, _, until in rows if until is not None and until > now]
        if waits:
            return max(waits)
        for key, rule, failures, _ in rows:
            self._store(connection, key, failures + 1, rule.until(failures + 1, now), now)
        return None

    def forgive(self, connection: Connection, login: str, net: str, now: datetime) -> None:
        """Take back what this login's failures counted, for its password was right at last.

        Failures of other logins from the same address stay: an own account is no means to guess others'.
        """
        (own, own_rule), (address, rule) = self._keys(login, net)
        failures, _ = self._state(connection, own, own_rule, now)
        self.forget(connection, login)
        together, _ = self._state(connection, address, rule, now)
        self._store(connection, address, max(0, together - failures), None, now)

    def forget(self, connection: Connection, login: str) -> None:
        """Unlock a login, for an administrator has given it a new password."""
        connection.execute(delete(login_failures).where(_f.key == self._login_key(login)))

    def tidy(self, connection: Connection, now: datetime) -> None:
        """Delete what no longer counts."""
        connection.execute(delete(login_failures).where(_f.at < now - 2 * _LONGEST))

    def _login_key(self, login: str) -> str:
        return "login:" + self._vault.blind(login, "desk-login")

    def _keys(self, login: str, net: str) -> tuple[tuple[str, Rule], tuple[str, Rule]]:
        return (self._login_key(login), self._account), ("net:" + net[:32], self._address)

    def _state(
        self, connection: Connection, key: str, rule: Rule, now: datetime
    ) -> tuple[int, datetime | None]:
        """Return failures that count and the end of the lock; the row stays locked until the commit."""
        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        connection.execute(
            insert(login_failures)
            .values(key=key, failures=0, locked_until=None, at=now)
            .on_conflict_do_nothing()
        )
        row = connection.execute(
            select(_f.failures, _f.locked_until, _f.at).where(_f.key == key).with_for_update()
        ).one()
        locked = row.locked_until is not None and row.locked_until > now
        if not locked and not rule.remembers(row.failures, row.at, now):
            return 0, None
        return row.failures, row.locked_until

    def _store(
        self, connection: Connection, key: str, failures: int, until: datetime | None, now: datetime
    ) -> None:
        connection.execute(
            login_failures.update().where(_f.key == key).values(failures=failures, locked_until=until, at=now)
        )
