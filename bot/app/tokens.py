"""Signs shoppers' tokens as a shop would: for the demo, for `zhixin chat` and for tests."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from bot.app.settings import Settings
from bot.channels.tokens import Tokens, parse_keys


def sign(settings: Settings, customer_id: str, minutes: int = 60) -> str:
    """Return a token that proves `customer_id`, signed with the current (first) token key.

    Args:
        settings: with the token keys.
        customer_id: the shop's id of the customer.
        minutes: how long it holds; the front refuses more than 60.
    """
    keys = parse_keys(settings.token_keys)
    tokens = Tokens(keys, settings.token_issuer, settings.token_audience, lambda: datetime.now(timezone.utc))
    return tokens.sign(customer_id, timedelta(minutes=minutes))[0]
