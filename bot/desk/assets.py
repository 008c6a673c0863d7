"""The desk's own files: styles, scripts, vendored libraries; their addresses change with their content."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from bot.desk.access import public
from bot.web.files import ASK_AGAIN, FOR_GOOD, Folder, answer

HERE = Path(__file__).parent / "static"


class Assets:
    """Serves files below a folder; only those of known kinds.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path = HERE) -> None:
        self._folder = Folder(root)

    def routes(self) -> list[web.RouteDef]:
        """Return the route."""
        return [web.get("/static/{path:.+}", self.serve)]

    def address(self, name: str) -> str:
        """Return the address of a file, with a version that is made of its content."""
        return f"/desk/static/{name}?v={self._folder.version(name)}"

    @public()
    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Return a file: for good under its present version, else to be asked for again."""
        file = self._folder.file(request.match_info["path"])
        known = request.query.get("v") == file.version
        return answer(request, file, FOR_GOOD if known else ASK_AGAIN)


ASSETS = web.AppKey("desk_assets", Assets)
