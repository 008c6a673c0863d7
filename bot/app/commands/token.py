"""``zhixin token``: signs a shopper's token."""

from __future__ import annotations

import typer

from bot.app.output import say
from bot.app.settings import Secrets, load


def token(
    customer_id: str = typer.Argument(..., help="The shop's id of the customer."),
    minutes: int = typer.Option(60, min=1, max=60, help="How long it holds."),
) -> None:
    """Sign a token that proves who a shopper is (Authorization: Bearer ...)."""
    from bot.app.tokens import sign

    say(sign(load(secrets=Secrets.READ), customer_id, minutes))
