"""``zhixin agent``: accounts by the command line, on both kinds of record."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pytest

from bot.app.accounts import any_account
from bot.app.cli import main
from bot.app.settings import Settings, load
from bot.conversation.account_errors import LoginRefusedError
from bot.conversation.accounts import Accounts, Session
from bot.conversation.audit import Audit
from bot.conversation.database import Database
from bot.conversation.desk_types import Role
from bot.conversation.schema import SHANGHAI
from persona.privacy.vault import Vault
from tests.support import postgres

pytestmark = pytest.mark.slow

PASSWORD = "三只灰鹭站在溪边看雨"
SECOND = "北坡的松果落了整整一地"


@dataclass(frozen=True)
class Done:
    stdout: str
    stderr: str
    code: int


class Zhixin(Protocol):
    def __call__(self, *arguments: str, stdin: str = "") -> Done: ...


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.service)])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    given = {"ZHIXIN_DATA_DIR": str(tmp_path)}
    if request.param == "sqlite":
        yield given
        return
    with postgres.database("agents") as url:
        yield {**given, "ZHIXIN_RECORD_URL": url}


@pytest.fixture
def zhixin(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Zhixin:
    def run(*arguments: str, stdin: str = "") -> Done:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            with pytest.raises(SystemExit) as left:
                main(["agent", *arguments])
        out, err = capsys.readouterr()
        return Done(out, err, int(left.value.code or 0))

    return run


@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    return load(environment)


def log_in(settings: Settings, login: str, password: str) -> Session:
    """Log in as the desk would."""

    async def run() -> Session:
        database = Database(settings.record_url)
        accounts = Accounts(database, Vault.from_text(settings.data_keys), now)
        try:
            return (await accounts.log_in(login, password, "net"))[1]
        finally:
            accounts.close()
            await database.close()

    return asyncio.run(run())


def now() -> datetime:
    return datetime.now(SHANGHAI)


def test_an_added_agent_can_log_in_and_the_password_shows_nowhere(zhixin: Zhixin, settings: Settings) -> None:
    done = zhixin("add", "XiaoLin", "--name", "小林", "--password-stdin", stdin=f"{PASSWORD}\nmore\n")
    assert done.code == 0, done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    agent = log_in(settings, "xiaolin", PASSWORD).agent
    assert (agent.name, agent.role, agent.active) == ("小林", Role.AGENT, True)
    assert zhixin("list").stdout == "xiaolin\tagent\tactive\t小林\n"
    assert any_account(settings)


def test_a_generated_password_is_printed_and_works(zhixin: Zhixin, settings: Settings) -> None:
    done = zhixin("add", "zhou", "--name", "周主管", "--role", "supervisor", "--generate")
    assert done.code == 0, done.stderr
    assert log_in(settings, "zhou", done.stdout.splitlines()[-1]).agent.role is Role.SUPERVISOR


def test_the_password_is_asked_for_twice(zhixin: Zhixin, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([PASSWORD, PASSWORD])
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _text: next(answers))
    monkeypatch.setattr("click.termui.hidden_prompt_func", lambda _text: next(answers))
    assert zhixin("add", "lin", "--name", "小林").code == 0
    assert not list(answers)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("add", "lin", "--name", "another", "--generate"), 1, "already"),
        (("add", "LIN", "--name", "another", "--generate"), 1, "already"),
        (("add", "l", "--name", "x", "--generate"), 1, "a login has"),
        (("add", "li n", "--name", "x", "--generate"), 1, "a login has"),
        (("add", "new", "--name", " ", "--generate"), 1, "a name has"),
        (("add", "new", "--name", "x", "--password-stdin"), 1, "at least 10"),
        (("add", "new", "--name", "x", "--role", "boss", "--generate"), 2, "supervisor"),
        (("add", "new", "--generate"), 2, "--name"),
        (("add", "new", "--name", "x", "--generate", "--password-stdin"), 2, "exclude"),
        (("disable", "nobody"), 1, "no such account"),
        (("role", "lin", "boss"), 2, "supervisor"),
        (("disable", "lin"), 1, "only active administrator"),
        (("role", "lin", "agent"), 1, "only active administrator"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_changes_nothing(
    zhixin: Zhixin, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    assert zhixin("add", "lin", "--name", "小林", "--role", "admin", "--generate").code == 0
    before = zhixin("list").stdout
    done = zhixin(*arguments, stdin="short\n")
    assert (done.code, "Traceback" in done.stderr) == (code, False)
    assert sentence in done.stderr
    assert zhixin("list").stdout == before


def test_disable_enable_password_role(zhixin: Zhixin, settings: Settings) -> None:
    zhixin("add", "boss", "--name", "管理员", "--role", "admin", "--generate")
    zhixin("add", "lin", "--name", "小林", "--password-stdin", stdin=PASSWORD)
    assert zhixin("disable", "lin").code == 0
    with pytest.raises(LoginRefusedError):
        log_in(settings, "lin", PASSWORD)
    assert zhixin("enable", "lin").code == 0
    assert zhixin("role", "lin", "supervisor").code == 0
    assert log_in(settings, "lin", PASSWORD).agent.role is Role.SUPERVISOR
    assert zhixin("password", "lin", "--password-stdin", stdin=SECOND).code == 0
    with pytest.raises(LoginRefusedError):
        log_in(settings, "lin", PASSWORD)
    log_in(settings, "lin", SECOND)

    async def actions() -> list[tuple[str, str]]:
        database = Database(settings.record_url)
        try:
            return [(entry.agent_id, entry.action) for entry in await Audit(database, now).read()]
        finally:
            await database.close()

    wanted = [
        "add_account",
        "add_account",
        "disable_account",
        "enable_account",
        "change_role",
        "reset_password",
    ]
    assert asyncio.run(actions()) == [("command-line", action) for action in reversed(wanted)]


def test_an_unreachable_record_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHIXIN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ZHIXIN_RECORD_URL", "postgresql://127.0.0.1:9/none")
    with pytest.raises(SystemExit) as left:
        main(["agent", "list"])
    assert left.value.code == 1
