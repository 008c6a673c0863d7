"""Accounts, sessions, lock-out: on both kinds of record, with real argon2id at the least cost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
import pytest_asyncio
import sqlalchemy as sa
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from bot.conversation import passwords
from bot.conversation.account_errors import (
    BadAccountError,
    LastAdminError,
    LockedOutError,
    LoginBusyError,
    LoginRefusedError,
    LoginTakenError,
    NoSuchAgentError,
    WeakPasswordError,
)
from bot.conversation.accounts import Accounts, Session, clean_login, clean_name, hash_token
from bot.conversation.database import Database
from bot.conversation.desk_schema import agent_sessions, agents, login_failures
from bot.conversation.desk_types import Presence, Role
from bot.conversation.migrate import upgrade
from bot.conversation.passwords import Passwords
from bot.conversation.schema import SHANGHAI
from persona.privacy.vault import Vault

VAULT = Vault.from_text("k1=" + "A" * 43)
GOOD = "溪边有三只灰鹭-2026"
OTHER = "北坡的松果落了整整一地"


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **spans: float) -> None:
        self.now += timedelta(**spans)


class Counting(Passwords):
    """Counts how often a password was really compared."""

    def __init__(self) -> None:
        super().__init__(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        self.compared = 0

    async def verify(self, hashed: str | None, password: str) -> tuple[bool, str | None]:
        self.compared += 1
        return await super().verify(hashed, password)


@dataclass
class Office:
    accounts: Accounts
    database: Database
    clock: Clock
    hashes: Counting

    async def rows(self, query: Any) -> list[Any]:
        return await self.database.read(lambda connection: connection.execute(query).all())

    async def wrong(self, login: str, times: int, net: str = "n1") -> None:
        for _ in range(times):
            with pytest.raises(LoginRefusedError):
                await self.accounts.log_in(login, "no such password", net)


@pytest_asyncio.fixture
async def office(url: str) -> AsyncIterator[Office]:
    upgrade(url)
    database, clock, hashes = Database(url), Clock(), Counting()
    accounts = Accounts(database, VAULT, clock, passwords=hashes)
    yield Office(accounts, database, clock, hashes)
    accounts.close()
    await database.close()


# --- logging in ------------------------------------------------------------------------------------


async def test_only_the_hashes_of_password_and_token_are_stored(office: Office) -> None:
    await office.accounts.add("Lin", "小林", Role.AGENT, GOOD)
    token, session = await office.accounts.log_in(" LIN ", GOOD, "n1")
    [account] = await office.rows(sa.select(agents))
    [row] = await office.rows(sa.select(agent_sessions))
    assert account.password_hash.startswith("$argon2id$")
    assert row.token_hash == hash_token(token) == session.token_hash
    assert len(token) >= 43  # 256 bits
    assert token not in str(row)
    found = await office.accounts.session(token)
    assert found is not None
    assert (found.agent.login, found.csrf) == ("lin", session.csrf)
    assert await office.accounts.session(token + "x") is None
    assert await office.accounts.session(session.token_hash) is None


async def test_full_width_input_is_the_same_password(office: Office) -> None:
    await office.accounts.add("lin", "小林", Role.AGENT, "Abcdefg-98765")
    await office.accounts.log_in("ｌｉｎ", "Ａｂｃｄｅｆｇ－９８７６５", "n1")


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("lin", OTHER),
        ("lin", ""),
        ("nobody", GOOD),
        ("", ""),
        ("off", GOOD),
        ("lin", GOOD * 50),
        ("li\0n", GOOD),
    ],
)
async def test_a_refusal_does_not_say_why(office: Office, login: str, password: str) -> None:
    await office.accounts.add("lin", "小林", Role.AGENT, GOOD)
    off = await office.accounts.add("off", "小欧", Role.AGENT, GOOD)
    await office.accounts.set_active(off.agent_id, False)
    before = office.hashes.compared
    with pytest.raises(LoginRefusedError) as refused:
        await office.accounts.log_in(login, password, "n1")
    assert str(refused.value) == "login and password do not fit"
    assert office.hashes.compared == before + 1  # the same slow work in each case
    assert not await office.rows(sa.select(agent_sessions))


async def test_old_parameters_are_renewed_by_the_next_login(office: Office) -> None:
    agent = await office.accounts.add("lin", "小林", Role.AGENT, GOOD)
    old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(GOOD)
    await office.database.write(
        lambda c: c.execute(agents.update().where(agents.c.id == agent.agent_id).values(password_hash=old))
    )
    await office.accounts.log_in("lin", GOOD, "n1")
    [row] = await office.rows(sa.select(agents.c.password_hash))
    assert "m=8,t=1,p=1" in row.password_hash
    await office.accounts.log_in("lin", GOOD, "n1")


async def test_a_password_replaced_while_it_is_checked_opens_nothing(office: Office) -> None:
    agent = await office.accounts.add("lin", "小林", Role.AGENT, GOOD)
    proven = await office.accounts._attempt("lin", GOOD, "n1")
    await office.accounts.reset_password(agent.agent_id, OTHER)
    with pytest.raises(LoginRefusedError):
        await office.database.write(lambda c: office.accounts._open(c, proven, "lin", "n1"))
    assert not await office.rows(sa.select(agent_sessions))


class Held(PasswordHasher):
    """Compares no password before the gate is opened, however fast or slow the machine is."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.gate = threading.Event()

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
        self.gate.wait()
        return super().verify(hash, password)


