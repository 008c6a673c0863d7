"""A small synchronous client of the front's API: for the terminal chat and for end-to-end tests."""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

#: Longer than the front's own apology for a slow shop (10 s).
_TIMEOUT_S = 30.0


class ApiError(Exception):
    """The front refused a request.

    Attributes:
        status: the HTTP status.
        body: the decoded JSON body, or the text where it is none.
        headers: the response's headers, names in lower case.
    """

    def __init__(self, status: int, body: Any, headers: Mapping[str, str]) -> None:
        """Keep the answer."""
        super().__init__(f"HTTP {status}: {body}")
        self.status = status
        self.body = body
        self.headers = dict(headers)


class FrontUnreachableError(Exception):
    """Nobody answers at the front's address."""


class FrontClient:
    """Speaks HTTP to one front over one kept connection.

    Args:
        url: the front's address, e.g. ``http://127.0.0.1:8080``.
    """

    def __init__(self, url: str, timeout_s: float = _TIMEOUT_S) -> None:
        """Name the front; the connection is made with the first request."""
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Send one request and return the decoded JSON answer; a body of bytes is sent as it is.

        Raises:
            ApiError: the status is not 2xx.
            FrontUnreachableError: no connection.
        """
        data = body
        if body is not None and not isinstance(body, bytes):
            data = json.dumps(body, ensure_ascii=False).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        try:
            self._connection.request(method, path, data, sent)
            response = self._connection.getresponse()
            raw = response.read()
        except (OSError, http.client.HTTPException) as exc:
            self._connection.close()  # the next request connects anew; none is repeated by itself
            raise FrontUnreachableError(str(exc)) from exc
        try:
            decoded = json.loads(raw) if raw else None
        except ValueError:
            decoded = raw.decode("utf-8", errors="replace")
        if not 200 <= response.status < 300:
            raise ApiError(response.status, decoded, {k.lower(): v for k, v in response.getheaders()})
        return decoded

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@dataclass
class ChatSession:
    """One conversation of one shopper.

    Attributes:
        client: the connection.
        conversation_id: its id.
        secret: what proves that it is ours.
        replies: what was answered to the last request.
        owner: who answers now: BOT, WAITING, HUMAN or CLOSED.
    """

    client: FrontClient
    conversation_id: str
    secret: str
    replies: list[dict[str, Any]] = field(default_factory=list)
    owner: str = "BOT"

    @classmethod
    def open(cls, client: FrontClient, token: str | None = None) -> ChatSession:
        """Open a conversation, logged in if a token is given."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = client.request("POST", "/api/v1/conversations", {}, headers)
        return cls(client, answer["conversation_id"], answer["secret"], answer["replies"])

    def say(
        self, text: str, message_id: str | None = None, context: Mapping[str, str] | None = None
    ) -> list[dict[str, Any]]:
        """Send typed words, with what is looked at, and return the replies."""
        return self._send({"text": text, **({"context": dict(context)} if context else {})}, message_id)

    def tap(self, button_id: str, message_id: str | None = None) -> list[dict[str, Any]]:
        """Tap a button that was offered and return the replies."""
        return self._send({"button": button_id}, message_id)

    def send_picture(self, file: bytes, message_id: str | None = None) -> list[dict[str, Any]]:
        """Send a picture and return the replies."""
        edge, ident = uuid.uuid4().hex, message_id or f"m_{uuid.uuid4().hex}"
        named = f'--{edge}\r\nContent-Disposition: form-data; name="%s"\r\n\r\n'
        head = f"{named % 'message_id'}{ident}\r\n{named % 'file'}".encode()
        form = head + file + f"\r\n--{edge}--\r\n".encode()
        path = f"/api/v1/conversations/{quote(self.conversation_id)}/pictures"
        kind = {"Content-Type": f"multipart/form-data; boundary={edge}"}
        return self._took(self.client.request("POST", path, form, {**self._headers, **kind}))

    def messages(self, after: int = 0) -> list[dict[str, Any]]:
        """Return the conversation's messages after a sequence number."""
        path = f"/api/v1/conversations/{quote(self.conversation_id)}/messages?after={after}"
        answer = self.client.request("GET", path, headers=self._headers)
        messages: list[dict[str, Any]] = answer["messages"]
        return messages

    def reading(self) -> dict[str, Any]:
        """Return belief and last reading (demo mode only)."""
        path = f"/api/v1/conversations/{quote(self.conversation_id)}/reading"
        answer: dict[str, Any] = self.client.request("GET", path, headers=self._headers)
        return answer

    @property
    def _headers(self) -> dict[str, str]:
        return {"X-Conversation-Secret": self.secret}

    def _send(self, content: dict[str, Any], message_id: str | None) -> list[dict[str, Any]]:
        body = {
            "conversation_id": self.conversation_id,
            "message_id": message_id or f"m_{uuid.uuid4().hex}",
            **content,
        }
        return self._took(self.client.request("POST", "/api/v1/chat", body, self._headers))

    def _took(self, answer: dict[str, Any]) -> list[dict[str, Any]]:
        self.owner = answer["owner"]
        self.replies = answer["replies"]
        return self.replies


def text_of(replies: list[dict[str, Any]]) -> str:
    """Return what a shopper reads, cards as their plain text, one reply a line."""
    return "\n".join(str(reply.get("text", "")) for reply in replies)


def buttons_of(replies: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the buttons offered, as (id, title), in order."""
    return [(str(b["id"]), str(b["title"])) for reply in replies for b in reply.get("buttons") or ()]
