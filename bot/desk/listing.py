"""Rows of the lists as templates show them: words instead of codes, and where a row belongs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from bot.conversation.desk_types import EscalationState, QueueFilter, QueueRow, Reason, View
from bot.conversation.types import Owner
from bot.desk.assist.labels import group, label

_STYLES = ("power", "perfect", "peace", "lively", "neutral")
#: Moods that a list names; a calm shopper needs no word.
_MOODS = ("angry", "complaining", "worried", "hesitant", "cheerful")
_LATE = datetime(9999, 1, 1, tzinfo=timezone.utc)
_LONGEST = 64


@dataclass(frozen=True)
class Item:
    """One row.

    Attributes:
        key: rows are in the order of their keys, which compare as texts.
        who: the masked name, or what a stranger is called.
        initial: one character that stands for the style.
        owner: Chinese, e.g. 排队中; with the agent's name where a colleague has it.
        said_by: who wrote the last line, Chinese.
        mine: the asking agent has it.
        asleep: it is put aside and leaves the list until `row.snoozed_until`.
    """

    row: QueueRow
    key: str
    who: str
    style: str
    initial: str
    reason: str
    mood: str
    owner: str
    said_by: str
    mine: bool
    asleep: bool


def stranger(conversation_id: str) -> str:
    """Return what a shopper is called whom nobody knows: 访客 7fQ2."""
    return f"访客 {conversation_id[-4:]}"


def items(
    found: Iterable[QueueRow], names: Mapping[str, str], *, view: View, agent_id: str, now: datetime
) -> tuple[Item, ...]:
    """Return rows as they are shown, in order.

    Args:
        found: from the record.
        names: masked names by customer.
        view: the list.
        agent_id: who looks.
        now: the present.
    """
    return tuple(sorted((_item(row, names, view, agent_id, now) for row in found), key=lambda item: item.key))


def _item(row: QueueRow, names: Mapping[str, str], view: View, agent_id: str, now: datetime) -> Item:
    open_one = row.escalation
    mine = open_one is not None and row.owner is Owner.HUMAN and open_one.agent_id == agent_id
    asleep = view is View.MINE and row.snoozed_until is not None and row.snoozed_until > now
    holder = open_one.agent_name if open_one is not None and row.owner is Owner.HUMAN else None
    return Item(
        row=row,
        key=("1" if asleep else "0") + _key(row, view),
        who=names.get(row.customer_id or "") or stranger(row.conversation_id),
        style=row.style if row.style in _STYLES else "neutral",
        initial=label("style_initial", row.style),
        reason=label("reason", open_one.reason) if open_one is not None else "",
        mood=label("mood", row.mood) if row.mood in _MOODS else "",
        owner="我在接待" if mine else f"{holder}接待中" if holder else label("owner", row.owner),
        said_by="" if row.last_author is None else label("author", row.last_author),
        mine=mine,
        asleep=asleep,
    )


def _key(row: QueueRow, view: View) -> str:
    """Return the place of a row in its list: what waits by its place, mine by the shopper's wait."""
    newest = _backwards(row.last_at)
    if view is View.WAITING:
        open_one = row.escalation
        live = "0" if row.owner is Owner.WAITING else "1"
        rank = str(open_one.rank) if open_one is not None else "9"
        place = _stamp(open_one.place_at if open_one is not None else None)
        return f"{live}{rank}{place}{_stamp(row.last_at)}{row.conversation_id}"
    if view is View.MINE:
        return f"{_stamp(row.waits_since)}{newest}{row.conversation_id}"
    return f"{newest}{row.conversation_id}"


def _stamp(at: datetime | None) -> str:
    return f"{int((at or _LATE).timestamp() * 1000):015d}"


def _backwards(at: datetime) -> str:
    return f"{10**15 - int(at.timestamp() * 1000):015d}"


def filter_of(query: Mapping[str, str], *, only: tuple[str, ...] | None = None) -> QueueFilter:
    """Return the filter that an address names; what is no value of a field does not filter."""
    view = query.get("view", "")
    reason = query.get("reason", "")
    style = query.get("style", "")
    mood = query.get("mood", "")
    return QueueFilter(
        view=View(view) if view in View._value2member_map_ else View.MINE,
        reason=Reason(reason) if reason in Reason._value2member_map_ else None,
        style=style if style in _STYLES else None,
        mood=mood if mood in group("mood") else None,
        channel=query.get("channel", "")[:_LONGEST] or None,
        text=query.get("q", "").strip()[:_LONGEST] or None,
        only=only,
    )


def address_of(wanted: QueueFilter, *, view: View | None = None) -> Mapping[str, str]:
    """Return the fields of the address that name a filter; `view` instead of its own."""
    fields = {
        "view": (view or wanted.view).value,
        "reason": wanted.reason.value if wanted.reason else "",
        "style": wanted.style or "",
        "mood": wanted.mood or "",
        "channel": wanted.channel or "",
        "q": wanted.text or "",
    }
    return {name: value for name, value in fields.items() if value}


def is_waiting(row: QueueRow) -> bool:
    """Say whether nobody has the row yet."""
    return row.escalation is not None and row.escalation.state is EscalationState.WAITING
