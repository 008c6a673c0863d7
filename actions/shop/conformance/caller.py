"""Raw calls of a backend, as strict as the contract; no repeats, so that nothing is covered up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
from yarl import URL

from actions.shop.conformance.report import Finding, Report
from actions.shop.contract.document import answer_schema, mismatches, operations, resolved, told
from actions.shop.errors import ShopError, ShopGarbledError
from actions.shop.http_auth import Auth
from actions.shop.http_operations import KEY_HEADER, OPERATIONS
from actions.shop.http_wire import dumps, loads

_MOST_BYTES = 4 * 1024 * 1024
_NO_SUCH = ("no answer", 0)


@dataclass(frozen=True)
class Said:
    """What a backend said to one call.

    Attributes:
        operation: which.
        call: method and address, for the report.
        status: of HTTP; 0 where nothing came.
        value: the JSON, None where there was none.
        trouble: why there is no answer or no JSON, or "".
    """

    operation: str
    call: str
    status: int
    value: Any = None
    trouble: str = ""

    def at(self, *path: str | int) -> Any:
        """Return a part of the value, None where there is none."""
        found = self.value
        for part in path:
            try:
                found = found[part]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    @property
    def items(self) -> list[Any]:
        """The items of a list; [] where there is none."""
        found = self.at("items")
        return found if isinstance(found, list) else []

    @property
    def short(self) -> str:
        """The answer in words, short."""
        if self.status == 0:
            return self.trouble
        code = self.at("error", "rule") or self.at("error", "code")
        return f"{self.status}" + (f" {code}" if isinstance(code, str) else "")


class Caller:
    """Calls one backend and holds each answer against the contract's schemas.

    Args:
        url: base address.
        auth: credentials.
        report: takes what is wrong.
        timeout_s: of one call.
    """

    def __init__(self, url: str, auth: Auth, report: Report, timeout_s: float = 10.0) -> None:
        self._base = url.rstrip("/")
        self._auth = auth
        self.report = report
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Caller:
        """Open the connections."""
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=self._timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close them."""
        await self._auth.close()
        if self._session is not None:
            await self._session.close()

    async def ask(
        self,
        operation: str,
        names: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        key: str | None = None,
        proof: bool = True,
    ) -> Said:
        """Make a call; say what came, unjudged."""
        spec = OPERATIONS[operation]
        path = spec.address(**(names or {})) or spec.path
        call = f"{spec.method} {path}" + (
            f"?{'&'.join(f'{k}={v}' for k, v in query.items())}" if query else ""
        )
        said = Said(operation, call, 0)
        session = self._session
        assert session is not None  # noqa: S101 (used within the block only)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        try:
            if proof:
                headers.update(await self._auth.headers(session))
            if key is not None:
                headers[KEY_HEADER] = key
            if body is not None:
                headers["Content-Type"] = "application/json"
            url = URL(self._base + path, encoded=True).with_query(query or {})
            data = dumps(body) if body is not None else None
            async with session.request(
                spec.method, url, data=data, headers=headers, allow_redirects=False
            ) as response:
                raw = await response.content.read(_MOST_BYTES + 1)
                while len(raw) <= _MOST_BYTES and (more := await response.content.read(_MOST_BYTES)):
                    raw += more
                said = replace(said, status=response.status)
                kind = response.headers.get("Content-Type", "").partition(";")[0].strip()
        except asyncio.TimeoutError:
            return replace(said, trouble=f"no answer within {self._timeout.total:.0f} s")
        except ShopError as exc:
            return replace(said, trouble=str(exc))
        except (aiohttp.ClientError, OSError) as exc:
            return replace(said, status=0, trouble=f"a broken connection ({type(exc).__name__})")
        return _parsed(said, kind, raw)

    async def good(self, operation: str, *args: Any, **kwargs: Any) -> Said | None:
        """Make a call that must succeed; return it where it does, for more checks.

        A field that is wrong does not hide what else the answer says.
        """
        said = await self.ask(operation, *args, **kwargs)
        if said.status == 501 and not OPERATIONS[operation].core:
            if operation not in self.report.not_offered:
                self.report.not_offered.append(operation)
            return None
        self.report.passed(operation)
        if said.status != 200:
            self.wrong(said, "", "status 200", said.short)
            return None
        if said.trouble:
            self.wrong(said, "", "application/json in UTF-8, at most 4 MiB", said.trouble)
            return None
        for one in mismatches(answer_schema(operation), said.value):
            self.wrong(said, one.path, one.expected, one.got)
        return said

    def refused(self, said: Said, status: tuple[int, ...], what: str, code: str = "") -> None:
        """Hold an answer against the error that it must be."""
        self.report.passed(said.operation)
        wanted = " or ".join(map(str, status))
        if said.status not in status:
            self.wrong(said, "", f"{wanted} for {what}", said.short)
            return
        schema = resolved({"$ref": "#/components/schemas/Error"})
        for one in mismatches(schema, said.value):
            self.wrong(said, one.path, one.expected, one.got)
        found = said.at("error", "code")
        if code and isinstance(found, str) and found != code:
            self.wrong(said, "error.code", f'"{code}" for {what}', told(found))

    def wrong(self, said: Said, path: str, expected: str, got: str) -> None:
        """Note that an answer is not what it must be."""
        self.report.add(Finding(said.operation, path, expected, got, said.call))

    def rules_of(self, operation: str) -> set[str]:
        """Return the rules by which a write may be refused."""
        answers = operations()[operation]["responses"]
        if "409" not in answers:
            return set()
        return set(answers["409"]["content"]["application/json"]["examples"])


def _parsed(said: Said, kind: str, raw: bytes) -> Said:
    if len(raw) > _MOST_BYTES:
        return replace(said, trouble="more than 4 MiB")
    if kind != "application/json" and not kind.endswith("+json"):
        return replace(said, trouble=f"content of type {kind or 'unknown'}")
    try:
        return replace(said, value=loads(raw))
    except ShopGarbledError:
        return replace(said, trouble="bytes that are no JSON")