async def test_a_flood_of_logins_is_turned_away(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_MOST_WAITING", 3)
    hasher = Held()
    accounts = Accounts(office.database, VAULT, office.clock, passwords=Passwords(hasher))
    attempts = [
        asyncio.ensure_future(accounts.log_in(f"user{i}", "no such password", f"n{i}")) for i in range(12)
    ]
    try:
        waiting = set(attempts)
        while len(waiting) > 3:  # nine are turned away while three passwords are being compared
            # The time limit only ends a test that has failed.
            done, waiting = await asyncio.wait(waiting, timeout=60, return_when=asyncio.FIRST_COMPLETED)
            assert done and {type(one.exception()) for one in done} == {LoginBusyError}
    finally:
        hasher.gate.set()
    got = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in got] == [LoginRefusedError] * 3
    with pytest.raises(LoginRefusedError):  # and there is room again
        await accounts.log_in("user", "no such password", "n")
    accounts.close()


# --- lock-out --------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["lin", "nobody"])
async def test_five_wrong_passwords_lock_a_login_from_everywhere(office: Office, login: str) -> None:
    await office.accounts.add("lin", "小林", Role.AGENT, GOOD)
    for i in range(5):
        await office.wrong(login, 1, net=f"n{i}")
    compared = office.hashes.compared
    with pytest.raises(LockedOutError) as locked:
        await office.accounts.log_in(login, GOOD, "elsewhere")
    assert locked.value.wait_s == 15 * 60
    assert office.hashes.compared == compared  # a locked one costs nothing
    office.clock.advance(minutes=14, seconds=59)
    with pytest.raises(LockedOutError):
        await office.accounts.log_in(login, GOOD, "elsewhere")
    office.clock.advance(seconds=1)
    if login == "lin":
        await office.accounts.log_in(login, GOOD, "elsewhere")
        await office.wrong(login, 4)  # the count begins anew
        await office.accounts.log_in(login, GOOD, "elsewhere")
    else:
        await office.wrong(login, 1, net="elsewhere")


async def test_each_further_failure_doubles_the_lock_up_to_a_day(office: Office) -> None:
    waits = []
    await office.wrong("lin", 4, net="n")
    for i in range(9):
        await office.wrong("lin", 1, net=f"other{i}")
        with pytest.raises(LockedOutError) as locked:
            await office.accounts.log_in("lin", GOOD, "x")
        waits.append(locked.value.wait_s / 60)
        office.clock.advance(seconds=locked.value.wait_s)
    assert waits == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]


