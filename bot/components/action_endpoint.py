"""Rasa's way to the action server: one kept connection, and a limit on the time an action takes."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
from rasa.utils.endpoints import ClientResponseError, EndpointConfig

from persona.telemetry import metrics, tracing

#: Seconds for one action. Actions bound themselves to the shop's budget, which is shorter.
LIMIT_S = 20.0
#: Shorter than the server's, which would close a kept connection while the next call is being written.
_KEEP_ALIVE_S = 4.0


class ActionEndpoint(EndpointConfig):  # type: ignore[misc]  # rasa is untyped
    """Calls the action server.

    Rasa's own opens a session and a connection for each call, and waits for 300 s.
    """

    _session: aiohttp.ClientSession | None = None

    @classmethod
    def like(cls, other: EndpointConfig) -> ActionEndpoint:
        """Return an endpoint with the same address, headers and options."""
        return cls(
            other.url,
            other.params,
            other.headers,
            other.basic_auth,
            other.token,
            other.token_name,
            **other.kwargs,
        )

    async def request(
        self,
        method: str = "post",
        subpath: str | None = None,
        content_type: str | None = "application/json",
        compress: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Send ``kwargs["json"]`` and return the JSON of the answer.

        Raises:
            ClientResponseError: the status was 400 or more.
            aiohttp.ClientError: no connection, no JSON or no answer in time.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(keepalive_timeout=_KEEP_ALIVE_S),
                headers=self.headers,
                timeout=aiohttp.ClientTimeout(total=LIMIT_S, connect=2.0),
            )
        body = json.dumps(
            _short(kwargs.get("json")), ensure_ascii=False, separators=(",", ":"), default=_plain
        )
        headers = {"Content-Type": "application/json", **tracing.outgoing_headers()}
        try:
            with metrics.stage("action"):
                async with self._session.request(
                    method, self.url, data=body.encode(), headers=headers
                ) as response:
                    answer = await response.read()
            if response.status >= 400:
                raise ClientResponseError(response.status, response.reason, answer)
            return json.loads(answer)
        except TimeoutError as exc:
            raise aiohttp.ClientConnectionError("the action server gave no answer in time") from exc
        except ValueError as exc:
            raise aiohttp.ClientPayloadError("the action server's answer is not JSON") from exc

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _short(call: Any) -> Any:
    """Return an action call in which the turns before this one are told in short: who said or did what."""
    if not isinstance(call, dict) or not isinstance(events := call.get("tracker", {}).get("events"), list):
        return call
    latest = max((i for i, event in enumerate(events) if event.get("event") == "user"), default=0)
    short = [_told(event) for event in events[:latest]] + events[latest:]
    return {**call, "tracker": {**call["tracker"], "events": short}}


def _told(event: dict[str, Any]) -> dict[str, Any]:
    if event.get("event") == "user":
        heard = event.get("parse_data") or {}
        short = {key: event.get(key) for key in ("event", "timestamp", "text", "message_id")}
        if seen := (event.get("metadata") or {}).get("looking_at"):  # is she still on the same page?
            short["metadata"] = {"looking_at": seen}
        return {**short, "parse_data": {"intent": heard.get("intent"), "entities": heard.get("entities")}}
    if event.get("event") == "bot":
        return {key: event.get(key) for key in ("event", "timestamp", "text")}
    return event


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"an action call cannot carry a {type(value).__name__}")
