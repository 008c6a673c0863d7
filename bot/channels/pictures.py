"""``/pictures/…``: pictures that agents have sent; the address itself is the key."""

from __future__ import annotations

from aiohttp import web

from bot.conversation.pictures import Pictures


class PictureFiles:
    """Serves stored pictures to whoever has their address.

    Args:
        pictures: the store.
    """

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    def routes(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.get("/pictures/{file}", self.serve)]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Return the picture; 404 for an address that is wrong or has ended."""
        found = await self._pictures.open(request.match_info["file"])
        if found is None:
            raise web.HTTPNotFound
        body, kind = found
        headers = {
            "Content-Type": kind,
            "Cache-Control": "private, max-age=86400, immutable",
            "Content-Disposition": "inline",
        }
        return web.Response(body=body, headers=headers)
