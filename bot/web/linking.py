"""Joins a page's own modules and style sheets, so that a browser asks once instead of fifty times.

The files stay as they are written and run as they are; this only saves round trips and headers on a slow
line. What is understood of JavaScript is what our modules use: `import` and `export` at the beginning of a
line, named imports, and exports of what does not change. Anything else is a :class:`LinkError`, and the
caller serves the files one by one.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable

#: Returns the text of a file by its name.
Read = Callable[[str], str]

_IMPORT = re.compile(
    r'^import\s+(?P<what>\{[^}]*\}|\*\s+as\s+\w+)\s+from\s+"(?P<where>[^"]+)";?[^\S\n]*$', re.MULTILINE
)
_EXPORT = re.compile(
    r"^export\s+(?P<kind>(?:async\s+)?function\*?|class|const)\s+(?P<name>[\w$]+)", re.MULTILINE
)
_PICKED = re.compile(r"^export\s+const\s+\{(?P<names>[^}]*)\}\s*=", re.MULTILINE)
_LIST = re.compile(r"^export\s+\{(?P<names>[^}]*)\};?[^\S\n]*$", re.MULTILINE)
_LEFT = re.compile(r"^(?:import\b(?!\()|export\b|await\b).*", re.MULTILINE)
_FILE = re.compile(r"""url\(['"]?(?!data:|['")])""")  # not within the file, and not empty
_AS = re.compile(r"\s+as\s+")
_BLOCK = re.compile(r"^[^\S\n]*/\*\*.*?\*/[^\S\n]*\n", re.MULTILINE | re.DOTALL)


class LinkError(Exception):
    """A module that cannot be joined with the others; the text names it and says why."""


def link_modules(read: Read, entry: str) -> str:
    """Return one module that does what `entry` and all that it imports do.

    Args:
        read: returns the text of a module by its name.
        entry: name of the first one, such as ``frame/main.js``.

    Raises:
        LinkError: a module imports in a circle, or says something that is not understood here.
    """
    written: dict[str, str] = {}
    under_way: list[str] = []

    def add(name: str) -> str:
        """Write a module behind those that it imports; return what it is called."""
        if name in under_way:
            raise LinkError(" → ".join([*under_way[under_way.index(name) :], name]) + ": a circle")
        if name not in written:
            under_way.append(name)
            text = _module(name, read(name), add)
            under_way.pop()
            written[name] = f"const $m{len(written)} = {text}"
        return f"$m{list(written).index(name)}"

    add(entry)
    return "".join(written.values())


def link_styles(read: Read, names: Iterable[str]) -> str:
    """Return the style sheets behind one another; one that names other files is a :class:`LinkError`."""
    parts = []
    for name in names:
        text = read(name)
        if "@import" in text or _FILE.search(text):
            raise LinkError(f"{name} names other files")
        parts.append(text.rstrip() + "\n")
    return "".join(parts)


def _module(name: str, text: str, add: Callable[[str], str]) -> str:
    exported: dict[str, str] = {}

    def taken(found: re.Match[str]) -> str:
        where = found["where"]
        if not where.startswith("."):
            raise LinkError(f"{name} imports {where}")
        source = add(posixpath.normpath(posixpath.join(posixpath.dirname(name), where)))
        what = found["what"]
        if what.startswith("*"):
            return f"const {what.split()[-1]} = {source};"
        return f"const {_AS.sub(': ', what)} = {source};"

    def given(found: re.Match[str]) -> str:
        exported[found["name"]] = found["name"]
        return f"{found['kind']} {found['name']}"

    def listed(found: re.Match[str]) -> str:
        for one in filter(None, (part.strip() for part in found["names"].split(","))):
            inner, _, outer = (word.strip() for word in one.partition(" as "))
            exported[outer or inner] = inner
        return ""

    def picked(found: re.Match[str]) -> str:
        for one in filter(None, (part.strip() for part in found["names"].split(","))):
            bound = one.rpartition(":")[2].strip()
            exported[bound] = bound
        return f"const {{{found['names']}}} ="

    body = _BLOCK.sub("", text)
    for pattern, replacing in ((_IMPORT, taken), (_EXPORT, given), (_PICKED, picked), (_LIST, listed)):
        body = pattern.sub(replacing, body)
    if left := _LEFT.search(body):
        raise LinkError(f"{name}: not understood: {left[0]}")
    gives = ", ".join(outer if outer == inner else f"{outer}: {inner}" for outer, inner in exported.items())
    return f"(() => {{\n{_lean(body)}return {{ {gives} }};\n}})();\n"


def _lean(text: str) -> str:
    """Leave out comments and blanks at the beginning of lines, but none within a template."""
    lines = []
    within = False
    for written in text.split("\n"):
        line = written if within else written.strip()
        if within or (line and not line.startswith("//")):
            lines.append(line + "\n")
            within ^= line.replace("\\`", "").count("`") % 2 == 1
    return "".join(lines)
