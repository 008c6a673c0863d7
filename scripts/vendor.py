"""Keeps the vendored scripts honest: ``python scripts/vendor.py [FOLDER …]`` fetches them again and compares.

Each folder's ``manifest.json`` names its files with package, version, licence and SHA-256. ``--do check``
(the default) fails where a file, or what npm serves under that version, differs; ``--do write`` takes over
what npm serves. Folders: those of the desk's pages, the widget and the tests, if none is named.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DESK = ROOT / "bot/desk/static/vendor"
WIDGET = ROOT / "bot/channels/widget/vendor"
TESTS = ROOT / "tests/browser/vendor"
FOLDERS = (DESK, WIDGET, TESTS)
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Vendored:
    """One file of the manifest.

    Attributes:
        name: the npm package.
        file: where it lies, below the folder ``vendor``.
        source: where it lies in the package.
        sha256: of its content, in hex.
    """

    name: str
    version: str
    licence: str
    file: str
    source: str
    sha256: str


def manifest(home: Path) -> tuple[Vendored, ...]:
    """Return what the manifest of a folder says."""
    return tuple(Vendored(**entry) for entry in json.loads((home / MANIFEST).read_text(encoding="utf-8")))


def changed_files(home: Path) -> list[str]:
    """Return what is wrong with the files of a folder: sentences, none where all is well."""
    wrong = []
    known = manifest(home)
    for entry in known:
        path = home / entry.file
        if not path.is_file():
            wrong.append(f"{entry.file} is missing")
        elif _sha256(path.read_bytes()) != entry.sha256:
            wrong.append(f"{entry.file} is not what the manifest says")
    there = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()} - {MANIFEST}
    wrong += [f"{file} is not in the manifest" for file in sorted(there - {entry.file for entry in known})]
    return wrong


def fetched(entries: tuple[Vendored, ...], folder: Path) -> Iterator[tuple[Vendored, bytes]]:
    """Fetch the packages by npm into `folder` and yield each file as they have it."""
    for package in sorted({f"{entry.name}@{entry.version}" for entry in entries}):
        done = subprocess.run(  # noqa: S603
            ["npm", "pack", "--silent", package],  # noqa: S607
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        )
        with tarfile.open(folder / done.stdout.strip().splitlines()[-1]) as archive:
            for entry in entries:
                if f"{entry.name}@{entry.version}" == package:
                    member = archive.extractfile(f"package/{entry.source}")
                    if member is None:
                        raise FileNotFoundError(f"{package} has no {entry.source}")
                    yield entry, member.read()


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def gone_through(home: Path, *, write: bool) -> list[str]:
    """Compare a folder with what npm serves, or take that over; return what is wrong."""
    wrong = [] if write else changed_files(home)
    new = []
    with tempfile.TemporaryDirectory() as folder:
        for entry, body in fetched(manifest(home), Path(folder)):
            new.append(replace(entry, sha256=_sha256(body)))
            if write:
                path = home / entry.file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)
            elif new[-1].sha256 != entry.sha256:
                wrong.append(f"{entry.name} {entry.version} has another {entry.source} now")
    if write:
        lines = json.dumps([asdict(entry) for entry in new], indent=2) + "\n"
        (home / MANIFEST).write_text(lines, encoding="utf-8")
    return wrong


def main(arguments: list[str] | None = None) -> int:
    """Check or write; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--do", choices=("check", "write"), default="check")
    parser.add_argument("folders", nargs="*", type=Path, default=FOLDERS, help="where manifests lie")
    given = parser.parse_args(arguments)
    wrong = []
    for home in given.folders:
        found = gone_through(home, write=given.do == "write")
        for sentence in found:
            sys.stderr.write(f"vendor: {home}: {sentence}\n")
        count = len(manifest(home))
        sys.stdout.write(
            f"vendor: {home}: {count} files {'written' if given.do == 'write' else 'compared'}\n"
        )
        wrong += found
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
