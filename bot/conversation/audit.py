"""The audit log: who looked at or changed what, when, from where. It holds codes and ids, no words."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection

from bot.conversation.database import Database
from bot.conversation.desk_schema import agents, audit_log

_l = audit_log.c

#: Who acts where nobody is logged in: a refused login of an unknown name.
NOBODY = "-"
PAGE = 100
_ACTION = re.compile(r"[a-z][a-z_]{1,39}")
_CODE = re.compile(r"[A-Za-z0-9_.:@,-]{0,128}")
_PHONE = re.compile(r"1[3-9]\d{9}")
_MOST_REMEMBERED = 20_000


@dataclass(frozen=True)
class AuditEntry:
    """One line; `agent_name` is empty where the account is gone or nobody was logged in."""

    entry_id: int
    at: datetime
    agent_id: str
    agent_name: str
    action: str
    conversation_id: str | None
    customer_id: str | None
    detail: Mapping[str, Any]
    net: str


@dataclass(frozen=True)
class AuditFilter:
    """What is looked for; None does not filter.

    Attributes:
        since: the first moment that counts.
        until: the first that does not count any more.
        before: id of the last line seen, for the next page.
        limit: lines at most.
    """

    agent_id: str | None = None
    action: str | None = None
    conversation_id: str | None = None
    customer_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    limit: int = PAGE


class Audit:
    """Writes and reads the log; nothing in it is ever changed.

    Args:
        database: the record's.
        clock: returns the present as an aware datetime.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._recent: OrderedDict[tuple[str, ...], datetime] = OrderedDict()

    async def write(
        self,
        agent_id: str,
        action: str,
        *,
        conversation_id: str | None = None,
        customer_id: str | None = None,
        detail: Mapping[str, Any] | None = None,
        net: str = "",
        fold: timedelta | None = None,
    ) -> None:
        """Add a line; it is committed when this returns.

        Args:
            agent_id: who, or :data:`NOBODY`.
            action: a code like ``view_conversation``.
            conversation_id: whose page it was.
            customer_id: whose data.
            detail: codes, ids and numbers.
            net: blind hash of the network address.
            fold: a page that asks again every second is one look: within this time the same line is
                written once (by this process).

        Raises:
            ValueError: the detail holds something that is no code, id or number, or a telephone number.
        """
        if not _ACTION.fullmatch(action):
            raise ValueError(f"{action!r} is no action")
        for key, value in (detail or {}).items():
            _check_code(key)
            for item in value if isinstance(value, list | tuple) else (value,):
                _check_code(item)
        now = self._clock()
        kept = dict(detail) if detail else None
        if fold is not None and self._is_repeat(
            (agent_id, action, conversation_id or "", customer_id or "", json.dumps(kept, sort_keys=True)),
            now,
            fold,
        ):
            return
        row = {"at": now, "agent_id": agent_id, "action": action, "detail": kept, "net": net[:32]}
        ids = {"conversation_id": conversation_id, "customer_id": customer_id}
        await self._database.write(
            lambda connection: connection.execute(audit_log.insert().values(**row, **ids))
        )

    async def read(self, wanted: AuditFilter | None = None) -> tuple[AuditEntry, ...]:
        """Return lines, the newest first."""
        wanted = wanted or AuditFilter()
        query = (
            select(audit_log, agents.c.name)
            .select_from(audit_log.outerjoin(agents, agents.c.id == _l.agent_id))
            .order_by(_l.id.desc())
            .limit(wanted.limit)
        )
        for column in (_l.agent_id, _l.action, _l.conversation_id, _l.customer_id):
            value = getattr(wanted, column.name)
            if value is not None:
                query = query.where(column == value)
        if wanted.since is not None:
            query = query.where(_l.at >= wanted.since)
        if wanted.until is not None:
            query = query.where(_l.at < wanted.until)
        if wanted.before is not None:
            query = query.where(_l.id < wanted.before)

        def work(connection: Connection) -> tuple[AuditEntry, ...]:
            return tuple(
                AuditEntry(
                    row.id,
                    row.at,
                    row.agent_id,
                    row.name or "",
                    row.action,
                    row.conversation_id,
                    row.customer_id,
                    row.detail or {},
                    row.net,
                )
                for row in connection.execute(query)
            )

        return await self._database.read(work)

    def _is_repeat(self, key: tuple[str, ...], now: datetime, fold: timedelta) -> bool:
        last = self._recent.get(key)
        if last is not None and now - last < fold:
            return True
        self._recent.pop(key, None)
        self._recent[key] = now
        if len(self._recent) > _MOST_REMEMBERED:
            self._recent.popitem(last=False)
        return False


def _check_code(value: object) -> None:
    if value is None or isinstance(value, bool | int):
        return
    if not isinstance(value, str) or not _CODE.fullmatch(value) or _PHONE.fullmatch(value):
        raise ValueError("the audit log takes codes, ids and numbers only")
