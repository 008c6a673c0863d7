"""Filters and names that the templates of conversations use beside those of :mod:`bot.desk.render`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import jinja2

from bot.desk.assist.labels import group, label, shop_label
from bot.desk.listing import is_waiting
from bot.desk.pieces import visible
from bot.desk.rowing import Rows, Said
from persona.privacy.masking import mask, mask_name, mask_phone


def install(environment: jinja2.Environment) -> None:
    """Give the templates what they need."""
    environment.filters.update(
        visible=visible,
        masked=lambda text: visible(mask(str(text))),
        masked_contact=lambda text: visible(masked_contact(str(text))),
        masked_name=mask_name,
        masked_phone=mask_phone,
        iso_moment=iso_moment,
        money=money,
    )
    environment.globals.update(label=label, shop_label=shop_label, words_of=_Groups(), waiting=is_waiting)
    environment.globals.update(row_of=Rows(environment), said_of=Said(environment))


class _Groups(Mapping[str, Mapping[str, str]]):
    """The groups of ``labels.yml`` as attributes and items."""

    def __getitem__(self, name: str) -> Mapping[str, str]:
        return group(name)

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0


def masked_contact(text: str) -> str:
    """Return a contact with its middle hidden, whatever it is: a phone, an account name, a mail address."""
    shown = mask(text)
    if shown != text:
        return shown
    return f"{text[:2]}***{text[-1:]}" if len(text) > 3 else "***"


def iso_moment(text: Any) -> str:
    """Return an ISO moment of a card as people read it: 11月24日 18:00; "" where it is none."""
    try:
        at = text if isinstance(text, datetime) else datetime.fromisoformat(str(text))
    except ValueError:
        return ""
    return f"{at.month}月{at.day}日 {at:%H:%M}"


def money(value: Any) -> str:
    """Return an amount: ¥1,299.00; "" where it is none."""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return ""
    return f"¥{amount:,.2f}" if amount.is_finite() else ""
