"""Passwords of agents: which are good enough, and their argon2id hashes.

Hashing is slow and takes 64 MiB on purpose, so it runs in two threads of its own and only so many wait for
them. The library is loaded at the first hash: the front starts without it.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import secrets
import string
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bot.conversation.account_errors import LoginBusyError, WeakPasswordError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

T = TypeVar("T")

#: NIST SP 800-63B asks for 8 and no rules of composition; the desk opens shoppers' data, so a little more.
MIN_LENGTH = 10
#: Long enough for any sentence; a megabyte of password would only keep the processor busy.
MAX_LENGTH = 128
_MIN_DISTINCT = 5
_THREADS = 2
_MOST_WAITING = 24
_COMMON = Path(__file__).parent / "common_passwords.txt"
_GENERATED = 20
_ALPHABET = "".join(sorted(set(string.ascii_letters + string.digits) - set("0OoIl1")))


def normalised(password: str) -> str:
    """Return the form that is hashed: full-width characters of an input method are the plain ones (NFKC)."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "replace").decode()


def generate() -> str:
    """Return a random password of 20 characters (116 bits) without look-alikes."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_GENERATED))


def check(password: str, *names: str) -> None:
    """Refuse a password that is easy to guess.

    Args:
        password: as typed.
        names: what it must not be made of: login and name of the account.

    Raises:
        WeakPasswordError: with the reason.
    """
    plain = normalised(password)
    lower = plain.lower()
    if len(plain) < MIN_LENGTH:
        raise WeakPasswordError("too_short", f"the password needs at least {MIN_LENGTH} characters")
    if len(plain) > MAX_LENGTH:
        raise WeakPasswordError("too_long", f"the password may have at most {MAX_LENGTH} characters")
    for name in names:
        own = normalised(name).lower().strip()
        if own and _made_of(lower, own):
            raise WeakPasswordError("like_name", "the password is made of the login or the name")
    if len(set(lower)) < _MIN_DISTINCT or _runs_on(lower):
        raise WeakPasswordError("too_simple", "the password is one pattern: choose another")
    if lower in _common():
        raise WeakPasswordError("common", "the password is one that everybody tries first")


def _made_of(password: str, own: str) -> bool:
    """Say whether little is left of the password when the name, or the name backwards, is taken out."""
    for part in (own, own[::-1]):
        if part in password and len(password.replace(part, "")) < MIN_LENGTH - 4:
            return True
    return False


def _runs_on(password: str) -> bool:
    """Say whether each character follows the one before by the same step, like ``abcdefghij``."""
    steps = {ord(b) - ord(a) for a, b in itertools.pairwise(password)}
    return len(steps) == 1


@functools.cache
def _common() -> frozenset[str]:
    lines = _COMMON.read_text(encoding="utf-8").splitlines()
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


class Passwords:
    """Hashes and verifies passwords off the event loop.

    Args:
        hasher: argon2id with other costs, for tests; None takes the library's own parameters.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._given = hasher
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._waiting = 0
        self._nobodys = ""

    async def hash(self, password: str) -> str:
        """Return the hash of a password, with its salt and parameters in it."""
        plain = normalised(password)
        return await self._run(lambda: self._hasher().hash(plain))

    async def verify(self, hashed: str | None, password: str) -> tuple[bool, str | None]:
        """Check a password.

        Args:
            hashed: the stored hash; None does the same work for nobody, so that an unknown login takes as
                long as a known one.
            password: as typed.

        Returns:
            Whether it fits, and a new hash where the stored one was made with other parameters.

        Raises:
            LoginBusyError: too many wait already.
        """
        plain = normalised(password)[: MAX_LENGTH + 1]
        return await self._run(lambda: self._verify(hashed, plain))

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None

    def _verify(self, hashed: str | None, plain: str) -> tuple[bool, str | None]:
        from argon2.exceptions import InvalidHashError, VerificationError

        hasher = self._hasher()
        try:
            hasher.verify(self._nobodys if hashed is None else hashed, plain)
        except (VerificationError, InvalidHashError):
            return False, None
        if hashed is None:  # nobody's password was guessed
            return False, None
        return True, hasher.hash(plain) if hasher.check_needs_rehash(hashed) else None

    def _hasher(self) -> PasswordHasher:
        """Return the hasher; the first call also makes the hash that stands in for unknown logins."""
        with self._lock:
            if not self._nobodys:
                from argon2 import PasswordHasher

                self._given = self._given or PasswordHasher()
                self._nobodys = self._given.hash(secrets.token_hex())
            assert self._given is not None  # noqa: S101  # for the type checker
            return self._given

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _MOST_WAITING:
            raise LoginBusyError("too many passwords are being checked at once")
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="password")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1
