"""The file of a backup: a tar archive with a manifest first, then one member of JSON lines for each table.

The manifest names every table with its columns, number of rows and SHA-256, and is sealed under the data
keys: a file that was cut, damaged or changed is told before a row of it is used.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from bot.app.backup_keys import Keys, sign, signed

FORMAT = 1
MANIFEST = "manifest.json"
SEAL = "manifest.seal"
_LARGEST_MANIFEST = 4 << 20
_LONGEST_LINE = 64 << 20


class DamagedError(Exception):
    """The file is no whole backup; the text says what is wrong with it."""


@dataclass(frozen=True)
class TableEntry:
    """One table of a manifest; `columns` are pairs of name and kind, `size` is in bytes."""

    name: str
    columns: tuple[tuple[str, str], ...]
    rows: int
    size: int
    sha256: str


@dataclass(frozen=True)
class DatabaseEntry:
    """One database of a manifest: its name, the revision of its schema, and its tables in order."""

    name: str
    revision: str
    tables: tuple[TableEntry, ...]

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return sum(table.rows for table in self.tables)


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself."""

    program: str
    made_at: str
    databases: tuple[DatabaseEntry, ...]
    keys: Keys
    format: int = FORMAT

    def to_bytes(self) -> bytes:
        """Return it as the archive carries it."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode()

    @classmethod
    def from_bytes(cls, raw: bytes) -> Manifest:
        """Read it.

        Raises:
            DamagedError: it is none, or one of a later format.
        """
        try:
            data = json.loads(raw)
            if data["format"] != FORMAT:
                raise DamagedError(f"the file has format {data['format']}; this version reads {FORMAT}")
            databases = tuple(
                DatabaseEntry(
                    database["name"], database["revision"], tuple(map(_table_entry, database["tables"]))
                )
                for database in data["databases"]
            )
            keys = data["keys"]
            return cls(
                data["program"],
                data["made_at"],
                databases,
                Keys(tuple(keys["needed"]), dict(keys["probes"]), keys["blind"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise DamagedError("the manifest cannot be read") from exc


def _table_entry(data: Mapping[str, Any]) -> TableEntry:
    columns = tuple((str(name), str(kind)) for name, kind in data["columns"])
    return TableEntry(data["name"], columns, int(data["rows"]), int(data["size"]), data["sha256"])


class Writer:
    """Writes a backup beside its place and moves it there when it is whole; the file is its owner's only.

    Args:
        folder: where it comes to; made if missing.
        now: names it.
    """

    def __init__(self, folder: Path, now: datetime) -> None:
        self._folder = folder
        self._stem = f"zhixin-{now:%Y%m%d-%H%M%S}"
        self._spools: list[tuple[str, IO[bytes], int]] = []

    def __enter__(self) -> Writer:
        """Make the folder."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Forget what was gathered."""
        for _, spool, _ in self._spools:
            spool.close()

    def table(
        self, database: str, name: str, columns: tuple[tuple[str, str], ...], lines: Iterator[str]
    ) -> TableEntry:
        """Gather a table's lines; return its entry."""
        spool = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  # has no name; closed in __exit__
        digest = hashlib.sha256()
        rows = size = 0
        for line in lines:
            raw = line.encode() + b"\n"
            spool.write(raw)
            digest.update(raw)
            rows += 1
            size += len(raw)
        self._spools.append((member(database, name), spool, size))
        return TableEntry(name, columns, rows, size, digest.hexdigest())

    def finish(self, manifest: Manifest, data_keys: str) -> Path:
        """Write the archive and return where it is."""
        raw = manifest.to_bytes()
        seal = sign(data_keys, hashlib.sha256(raw).hexdigest()).encode()
        descriptor, partial = tempfile.mkstemp(prefix=f".{self._stem}-", suffix=".partial", dir=self._folder)
        try:
            with os.fdopen(descriptor, "wb") as file:  # mkstemp makes it 0600
                with tarfile.open(fileobj=file, mode="w:gz", compresslevel=6) as archive:
                    _add(archive, MANIFEST, io.BytesIO(raw), len(raw))
                    _add(archive, SEAL, io.BytesIO(seal), len(seal))
                    for name, spool, size in self._spools:
                        spool.seek(0)
                        _add(archive, name, spool, size)
                file.flush()
                os.fsync(file.fileno())
            return self._place(Path(partial))
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise

    def _place(self, partial: Path) -> Path:
        """Give the whole file its name; one that is there already is never written over."""
        number = 1
        while True:
            path = self._folder / f"{self._stem}{'' if number == 1 else f'-{number}'}.tar.gz"
            with contextlib.suppress(FileExistsError):
                os.link(partial, path)
                partial.unlink()
                folder = os.open(self._folder, os.O_RDONLY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)
                return path
            number += 1


