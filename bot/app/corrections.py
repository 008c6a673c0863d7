"""People's corrections of the temperament as labelled conversations, without anything personal."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import Connection, Row

from actions.shop.errors import NotFoundError, ShopError
from actions.shop.gateway import ShopGateway
from actions.shop.models import Address, Order
from bot.app.settings import Settings
from bot.app.shops import open_shop
from bot.conversation import rows as record_rows
from bot.conversation.database import make_engine
from bot.conversation.desk_schema import agents, corrections
from bot.conversation.schema import conversations, messages, service_requests, shoppers
from persona.privacy.anonymise import Known, anonymise
from persona.privacy.vault import Vault

#: What JSON leaves as it is and some readers of lines take for an end of one (NEL, U+2028, U+2029).
_BREAKS = {code: f"\\u{code:04x}" for code in (0x85, 0x2028, 0x2029)}

#: Author of a message -> who it is for the evaluation, to which the bot is an agent.
_SPEAKERS = {"shopper": "shopper", "bot": "agent", "agent": "agent"}


class ShopAwayError(Exception):
    """The shop cannot be read, so the names and places of its customers are not known."""


@dataclass
class _People:
    """What is known of the people of one conversation."""

    names: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)

    def frozen(self) -> Known:
        return Known(
            *(frozenset(filter(None, s)) for s in (self.names, self.places, self.phones, self.others))
        )


def export(
    settings: Settings, *, with_shop: bool = True, new_id: Callable[[], str] = lambda: secrets.token_hex(8)
) -> list[dict[str, Any]]:
    """Return a labelled conversation for each corrected one, in the form that the evaluation reads.

    ``{"id", "label", "turns": [{"who", "text"}]}``: the last correction counts, with what had been typed when
    it was made; ids are random and the order is theirs, so that neither tells which conversation it was. Left
    out are shoppers who have switched personalisation off, and conversations without a word of the shopper's.

    Args:
        settings: where the record and the shop are.
        with_shop: take what the embedded shop knows of the customers out too.
        new_id: makes an id.

    Raises:
        ShopAwayError: the shop was to be asked and cannot be read.
    """
    vault = Vault.from_text(settings.data_keys)
    engine = make_engine(settings.record_url)
    try:
        with engine.connect() as connection:
            rows = _corrected(connection)
            known = _of_shop(settings, rows) if with_shop else {}
            colleagues = frozenset(connection.execute(select(agents.c.name)).scalars())
            found = [
                {
                    "id": new_id(),
                    "label": row.label,
                    "turns": _turns(
                        connection, vault, row, _known(connection, vault, row, known, colleagues)
                    ),
                }
                for row in rows
            ]
    finally:
        engine.dispose()
    told = [entry for entry in found if any(turn["who"] == "shopper" for turn in entry["turns"])]
    return sorted(told, key=lambda entry: str(entry["id"]))


def _corrected(connection: Connection) -> list[Row]:
    """Return the last correction of each conversation whose shopper lets things be inferred."""
    last = select(func.max(corrections.c.id)).group_by(corrections.c.conversation_id)
    found = connection.execute(
        select(
            corrections.c.conversation_id,
            corrections.c.label,
            corrections.c.seq,
            conversations.c.customer_id,
            conversations.c.orders,
        )
        .join(conversations, conversations.c.id == corrections.c.conversation_id)
        .outerjoin(shoppers, shoppers.c.customer_id == conversations.c.customer_id)
        .where(
            corrections.c.id.in_(last),
            conversations.c.personalisation.is_(True),
            func.coalesce(shoppers.c.personalisation, True).is_(True),
        )
    )
    return list(found)


def _turns(connection: Connection, vault: Vault, row: Row, known: Known) -> list[dict[str, str]]:
    """Return what was typed and answered; taps, cards, notices and notes are nobody's style."""
    m = messages.c
    found = connection.execute(
        select(m.seq, m.author, m.body)
        .where(
            m.conversation_id == row.conversation_id,
            m.seq <= row.seq,
            m.audience == "all",
            m.author.in_(_SPEAKERS),
            m.kind.in_(("text", "buttons")),
        )
        .order_by(m.seq)
    )
    turns = []
    for message in found:
        content = json.loads(
            vault.open(message.body, record_rows.body_context(row.conversation_id, message.seq))
        )
        text = anonymise(str(content.get("text") or ""), known).strip()
        if text:
            turns.append({"who": _SPEAKERS[message.author], "text": text})
    return turns


def _known(
    connection: Connection,
    vault: Vault,
    row: Row,
    of_shop: dict[str, _People],
    colleagues: frozenset[str],
) -> Known:
    """Return what the record and the shop know of the people in a conversation."""
    people = of_shop.get(row.conversation_id) or _People()
    people.names |= colleagues
    people.others |= {str(n) for n in (row.customer_id, *row.orders) if n}
    table = service_requests.c
    contacts = connection.execute(
        select(table.contact).where(table.conversation_id == row.conversation_id, table.contact.is_not(None))
    ).scalars()
    people.phones |= {vault.open(c, f"service_requests.contact/{row.conversation_id}") for c in contacts}
    return people.frozen()


def _of_shop(settings: Settings, rows: list[Row]) -> dict[str, _People]:
    """Return what the shop knows, by conversation."""

    async def read() -> dict[str, _People]:
        shop = open_shop(settings)
        found: dict[str, _People] = {}
        try:
            for row in rows:
                people = found[row.conversation_id] = _People()
                await _read_customer(shop, row, people)
        finally:
            await shop.close()
        return found

    try:
        return asyncio.run(read())
    except ShopError as exc:
        raise ShopAwayError("the shop cannot be read: its customers' names could remain") from exc


async def _read_customer(shop: ShopGateway, row: Row, people: _People) -> None:
    for number in row.orders:
        with suppress(NotFoundError):  # gone from the shop
            _add_order(people, await shop.order(number, customer_id=None))
    if row.customer_id is None:
        return
    with suppress(NotFoundError):
        customer = await shop.customer(row.customer_id)
        people.names.add(customer.name)
        people.phones.add(customer.phone)
        for address in customer.addresses:
            _add_address(people, address)
        for order in await shop.orders(row.customer_id, limit=200):
            _add_order(people, order)
        people.others |= {a.request_number for a in await shop.after_sales(row.customer_id)}


def _add_order(people: _People, order: Order) -> None:
    people.others.add(order.order_number)
    people.others |= {item.engraving for item in order.items if item.engraving}
    if order.shipment is not None:
        people.others.add(order.shipment.tracking_number)
    _add_address(people, order.address)


def _add_address(people: _People, address: Address) -> None:
    people.names.add(address.consignee)
    people.phones.add(address.phone)
    people.places |= {address.province, address.city, address.district, address.street}


def lines(entries: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a line of JSON for each conversation; a line to any reader, whatever was typed in it."""
    yield from (json.dumps(entry, ensure_ascii=False).translate(_BREAKS) for entry in entries)