async def test_one_address_cannot_try_many_logins(office: Office) -> None:
    await office.accounts.add("lin", "小林", Role.AGENT, GOOD)
    for i in range(5):
        await office.wrong(f"user{i}", 1, net="n1")
    with pytest.raises(LockedOutError):
        await office.accounts.log_in("lin", GOOD, "n1")
    await office.accounts.log_in("lin", GOOD, "n2")  # from elsewhere it is open


async def test_attempts_at_once_are_counted_each(office: Office) -> None:
    await office.accounts.add("lin", "小林", Role.AGENT, GOOD)
    tries = [office.accounts.log_in("lin", "no such password", f"n{i}") for i in range(20)]
    got = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, LoginRefusedError) for one in got) == 5
    assert sum(isinstance(one, LockedOutError) for one in got) == 15


async def test_a_slip_is_forgiven_by_the_right_password_but_not_other_peoples(office: Office) -> None:
    await office.accounts.add("lin", "小林", Role.AGENT, GOOD)
    for _ in range(6):  # colleagues behind one address mistype and get it right
        await office.wrong("lin", 3, net="office")
        await office.accounts.log_in("lin", GOOD, "office")
    await office.wrong("victim", 2, net="office")
    await office.wrong("victim2", 2, net="office")
    await office.accounts.log_in("lin", GOOD, "office")  # an own account is no means to guess on
    await office.wrong("victim3", 1, net="office")
    with pytest.raises(LockedOutError):
        await office.accounts.log_in("lin", GOOD, "office")


async def test_old_failures_are_forgotten(office: Office) -> None:
    await office.wrong("a", 4, net="office")
    office.clock.advance(minutes=61)
    await office.wrong("b", 4, net="office")  # slips of an hour ago are no guessing
    office.clock.advance(hours=25)
    await office.wrong("a", 4, net="n9")
    office.clock.advance(hours=50)
    await office.accounts.add("lin", "小林", Role.AGENT, GOOD)
    await office.accounts.log_in("lin", GOOD, "n7")
    assert len(await office.rows(sa.select(login_failures))) == 1  # the address of the login itself


async def test_logins_are_not_readable_in_the_counts(office: Office) -> None:
    await office.wrong("secret-login", 1)
    assert not [row for row in await office.rows(sa.select(login_failures)) if "secret" in row.key]


async def test_a_new_password_by_an_administrator_unlocks(office: Office) -> None:
    agent = await office.accounts.add("lin", "小林", Role.AGENT, GOOD)
    for i in range(5):
        await office.wrong("lin", 1, net=f"n{i}")
    await office.accounts.reset_password(agent.agent_id, OTHER)
    await office.accounts.log_in("lin", OTHER, "m")


# --- sessions --------------------------------------------------------------------------------------


async def test_a_session_ends_when_it_is_not_used(office: Office) -> None:
    await office.accounts.add("lin", "小林", Role.AGENT, GOOD)
    token, session = await office.accounts.log_in("lin", GOOD, "n1")
    office.clock.advance(hours=11, minutes=59)
    assert await office.accounts.session(token, touch=False) is not None  # a page that refreshes itself
    office.clock.advance(minutes=1)
    assert await office.accounts.session(token) is None
    assert await office.accounts.alive([session.token_hash]) == frozenset()


async def test_use_prolongs_a_session_but_not_beyond_a_day(office: Office) -> None:
    await office.accounts.add("lin", "小林", Role.AGENT, GOOD)
    token, session = await office.accounts.log_in("lin", GOOD, "n1")
    for _ in range(23):
        office.clock.advance(hours=1)
        assert await office.accounts.session(token) is not None
    assert await office.accounts.alive([session.token_hash, "x" * 64]) == {session.token_hash}
    office.clock.advance(hours=1)
    assert await office.accounts.session(token) is None


