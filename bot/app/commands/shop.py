"""``zhixin shop``: for whoever connects a real shop's backend."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from typing import TYPE_CHECKING

import typer

from bot.app.output import CommandError, say
from bot.app.settings import Mode, load

if TYPE_CHECKING:
    from actions.shop.http_settings import HttpSettings

app = typer.Typer(help="Connect a real shop's backend.", no_args_is_help=True)

_KEY = typer.Option("", "--key", envvar="ZHIXIN_SHOP_KEY", show_envvar=True, help="API key.")
_CLIENT_ID = typer.Option("", "--client-id", envvar="ZHIXIN_SHOP_CLIENT_ID", help="OAuth2 client.")
_CLIENT_SECRET = typer.Option(
    "", "--client-secret", envvar="ZHIXIN_SHOP_CLIENT_SECRET", help="Its secret; better by the variable."
)


@app.callback()
def _group() -> None:
    """Connect a real shop's backend."""


@app.command()
def serve(
    *,
    host: str = typer.Option("127.0.0.1", "--host", help="Address to listen on."),
    port: int = typer.Option(8090, "--port", min=0, max=65535, help="0 takes a free one."),
    key: str = _KEY,
    client_id: str = _CLIENT_ID,
    client_secret: str = _CLIENT_SECRET,
    fault: str = typer.Option("", "--fault", help="What goes wrong, e.g. slow=2 or status=500,times=3."),
    database: str = typer.Option("", "--database", help="Its database; by default one in the data folder."),
) -> None:
    """Run the reference backend over a demo shop: an example for integrators, and for trying out."""
    from actions.shop.reference.guard import Guard
    from actions.shop.reference.serve import prepare
    from actions.shop.reference.serve import serve as run
    from bot.app import preflight
    from persona.privacy.vault import Vault

    # What names the backend for the stack, in the same shell, is not for the backend itself.
    settings = load({k: v for k, v in os.environ.items() if not k.startswith("ZHIXIN_SHOP_")})
    if settings.mode is not Mode.DEMO:
        raise CommandError("shop serve is a reference to learn from and to try out: demo mode only")
    preflight.data_dir(settings.data_dir)
    url = database or f"sqlite:///{settings.data_dir / 'reference.db'}"
    vault = Vault.from_text(settings.data_keys)
    own_key = key or ("" if client_id else secrets.token_urlsafe(24))
    guard = Guard((own_key,) if own_key else (), {client_id: client_secret} if client_id else {})

    def ready(found: int) -> None:
        say(f"zhixin: reference backend ready at http://{host}:{found}")
        if not key and own_key:
            say(f"zhixin: its key for today: ZHIXIN_SHOP_KEY={own_key}")

    try:
        prepare(url, vault)
        asyncio.run(run(url, vault, guard, host=host, port=port, faults=fault, ready=ready))
    except (OSError, ValueError) as exc:
        raise CommandError(f"the reference backend cannot serve: {exc}") from exc


@app.command()
def check(
    *,
    url: str = typer.Argument(..., envvar="ZHIXIN_SHOP_URL", help="Base address of the backend."),
    key: str = _KEY,
    token_url: str = typer.Option("", "--token-url", envvar="ZHIXIN_SHOP_TOKEN_URL", help="OAuth2 tokens."),
    client_id: str = _CLIENT_ID,
    client_secret: str = _CLIENT_SECRET,
    scope: str = typer.Option("", "--scope", envvar="ZHIXIN_SHOP_SCOPE", help="OAuth2 scope."),
    customer: str = typer.Option("", "--customer", metavar="ID", help="A customer to check with."),
    order: str = typer.Option("", "--order", metavar="NO", help="An order to check with."),
    write: bool = typer.Option(False, "--write", help="Also write: urge an order, set an address."),
    as_json: bool = typer.Option(False, "--json", help="Print the report as JSON."),
    timeout_s: float = typer.Option(10.0, "--timeout", min=0.1, help="Seconds to wait for one answer."),
) -> None:
    """Hold a backend against the contract; say what is wrong, field by field. Exit 1 if anything is."""
    from actions.shop.conformance.run import check as run
    from actions.shop.http_auth import auth_of
    from actions.shop.http_settings import HttpSettings

    settings = HttpSettings(
        url, key, token_url, client_id, client_secret, scope, plain_http=True, timeout_s=1e6
    )
    _refuse(settings)
    report = asyncio.run(
        run(
            url,
            auth_of(settings),
            customer_id=customer,
            order_number=order,
            write=write,
            timeout_s=timeout_s,
        )
    )
    if as_json:
        say(json.dumps(report.as_json(), ensure_ascii=False, indent=2))
    else:
        for line in report.lines():
            say(line)
    raise typer.Exit(0 if report.good else 1)


def _refuse(settings: HttpSettings) -> None:
    problems = settings.problems()
    if problems:
        raise CommandError("; ".join(problems))
