"""``zhixin agent``: accounts of the people at the desk."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import typer

from bot.app.output import CommandError, complain, say
from bot.app.settings import load

if TYPE_CHECKING:
    from bot.conversation.accounts import Accounts
    from bot.conversation.desk_types import Role

T = TypeVar("T")

app = typer.Typer(help="Accounts of the people at the desk.", no_args_is_help=True)
_LOGIN = typer.Argument(..., metavar="LOGIN", help="What the agent logs in with.")
_ROLE = typer.Option(
    "agent", "--role", help="agent, supervisor or admin; each may do what the ones before may."
)
_STDIN = typer.Option(False, "--password-stdin", help="Read the password from the first line of stdin.")
_GENERATE = typer.Option(False, "--generate", help="Make a random password and print it.")


@app.callback()
def _group() -> None:
    """Accounts of the people at the desk."""


@app.command()
def add(
    login: str = _LOGIN,
    name: str = typer.Option(..., "--name", help="What colleagues and shoppers read, e.g. 小林."),
    role: str = _ROLE,
    password_stdin: bool = _STDIN,
    generate: bool = _GENERATE,
) -> None:
    """Add an account; asks for the password unless told where it comes from."""
    wanted = _role(role)
    password = _password(password_stdin, generate)
    _run(lambda accounts: accounts.add(login, name, wanted, password), "add_account", login)
    say(f"zhixin: {login} can log in at the desk as {wanted.value}")
    _tell(password, generate)


@app.command("list")
def list_command() -> None:
    """List the accounts: login, role, state, name."""
    found = _run(lambda accounts: accounts.accounts())
    if not found:
        complain("there are no accounts yet: zhixin agent add LOGIN --name NAME --role admin")
    for account in found:
        agent = account.agent
        state = "active" if agent.active else "disabled"
        say(f"{agent.login}\t{agent.role.value}\t{state}\t{agent.name}")


@app.command()
def disable(login: str = _LOGIN) -> None:
    """Disable an account; its sessions end at once."""
    _change(login, "disable_account", lambda accounts, found: accounts.set_active(found, False))
    say(f"zhixin: {login} is disabled and logged out everywhere")


@app.command()
def enable(login: str = _LOGIN) -> None:
    """Enable an account again."""
    _change(login, "enable_account", lambda accounts, found: accounts.set_active(found, True))
    say(f"zhixin: {login} is enabled")


@app.command()
def password(login: str = _LOGIN, password_stdin: bool = _STDIN, generate: bool = _GENERATE) -> None:
    """Give an account a new password; its sessions end, and a lock-out of it is lifted."""
    new = _password(password_stdin, generate)
    _change(login, "reset_password", lambda accounts, found: accounts.reset_password(found, new))
    say(f"zhixin: {login} has a new password and is logged out everywhere")
    _tell(new, generate)


@app.command()
def role(login: str = _LOGIN, new_role: str = typer.Argument(..., metavar="ROLE")) -> None:
    """Change the role of an account; it holds from its next request on."""
    wanted = _role(new_role)
    _change(login, "change_role", lambda accounts, found: accounts.set_role(found, wanted))
    say(f"zhixin: {login} is {wanted.value} now")


def _role(text: str) -> Role:
    from bot.conversation.desk_types import Role

    try:
        return Role(text.strip().lower())
    except ValueError:
        raise typer.BadParameter(
            f"one of {', '.join(r.value for r in Role)} is wanted, not {text!r}"
        ) from None


def _password(from_stdin: bool, generated: bool) -> str:
    if from_stdin and generated:
        raise typer.BadParameter("--password-stdin and --generate exclude each other")
    if generated:
        from bot.conversation.passwords import generate

        return generate()
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _tell(password: str, generated: bool) -> None:
    if generated:
        say(password)


def _change(login: str, action: str, change: Callable[[Accounts, str], Awaitable[None]]) -> None:
    """Change one account and write it into the audit log."""

    async def act(accounts: Accounts) -> None:
        await change(accounts, (await accounts.by_login(login)).agent_id)

    _run(act, action, login)


def _run(act: Callable[[Accounts], Awaitable[T]], action: str = "", login: str = "") -> T:
    """Open the record, bring it up to date, act, close it."""
    from sqlalchemy.exc import SQLAlchemyError

    from bot.app import accounts
    from bot.conversation.account_errors import AccountError

    settings = load(only=("data_keys",))
    try:
        return asyncio.run(accounts.use(settings, act, action=action, login=login))
    except AccountError as exc:
        raise CommandError(str(exc)) from exc
    except (SQLAlchemyError, OSError) as exc:
        cause = str(getattr(exc, "orig", None) or exc).strip().splitlines()[0]
        raise CommandError(f"the database of ZHIXIN_RECORD_URL cannot be used: {cause}") from exc