async def test_logging_out_here_and_everywhere(office: Office) -> None:
    agent = await office.accounts.add("lin", "小林", Role.AGENT, GOOD)
    await office.accounts.add("bo", "小波", Role.AGENT, GOOD)
    [a, b, c] = [(await office.accounts.log_in("lin", GOOD, "n1")) for _ in range(3)]
    others, _ = await office.accounts.log_in("bo", GOOD, "n1")
    await office.accounts.log_out(a[1])
    assert [await office.accounts.session(token) is not None for token, _ in (a, b, c)] == [False, True, True]
    assert await office.accounts.log_out_everywhere(agent.agent_id) == 2
    assert await office.accounts.session(b[0]) is None
    assert await office.accounts.session(others) is not None


async def test_changing_the_password_gives_a_new_session_and_ends_all_others(office: Office) -> None:
    await office.accounts.add("lin", "小林", Role.AGENT, GOOD)
    here, session = await office.accounts.log_in("lin", GOOD, "n1")
    there, _ = await office.accounts.log_in("lin", GOOD, "n2")
    with pytest.raises(LoginRefusedError):
        await office.accounts.change_password(session, "wrong password", OTHER, "n1")
    with pytest.raises(WeakPasswordError):
        await office.accounts.change_password(session, GOOD, "short", "n1")
    token, opened = await office.accounts.change_password(session, GOOD, OTHER, "n1")
    assert token != here
    assert opened.csrf != session.csrf
    assert [await office.accounts.session(t) is not None for t in (here, there, token)] == [
        False,
        False,
        True,
    ]
    with pytest.raises(LoginRefusedError):
        await office.accounts.log_in("lin", GOOD, "n1")
    await office.accounts.log_in("lin", OTHER, "n1")


async def test_disabling_ends_sessions_for_good(office: Office) -> None:
    agent = await office.accounts.add("lin", "小林", Role.AGENT, GOOD)
    token, session = await office.accounts.log_in("lin", GOOD, "n1")
    await office.accounts.set_active(agent.agent_id, False)
    assert await office.accounts.session(token) is None
    await office.accounts.set_active(agent.agent_id, True)
    assert await office.accounts.session(token) is None  # enabling does not revive it
    assert await office.accounts.alive([session.token_hash]) == frozenset()


async def test_role_and_name_hold_from_the_next_look(office: Office) -> None:
    agent = await office.accounts.add("lin", "小林", Role.AGENT, GOOD)
    token, _ = await office.accounts.log_in("lin", GOOD, "n1")
    await office.accounts.set_role(agent.agent_id, Role.SUPERVISOR)
    await office.accounts.rename(agent.agent_id, " 林  主管 ")
    found = await office.accounts.session(token)
    assert isinstance(found, Session)
    assert (found.agent.role, found.agent.name) == (Role.SUPERVISOR, "林 主管")


# --- accounts --------------------------------------------------------------------------------------


async def test_logins_are_unique(office: Office) -> None:
    await office.accounts.add("lin", "小林", Role.AGENT, GOOD)
    with pytest.raises(LoginTakenError):
        await office.accounts.add("LIN", "另一位", Role.ADMIN, GOOD)
    [account] = await office.accounts.accounts()
    assert (account.agent.name, account.sessions, account.seen_at) == ("小林", 0, None)


async def test_the_last_administrator_stays(office: Office) -> None:
    first = await office.accounts.add("a1", "甲", Role.ADMIN, GOOD)
    second = await office.accounts.add("a2", "乙", Role.ADMIN, GOOD)
    await office.accounts.add("bo", "丙", Role.SUPERVISOR, GOOD)
    await office.accounts.set_active(second.agent_id, False)
    with pytest.raises(LastAdminError):
        await office.accounts.set_active(first.agent_id, False)
    with pytest.raises(LastAdminError):
        await office.accounts.set_role(first.agent_id, Role.SUPERVISOR)
    await office.accounts.set_role(first.agent_id, Role.ADMIN)
    await office.accounts.set_active(second.agent_id, True)
    await office.accounts.set_role(first.agent_id, Role.AGENT)