class Archive:
    """A backup that is read.

    Args:
        path: the file.
        data_keys: the settings'; they tell whether the manifest is genuine.

    Raises:
        DamagedError: the file is no backup, or was changed.
        KeysError: it was made under a key that the settings lack.
    """

    def __init__(self, path: Path, data_keys: str) -> None:
        self.path = path
        with self._members() as members:
            raw = _small(members, MANIFEST)
            seal = _small(members, SEAL).decode("ascii", "replace")
        if not signed(data_keys, seal, hashlib.sha256(raw).hexdigest()):
            raise DamagedError("the manifest is not the one that was written: the file was changed")
        self.manifest = Manifest.from_bytes(raw)

    def tables(self) -> Iterator[tuple[DatabaseEntry, TableEntry, Iterator[str]]]:
        """Yield every table with its lines, in the manifest's order; each is checked as its lines are read.

        Raises:
            DamagedError: a table is missing, cut or changed, or there is more than the manifest says.
        """
        with self._members() as members:
            _small(members, MANIFEST)
            _small(members, SEAL)
            for database in self.manifest.databases:
                for entry in database.tables:
                    info, file = next(members, (None, None))
                    name = member(database.name, entry.name)
                    if info is None or file is None or info.name != name or info.size != entry.size:
                        raise DamagedError(f"{name} is missing or has another size")
                    lines = _lines(name, entry, file)
                    yield database, entry, lines
                    for _ in lines:  # what the caller left unread is checked too
                        pass
            if next(members, None) is not None:
                raise DamagedError("the file holds more than its manifest says")
        self._read_end()

    def _read_end(self) -> None:
        """Read the file's own checksum, which comes last."""
        with _whole(), gzip.open(self.path) as packed:
            while packed.read(1 << 20):
                pass

    @contextlib.contextmanager
    def _members(self) -> Iterator[Iterator[tuple[tarfile.TarInfo, IO[bytes]]]]:
        def members(archive: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
            for info in archive:
                file = archive.extractfile(info) if info.isreg() else None
                if file is None:
                    raise DamagedError(f"{info.name} is no plain file")
                yield info, file

        with _whole(), gzip.open(self.path) as packed, tarfile.open(fileobj=packed, mode="r|") as archive:
            yield members(archive)


@contextlib.contextmanager
def _whole() -> Iterator[None]:
    """Turn what a cut or damaged archive is found by into DamagedError; the disk's own errors pass."""
    try:
        yield
    except (tarfile.TarError, zlib.error, EOFError, OSError, UnicodeDecodeError) as exc:
        if isinstance(exc, OSError) and exc.errno is not None:
            raise
        raise DamagedError(f"the file is cut off or damaged ({exc})") from exc


def member(database: str, table: str) -> str:
    """Return the name of a table's member."""
    return f"{database}/{table}.jsonl"


def _add(archive: tarfile.TarFile, name: str, file: IO[bytes], size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    archive.addfile(info, file)


def _small(members: Iterator[tuple[tarfile.TarInfo, IO[bytes]]], name: str) -> bytes:
    info, file = next(members, (None, None))
    if info is None or file is None or info.name != name or info.size > _LARGEST_MANIFEST:
        raise DamagedError(f"it is no backup of zhixin: {name} is not where it should be")
    return file.read()


def _lines(name: str, entry: TableEntry, file: IO[bytes]) -> Iterator[str]:
    digest = hashlib.sha256()
    rows = 0
    while True:
        with _whole():
            raw = file.readline(_LONGEST_LINE)
            line = raw.decode()
        if not raw:
            break
        digest.update(raw)
        rows += 1
        yield line
    if digest.hexdigest() != entry.sha256 or rows != entry.rows:
        raise DamagedError(f"{name} was damaged or changed")
