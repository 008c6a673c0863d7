"""Forms in parts, read with bounds that aiohttp's own reader does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import MultipartReader, web
from aiohttp.http_parser import HeadersParser

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

#: What a browser writes above a part has three lines.
MOST_LINES = 16
MOST_HEADER_BYTES = 8 << 10


class BoundedForm(MultipartReader):
    """A form whose parts have few and short header lines.

    aiohttp 3.9 gathers header lines without end before it looks at them: a body of nothing else would cost
    its size many times over, and hold the event loop meanwhile.
    """

    @classmethod
    def of(cls, request: web.Request) -> BoundedForm:
        """Return the form of a request; ValueError where its type names no boundary."""
        return cls(request.headers, request.content)

    async def _read_headers(self) -> CIMultiDictProxy[str]:
        """Return the headers of the next part; ValueError where there are too many."""
        lines, size = [b""], 0
        while True:
            line = (await self._content.readline()).strip()
            lines.append(line)
            size += len(line)
            if not line:
                break
            if len(lines) > MOST_LINES or size > MOST_HEADER_BYTES:
                raise ValueError("the headers of a part are too long")
        headers, _ = HeadersParser().parse_headers(lines)
        return headers