async def test_two_administrators_cannot_remove_each_other_at_once(office: Office) -> None:
    pair = [await office.accounts.add(f"a{i}", "管理员", Role.ADMIN, GOOD) for i in range(2)]
    got = await asyncio.gather(
        *(office.accounts.set_active(agent.agent_id, False) for agent in pair), return_exceptions=True
    )
    assert [type(one) for one in got].count(LastAdminError) == 1


async def test_unknown_accounts_are_said_to_be(office: Office) -> None:
    for act in (
        office.accounts.agent("a_nobody"),
        office.accounts.by_login("nobody"),
        office.accounts.rename("a_nobody", "x"),
        office.accounts.set_role("a_nobody", Role.ADMIN),
        office.accounts.set_active("a_nobody", False),
        office.accounts.reset_password("a_nobody", GOOD),
    ):
        with pytest.raises(NoSuchAgentError):
            await act


async def test_presence_of_closed_pages_is_away(office: Office) -> None:
    agent = await office.accounts.add("lin", "小林", Role.AGENT, GOOD)

    async def seen(presence: Presence, ago: float) -> Presence:
        values = {"presence": presence.value, "seen_at": office.clock() - timedelta(seconds=ago)}
        await office.database.write(lambda c: c.execute(agents.update().values(**values)))
        return (await office.accounts.presences())[agent.agent_id]

    assert await seen(Presence.ONLINE, 10) is Presence.ONLINE
    assert await seen(Presence.BUSY, 10) is Presence.BUSY
    assert await seen(Presence.ONLINE, 61) is Presence.AWAY


# --- what is good enough ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "too_short"),
        ("Ab3$efg9!", "too_short"),
        ("灰鹭灰鹭", "too_short"),
        ("x" * 129, "too_long"),
        ("xiaolin2026", "like_name"),
        ("2026XiaoLin", "like_name"),
        ("niloaix2026", "like_name"),
        ("林晓燕林晓燕林晓燕2", "like_name"),
        ("aaaaaaaaaaaa", "too_simple"),
        ("abababababab", "too_simple"),
        ("abcdefghijkl", "too_simple"),
        ("9876543210", "too_simple"),
        ("Password123", "common"),
        ("ＱＷＥＲＴＹＵＩＯＰ", "common"),
        ("woaini1314520", "common"),
    ],
)
def test_easy_passwords_are_refused(password: str, why: str) -> None:
    with pytest.raises(WeakPasswordError) as weak:
        passwords.check(password, "xiaolin", "林晓燕")
    assert weak.value.why == why


@pytest.mark.parametrize(
    "password", [GOOD, OTHER, "xiaolin feeds 7 herons", "correct horse", "p" * 8 + "qrstuvwa"]
)
def test_others_are_taken(password: str) -> None:
    passwords.check(password, "xiaolin", "林晓燕")


def test_generated_passwords_differ_and_are_good() -> None:
    made = {passwords.generate() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        passwords.check(password, "xiaolin", "林晓燕")


def test_the_list_of_common_ones_holds_no_line_that_another_rule_covers() -> None:
    for password in passwords._common():
        assert len(password) >= passwords.MIN_LENGTH, password


@given(st.text(max_size=80))
def test_a_clean_login_or_name_stays_as_it_is(text: str) -> None:
    for clean in (clean_login, clean_name):
        try:
            once = clean(text)
        except BadAccountError:
            continue
        assert clean(once) == once
        assert once
        assert once.isprintable()


@pytest.mark.parametrize("name", ["", " ", "x" * 33, "小\u202e林", "a\0b", "\u200b"])
def test_names_that_nobody_can_read_are_refused(name: str) -> None:
    with pytest.raises(BadAccountError):
        clean_name(name)
