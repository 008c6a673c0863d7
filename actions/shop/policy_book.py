"""Policies in the shop's tables: delivered once, read, changed, and what they were before."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from actions.shop.errors import NotFoundError, RuleError
from actions.shop.http_wire import decode, encode
from actions.shop.policy_models import Clause, Policy, PolicyResult
from actions.shop.policy_rules import MAX_TOPIC, validate
from actions.shop.policy_schema import PolicyRow, PolicyVersionRow
from actions.shop.transaction import Transaction

#: Who may stand behind a change.
LOGIN = re.compile(r"[!-~]{1,64}")

#: How many earlier versions are told.
MOST_VERSIONS = 50


def load_policies(session: Session) -> list[Policy]:
    """Return all policies, by topic."""
    rows = session.execute(select(PolicyRow).order_by(PolicyRow.topic)).scalars()
    return [_policy(row) for row in rows]


def load_policy(session: Session, topic: str) -> Policy:
    """Return the policy of a topic; NotFoundError if there is none."""
    row = session.get(PolicyRow, topic) if _can_be(topic) else None
    if row is None:
        raise NotFoundError("no such policy")
    return _policy(row)


def load_earlier(session: Session, topic: str) -> list[Policy]:
    """Return what a policy was before its changes, the last one first; NotFoundError as above."""
    load_policy(session, topic)
    statement = (
        select(PolicyVersionRow)
        .where(PolicyVersionRow.topic == topic)
        .order_by(PolicyVersionRow.version.desc())
        .limit(MOST_VERSIONS)
    )
    return [_policy(row) for row in session.execute(statement).scalars()]


def change_policy(write: Transaction, policy: Policy, by: str) -> PolicyResult:
    """Put a policy in the place of the one of its version, which is kept; see the protocol for the errors."""
    session, topic = write.session, policy.topic
    statement = select(PolicyRow).where(PolicyRow.topic == topic).with_for_update()
    row: PolicyRow | None = session.execute(statement).scalar_one_or_none() if _can_be(topic) else None
    if row is None:
        raise NotFoundError("no such policy")
    if not LOGIN.fullmatch(by):
        raise ValueError("who changes a policy has a login of 1 to 64 ASCII characters without blanks")
    found = row

    def change() -> str:
        if found.version != policy.version:
            raise RuleError("changed_meanwhile")
        problems = validate(policy)
        if problems:
            raise RuleError("invalid_policy", "; ".join(map(str, problems)))
        session.add(PolicyVersionRow(**_columns(_policy(found))))
        found.title, found.clauses = policy.title, encode(policy.clauses)
        found.version += 1
        found.changed_at, found.changed_by = write.now, by
        session.flush()
        return str(found.version)

    arguments = {"policy": encode(policy.clauses), "topic": topic, "title": policy.title, "by": by}
    version, repeated = write.once("policy", {**arguments, "version": policy.version}, change)
    return PolicyResult(_of_version(session, found, int(version)), repeated)


def _of_version(session: Session, row: PolicyRow, version: int) -> Policy:
    """Return what a change made of a policy, also where others have changed it since."""
    if row.version == version:
        return _policy(row)
    earlier = session.get(PolicyVersionRow, (row.topic, version))
    return _policy(earlier if earlier is not None else row)


def deliver(session: Session, delivered: Iterable[Policy], *, whole: bool = True) -> None:
    """Bring what the software delivers: new topics are added, those that nobody changed follow its texts.

    What a manager has changed stays as it is, whatever is delivered. A topic that is delivered no more goes
    where nobody has changed it; nothing goes where not all could be read (`whole`), or nothing is delivered.
    """
    wanted = {policy.topic: policy for policy in delivered}
    if not wanted:
        return
    rows = {row.topic: row for row in session.execute(select(PolicyRow)).scalars()}
    for topic, policy in wanted.items():
        if topic not in rows:
            session.add(PolicyRow(**_columns(policy)))
        elif rows[topic].version == 1 and _policy(rows[topic]) != policy:
            rows[topic].title, rows[topic].clauses = policy.title, encode(policy.clauses)
    gone = [topic for topic, row in rows.items() if whole and row.version == 1 and topic not in wanted]
    for topic in gone:
        session.execute(delete(PolicyRow).where(PolicyRow.topic == topic))
    session.flush()


def policy_rows(delivered: Iterable[Policy]) -> list[dict[str, Any]]:
    """Return policies as rows of their table."""
    return [_columns(policy) for policy in delivered]


def differs(stored: Sequence[Policy], delivered: Iterable[Policy], *, whole: bool = True) -> bool:
    """Say whether :func:`deliver` would change anything."""
    wanted = {policy.topic: policy for policy in delivered}
    have = {policy.topic: policy for policy in stored}
    if not wanted:
        return False
    return any(topic not in have for topic in wanted) or any(
        policy.version == 1 and wanted.get(topic, None if whole else policy) != policy
        for topic, policy in have.items()
    )


def _can_be(topic: str) -> bool:
    """Say whether a text can be a topic, so that nothing strange reaches the database."""
    return len(topic) <= MAX_TOPIC and topic.isascii() and topic.isprintable()


def _columns(policy: Policy) -> dict[str, Any]:
    return {
        "topic": policy.topic,
        "title": policy.title,
        "clauses": encode(policy.clauses),
        "version": policy.version,
        "changed_at": policy.changed_at,
        "changed_by": policy.changed_by,
    }


def _policy(row: PolicyRow | PolicyVersionRow) -> Policy:
    clauses: tuple[Clause, ...] = decode(tuple[Clause, ...], row.clauses)
    return Policy(row.topic, row.title, clauses, row.version, row.changed_at, row.changed_by)
