"""The widget's page with one script and one style sheet: what it names file by file, joined.

A phone on a slow line asks for six files at a time, and each answer has its headers; fifty modules cost it a
second. The page says what is joined: its module script with all that this imports, and its style sheets.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from bot.web.files import KINDS, File, Folder
from bot.web.linking import LinkError, link_modules, link_styles

logger = logging.getLogger(__name__)

_SCRIPT = re.compile(r'(?<=<script type="module" src="){{assets}}/(?P<name>[^"]+)(?=">)')
_SHEET = re.compile(r'[^\S\n]*<link rel="stylesheet" href="{{assets}}/(?P<name>[^"]+)">\n')
#: Beside what is joined, since imports that are made later are relative to it.
SCRIPT, SHEET = "frame/joined.js", "frame/joined.css"


class Joined:
    """Joins what a page names, once for each build.

    Args:
        folder: where the files lie.
    """

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._made: tuple[tuple[str, str], Mapping[str, File]] = (("", ""), {})

    def files(self, page: str, build: str) -> Mapping[str, File]:
        """Return name -> file of what is joined; none where it cannot be, and the log says why.

        Args:
            page: the page as it is written.
            build: what its files are now.
        """
        if self._made[0] != (build, page):
            try:
                self._made = (build, page), self._join(page)
            except LinkError as exc:
                logger.warning("the widget's files are served one by one: %s", exc)
                self._made = (build, page), {}
        return self._made[1]

    def named(self, page: str, build: str) -> str:
        """Return the page with the joined files in the place of those that they are made of."""
        if not self.files(page, build):
            return page
        link = f'  <link rel="stylesheet" href="{{{{assets}}}}/{SHEET}">\n'
        page = _SHEET.sub(link, page, count=1)
        page = _SHEET.sub(lambda found: found[0] if found["name"] == SHEET else "", page)
        return _SCRIPT.sub(f"{{{{assets}}}}/{SCRIPT}", page)

    def _join(self, page: str) -> Mapping[str, File]:
        script = _SCRIPT.search(page)
        if script is None:
            raise LinkError("the page has no module script")
        sheets = [found["name"] for found in _SHEET.finditer(page)]
        texts = {SCRIPT: link_modules(self._read, script["name"]), SHEET: link_styles(self._read, sheets)}
        return {name: File(text.encode(), KINDS[name[name.rindex(".") :]]) for name, text in texts.items()}

    def _read(self, name: str) -> str:
        return self._folder.file(name).body.decode("utf-8")
